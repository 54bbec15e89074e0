"""The contract of every sampler before it runs, as a test class that its author inherits."""

from inspect import signature
from typing import Any

from aiida import orm

from aiida_elyte.data.frames import FramesData

__all__ = ["SamplerContract"]


class SamplerContract:
    """Inherit, and give one fixture; ``tests/workflows/test_samplers.py`` is the shortest example.

    ``sampler``
        The WorkChain. That its frames carry origin and committee spread is seen when it runs.
    """

    def test_takes_start_members_and_settings(self, sampler: Any) -> None:
        """The ports that active learning fills in are there, and settings are checked before a job is submitted."""
        ports = sampler.spec().inputs
        assert FramesData in _types(ports["start"].valid_type)
        assert ports["potentials"].dynamic
        assert orm.Dict in _types(ports["settings"].valid_type)
        invalid = ports["settings"].validate(orm.Dict({"no such setting": 1}))
        assert invalid is not None
        assert "no such setting" in invalid.message

    def test_returns_frames(self, sampler: Any) -> None:
        """Frames come out; results, if there are any, are a dictionary."""
        outputs = sampler.spec().outputs
        assert FramesData in _types(outputs["frames"].valid_type)
        if "results" in outputs:
            assert orm.Dict in _types(outputs["results"].valid_type)

    def test_codes_are_ports(self, sampler: Any) -> None:
        """Each role is the port of a code, and a keyword of the builder."""
        parameters = signature(sampler.get_builder_from_protocol).parameters
        takes_all = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
        for role in sampler.CODES:
            assert issubclass(_types(sampler.spec().inputs[role].valid_type)[0], orm.AbstractCode)
            assert takes_all or role in parameters

    def test_has_a_protocol(self, sampler: Any, python_code: orm.AbstractCode) -> None:
        """A builder has all inputs but those that active learning fills in."""
        codes = dict.fromkeys(sampler.CODES, python_code)
        for protocol in ("fast", "balanced", "stringent"):
            builder = sampler.get_builder_from_protocol(
                python_code, protocol=protocol, overrides={}, options={"max_wallclock_seconds": 60}, **codes
            )
            assert builder.settings is not None


def _types(kind: type | tuple[type, ...]) -> tuple[type, ...]:
    return kind if isinstance(kind, tuple) else (kind,)
