"""The architecture of a PaiNN; imports no torch."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from aiida_elyte.science.settings import Count, Positive, Settings, check_choice, check_count

__all__ = ["Architecture"]


@dataclass(frozen=True)
class Architecture(Settings):
    """The network: SchNetPack's PaiNN with the 5 Å of its tutorials, one feature set for all."""

    n_features: Count = 64
    """Features of an atom."""
    n_layers: Count = 3
    """Interactions, one after the other."""
    n_rbf: Annotated[int, partial(check_count, least=2)] = 20
    """Gaussians of the radial basis; their width is the distance between two."""
    cutoff_A: Positive = 5.0
    """Cut-off [Å]."""
    baseline: str | None = "zbl"
    """What is added to the network: ``zbl``, the repulsion of ``science.potentials.zbl``, or ``None`` for nothing."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.baseline is not None:
            check_choice("baseline", self.baseline, ("zbl",))
