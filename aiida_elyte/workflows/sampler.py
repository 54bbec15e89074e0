"""The door for samplers."""

from typing import Any, ClassVar, Protocol

from aiida import orm
from aiida.engine import ProcessBuilder

__all__ = ["Sampler"]


class Sampler(Protocol):
    """A WorkChain that runs dynamics with the members of an ensemble and returns frames worth a look.

    Inputs
        ``start``: ``FramesData`` to start from. ``potentials``: the members, a dynamic namespace ``m00 …``.
        ``settings``: ``Dict``; ``replicas`` in it lists the runs, each with its ``seed`` and the ``member`` that drives
        it, and the keys of ``learning.sampling`` override those of the protocol.
    Outputs
        ``frames``: ``FramesData``, each frame with ``origin`` and the committee spread of all members,
        ``spread_max_eV_A`` [eV/Å], in ``info``; also of a WorkChain that failed, as far as it got. ``results``, if
        given: ``Dict`` whose ``stops`` are the runs that ended early → why.
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
