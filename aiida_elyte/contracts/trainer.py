"""The contract of every trainer, as a test class that its author inherits."""

from collections.abc import Callable
from typing import Any

import pytest
from aiida import orm
from aiida.engine import ProcessBuilder, WorkChain, run_get_node
from aiida.manage.caching import disable_caching

from aiida_elyte.data.potential import PotentialData
from aiida_elyte.plugins import load, names
from aiida_elyte.science.learning.error_key import ErrorKey
from aiida_elyte.workflows.trainer import Trainer

__all__ = ["TrainerContract"]


class TrainerContract:
    """Inherit, and give two fixtures; those of the built-in trainer of networks are the shortest example.

    ``trainer``
        The WorkChain.
    ``build``
        Function that takes a seed and returns its builder for a data set of a few frames, some of them held out.
    """

    def test_declares_what_a_street_asks(self, trainer: type[Trainer], build: Callable[[int], ProcessBuilder]) -> None:
        """Code, modules, kind of model, errors and rates are declared; the trainer is a plug-in."""
        assert issubclass(trainer, WorkChain)
        assert trainer in [load("trainers", name) for name in names("trainers")]
        assert isinstance(trainer.code_role, str)
        assert all(isinstance(module, str) for module in trainer.needs)
        assert issubclass(trainer.makes, orm.Data)
        for key in (trainer.error_key, trainer.status_key):
            assert isinstance(key, ErrorKey)
            assert key.label
            assert key.unit
        rates = trainer.rates(build(0)["settings"].get_dict())
        assert rates is None or min(rates.seconds_per_atom_step, rates.seconds_per_training_atom) > 0
        assert {"dataset", "settings"} <= set(trainer.spec().inputs)
        assert {"potential", "results"} <= set(trainer.spec().outputs)

    def test_settings_it_does_not_know_are_rejected_before_anything_is_submitted(
        self, trainer: type[Trainer], build: Callable[[int], ProcessBuilder]
    ) -> None:
        """The port ``settings`` takes those of the builder, and answers others with a sentence that names the key."""
        assert issubclass(trainer, WorkChain)
        port: Any = trainer.spec().inputs["settings"]
        known = build(0)["settings"].get_dict()
        assert port.validate(orm.Dict(known)) is None
        for wrong in ({"no_such_setting": 1}, {"seed": "x"}):
            invalid = port.validate(orm.Dict({**known, **wrong}))
            assert invalid is not None, f"the port `settings` takes {wrong}"
            assert next(iter(wrong)) in invalid.message

    def test_trains_the_same_from_the_same_seed_and_goes_on_from_its_folder(
        self, trainer: type[Trainer], build: Callable[[int], ProcessBuilder]
    ) -> None:
        """A seed makes a model, bit by bit; a finished training that is resumed ends the same."""
        assert issubclass(trainer, WorkChain)
        with disable_caching():
            first = self._train(build(1))
            potential = first.outputs.potential
            assert isinstance(potential, trainer.makes)
            errors = first.outputs.results["errors"]
            for side in ("train", "validation"):
                assert trainer.error_key.of(errors[side]) is not None
                assert trainer.status_key.of(errors[side]) is not None
            if isinstance(potential, PotentialData):
                family = load("families", potential.family)()
                assert family.describe(potential.get_content(mode="rb")).as_dict() == _attributes(potential)
                assert potential.base.attributes.get("seed") == 1
                assert potential.base.attributes.get("level_of_theory") != "unstated"
            assert _content(self._train(build(1))) == _content(first)
            assert _content(self._train(build(2))) != _content(first)
            resumed = build(1)
            if "parent_folder" not in trainer.spec().inputs:
                pytest.skip("the trainer does not go on from a folder")
            resumed.parent_folder = first.outputs.remote_folder
            assert _content(self._train(resumed)) == _content(first)

    @staticmethod
    def _train(builder: ProcessBuilder) -> Any:
        node = run_get_node(builder)[1]
        assert node.is_finished_ok, (node.exit_message, [called.exit_message for called in node.called])
        return node


def _content(node: Any) -> bytes:
    return node.outputs.potential.get_content(mode="rb")


def _attributes(node: PotentialData) -> dict[str, Any]:
    return {key: value for key, value in node.base.attributes.all.items() if key != "filename"}
