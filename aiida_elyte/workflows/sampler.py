"""The door for samplers."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from aiida import orm
from aiida.engine import ProcessBuilder

from aiida_elyte.errors import InputError
from aiida_elyte.plugins import load

__all__ = ["Sampler", "sampler_builder"]


class Sampler(Protocol):
    """A WorkChain that runs dynamics with the members of an ensemble and returns frames worth a look.

    Inputs
        ``start``: ``FramesData`` to start from. ``potentials``: the members, a dynamic namespace ``m00 …``.
        ``settings``: ``Dict``; ``replicas`` in it lists the runs, each with its ``seed`` and the ``member`` that drives
        it, and the keys of ``learning.sampling`` override those of the protocol; of a sampler beside the first one only
        ``temperature_K`` does, and there are as many replicas. ``dataset``, if it is a port: the labelled frames.
    Outputs
        ``frames``: ``FramesData``, each frame with ``origin`` and the committee spread of all members,
        ``spread_max_eV_A`` [eV/Å], in ``info``; also of a WorkChain that failed, as far as it got. ``results``, if
        given: ``Dict`` whose ``stops`` are the runs that ended early → why. ``series``, if given: ``SeriesData`` of
        dynamics in equilibrium, from which learning reads the quantity of interest.
    Attribute
        ``LEAST_MEMBERS``, if given: how many members it needs; one if not.
    """

    CODES: ClassVar[tuple[str, ...]]
    """Roles of the codes that it needs beside Python; each is a port of that name too."""

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: orm.AbstractCode,
        protocol: str | None = None,
        overrides: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
        **codes: orm.AbstractCode,
    ) -> ProcessBuilder:
        """Return a builder with all but ``start``, ``potentials`` and what ``learning.sampling`` says."""
        ...


def sampler_builder(
    name: str,
    codes: Mapping[str, orm.AbstractCode],
    *,
    protocol: str | None,
    overrides: dict[str, Any] | None,
    options: dict[str, Any] | None,
) -> ProcessBuilder:
    """Return the builder of a sampler, with the codes that it asks for.

    Parameters
    ----------
    name
        Name of the sampler.
    codes
        ``python``, and those that the sampler asks for by role.
    protocol, overrides, options
        As of its ``get_builder_from_protocol``.

    Raises
    ------
    InputError
        If the sampler is unknown, or a code is missing.
    """
    sampler = load("samplers", name)
    if missing := [role for role in sampler.CODES if role not in codes]:
        raise InputError(f"codes have no {', '.join(missing)}; expected one for each role of the sampler {name!r}")
    builder: ProcessBuilder = sampler.get_builder_from_protocol(
        codes["python"],
        protocol=protocol,
        overrides=overrides,
        options=options,
        **{role: codes[role] for role in sampler.CODES},
    )
    return builder
