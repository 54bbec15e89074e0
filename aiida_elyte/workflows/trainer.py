"""The door for trainers, ``aiida_elyte.trainers``."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from aiida import orm
from aiida.engine import ProcessBuilder

from aiida_elyte.science.cost import Rates
from aiida_elyte.science.learning.error_key import ErrorKey

__all__ = ["Trainer"]


class Trainer(Protocol):
    """A WorkChain that turns a labelled data set into one member.

    The port ``settings`` has a validator that rejects what the trainer cannot train with: ensembles and rounds of
    learning ask it, with the settings of warm starts too, before anything is labelled.

    Inputs: ``code``, ``dataset``, ``settings`` (with a ``seed``), and if it can, ``validation`` and ``initial``.
    Outputs: ``potential``, and ``results`` with ``errors`` of ``train``, ``validation`` and, if there is one,
    ``test``.
    """

    code_role: ClassVar[str]
    """Role of its code, as in ``--code python=…``."""
    needs: ClassVar[tuple[str, ...]]
    """Modules that its code must be able to import."""
    makes: ClassVar[type[orm.Data]]
    """Type of its output ``potential``."""
    error_key: ClassVar[ErrorKey]
    """Error on frames held out by which learning goes on or ends."""
    status_key: ClassVar[ErrorKey]
    """Error on frames held out that the status of a street shows."""

    @classmethod
    def rates(cls, settings: Mapping[str, Any]) -> Rates | None:
        """Return what its models cost, ``None`` if that was not measured."""

    @classmethod
    def get_builder_from_protocol(
        cls,
        code: orm.AbstractCode,
        protocol: str | None = None,
        overrides: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
        **nodes: Any,
    ) -> ProcessBuilder:
        """Return a builder."""
