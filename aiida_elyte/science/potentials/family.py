"""The seam between families of potentials and what uses one: a file's family describes and loads it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any, ClassVar

from aiida_elyte.errors import EngineMissingError, InputError

if TYPE_CHECKING:
    import torch

    from aiida_elyte.science.potentials.potential import Potential

__all__ = ["Description", "Family", "resolve_family"]


@dataclass(frozen=True)
class Description:
    """What a database should know of a potential."""

    family: str
    """Name of its family."""
    elements: list[str]
    """Elements it was trained for, sorted."""
    cutoff_A: float
    """Cut-off [Å]."""
    dtype: str
    """``float32`` or ``float64``."""
    n_parameters: int
    """Number of its parameters."""
    level_of_theory: str = "unstated"
    """What made the labels it was trained on."""
    seed: int | None = None
    """Seed of its training."""
    training_hash: str | None = None
    """``science.frames.fingerprint`` of the frames it was trained on."""
    architecture: Mapping[str, Any] = field(default_factory=dict)
    """What else makes the model, as its family names it."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values by name."""
        return asdict(self)


class Family(ABC):
    """A family of potentials, the entry point of ``aiida_elyte.families``.

    Its module is imported where files are only described: it imports its engine in ``load``, not before. With a job
    travels what the module imports.
    """

    name: ClassVar[str]
    """Name of its entry point."""
    packages: ClassVar[tuple[str, ...]]
    """Distributions of its engine, where potentials are evaluated."""
    modules: ClassVar[tuple[str, ...]] = ("torch_sim",)
    """Modules that have to be found there."""

    @abstractmethod
    def recognises(self, content: bytes) -> bool:
        """Tell whether a file of this content is a potential of this family."""

    @abstractmethod
    def describe(self, content: bytes) -> Description:
        """Describe a potential without building it.

        Raises
        ------
        InputError
            If the file is not a potential of this family.
        """

    @abstractmethod
    def load(
        self, content: bytes, device: "str | torch.device" = "cpu", dtype: "torch.dtype | None" = None
    ) -> "Potential":
        """Load a potential, ready for evaluation: its weights take no gradient.

        Parameters
        ----------
        content
            Of its file.
        device
            Where to put it.
        dtype
            Precision of its weights; that of the file by default.

        Raises
        ------
        InputError
            If the file is not a potential of this family, or its engine is not installed.
        """

    @classmethod
    def pretrained(cls) -> dict[str, bytes]:
        """Return the contents of potentials that come trained with the engine, by the names that users give them.

        They are found without the engine; a family that has none returns an empty dictionary.
        """
        return {}

    def versions(self) -> dict[str, str]:
        """Return the versions of the engine, as they are installed here."""
        return {package: metadata.version(package) for package in self.packages}

    @classmethod
    def reference(cls) -> str:
        """Return where a program finds this family, as ``package.module:Class``."""
        return f"{cls.__module__}:{cls.__qualname__}"


def resolve_family(reference: str) -> Family:
    """Return the family of a reference, see ``Family.reference``.

    Raises
    ------
    EngineMissingError
        If its module cannot be imported.
    InputError
        If it is not a family.
    """
    module, _, name = reference.partition(":")
    try:
        found = getattr(import_module(module), name, None)
    except ImportError as error:
        raise EngineMissingError(
            f"family {reference!r} cannot be imported ({error}); expected package.module:Class; install its package "
            "where this runs"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Family)):
        raise InputError(f"family {reference!r} is {found!r}; expected package.module:Class, a subclass of Family")
    return found()
