"""What PaiNN costs.

CPU times of one core (single runs, ±40 %): 32 features × 2 layers on 50 atoms made 4 500 atom-steps/s and trained on a
frame in 23 ms; 64 × 3 on LGPS of 50–400 atoms made 2 600 atom-steps/s and trained on a 64-atom frame in 54 ms.
"""

from aiida_elyte.science.cost import Rates

__all__ = ["painn_rates"]

_WEIGHT_BYTES = 4.0 * 12
"""float32 weights, their optimiser and their checkpoints, per squared feature and layer."""


def painn_rates(n_features: int, n_layers: int) -> Rates:
    """Return the rates of a network, times linear in features × layers."""
    size = n_features * n_layers
    return Rates(
        seconds_per_atom_step=_line(size, (64, 1 / 4500), (192, 1 / 2600)),
        seconds_per_training_atom=_line(size, (64, 0.023 / 50), (192, 0.054 / 64)),
        bytes_per_member=_WEIGHT_BYTES * n_layers * 12 * n_features**2,
    )


def _line(x: float, first: tuple[float, float], second: tuple[float, float]) -> float:
    slope = (second[1] - first[1]) / (second[0] - first[0])
    return first[1] + slope * (x - first[0])
