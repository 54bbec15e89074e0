"""What a fit makes small: errors of forces and energies, and the distance from where it began."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.constraints import Constraints
from aiida_elyte.science.forcefield.dataset import LabelledSystem
from aiida_elyte.science.forcefield.derivatives import energy_derivatives, force_derivatives
from aiida_elyte.science.forcefield.evaluation import energies, forces
from aiida_elyte.science.forcefield.fit_settings import Target
from aiida_elyte.science.forcefield.model import interactions_of, place_types

__all__ = ["Objective", "draw_frames", "make_objectives"]

_FRAMES_AT_ONCE = 64
"""Frames whose derivatives are held in memory together."""


class Objective:
    """Sum of squared residuals in units of the model's errors, and of free numbers in widths of their priors.

    Coordinates and forces are on a GPU where there is one; the free numbers stay on the processor.

    Parameters
    ----------
    systems
        Clusters with labels.
    constraints
        Map from free numbers to parameters.
    model_error
        Error that forces are expected to have [kcal/mol/Å].
    energy_error
        Error that energies are expected to have, up to an offset a system [kcal/mol]; ``None`` leaves them out.
    weights
        How often each frame of each system counts, shapes ``(F,)``; once where not given.

    Raises
    ------
    InputError
        If an error is not positive, or energies are asked for and a system has none.
    """

    def __init__(
        self,
        systems: Sequence[LabelledSystem],
        constraints: Constraints,
        model_error: float,
        energy_error: float | None = None,
        weights: Sequence[Tensor] | None = None,
    ) -> None:
        if not model_error > 0:
            raise InputError(f"model_error is {model_error}; expected a positive number of kcal/mol/Å")
        if energy_error is not None and not energy_error > 0:
            raise InputError(f"energy_error is {energy_error}; expected a positive number of kcal/mol")
        bare = [system.name for system in systems if system.energies is None]
        if energy_error is not None and bare:
            raise InputError(f"{bare[0]} has no energies; expected one a frame [eV]; label them, or fit forces alone")
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.constraints, self.model_error, self.energy_error = constraints, model_error, energy_error
        self._parts, self._weights, self._places, self._owner = [], [], [], []
        for number, system in enumerate(systems):
            places = place_types(constraints.keys, system.topology, system.types)
            weight = torch.ones(len(system.forces)).double() if weights is None else weights[number]
            for part, its_weight in zip(
                system.split(_FRAMES_AT_ONCE), weight.to(device).split(_FRAMES_AT_ONCE), strict=True
            ):
                self._parts.append(part.to(device))
                self._weights.append(its_weight)
                self._places.append({kind: each.to(device) for kind, each in places.items()})
                self._owner.append(number)
        self._n_components = sum(
            float(weight.sum()) * part.forces[0].numel()
            for weight, part in zip(self._weights, self._parts, strict=True)
        )

    def value(self, free: Tensor) -> tuple[float, float]:
        """Return the objective and the root mean square of the force residuals [kcal/mol/Å]."""
        residuals, energy_residuals = self._residuals(self.constraints.tables(free))
        square = sum(
            float((weight[:, None, None] * residual**2).sum())
            for weight, residual in zip(self._weights, residuals, strict=True)
        )
        total = square / self.model_error**2 + float(free @ free)
        for residual in self._centre(energy_residuals):
            total += float(residual @ residual)
        return total, (square / self._n_components) ** 0.5

    def curvature(self, free: Tensor) -> tuple[Tensor, Tensor]:
        """Return half the gradient, and half the Hessian after Gauss and Newton, by the free numbers."""
        tables = self.constraints.tables(free)

        def flatten(numbers: Tensor) -> Tensor:
            return torch.cat([table.flatten() for table in self.constraints.tables(numbers).values()])

        by_free = torch.func.jacfwd(flatten)(free)
        gradient, hessian = free.clone(), torch.eye(len(free), dtype=free.dtype)
        residuals, energy_residuals = self._residuals(tables)
        energy_jacobians = []
        scale = self.constraints.charge_scale
        for part, places, weight, residual in zip(self._parts, self._places, self._weights, residuals, strict=True):
            own = {kind: table.to(residual.device) for kind, table in tables.items()}
            jacobian, columns = force_derivatives(part, own, places, scale)
            root = weight.sqrt()[:, None, None, None] / self.model_error
            jacobian = (root * jacobian).flatten(0, 2)
            by_own = by_free[columns.cpu()]
            gradient += by_own.T @ (jacobian.T @ (root[..., 0] * residual).flatten()).cpu()
            hessian += by_own.T @ (jacobian.T @ jacobian).cpu() @ by_own
            if self.energy_error is not None:
                jacobian, columns = energy_derivatives(part, own, places, scale)
                energy_jacobians.append(jacobian.cpu() @ by_free[columns.cpu()])
        for residual, jacobian in zip(self._centre(energy_residuals), self._centre(energy_jacobians), strict=True):
            gradient += jacobian.T @ residual
            hessian += jacobian.T @ jacobian
        return gradient, hessian

    def _residuals(self, tables: Mapping[str, Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Return force minus label of each part [kcal/mol/Å] and, where they are fitted, energy minus label."""
        force_residuals, energy_residuals = [], []
        for part, places in zip(self._parts, self._places, strict=True):
            own = {kind: table.to(part.forces.device) for kind, table in tables.items()}
            interactions = interactions_of(own, places, part.topology, self.constraints.charge_scale)
            force_residuals.append(forces(part.coordinates, interactions) - part.forces)
            if self.energy_error is not None and part.energies is not None:
                energy_residuals.append((energies(part.coordinates, interactions).sum(0) - part.energies).cpu())
        return force_residuals, energy_residuals

    def _centre(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Return values of the frames of each system about their mean, by root of weight over the energies' error."""
        if self.energy_error is None:
            return []
        centred = []
        for number in sorted(set(self._owner)):
            places = [place for place, owner in enumerate(self._owner) if owner == number]
            values = torch.cat([parts[place] for place in places])
            weight = torch.cat([self._weights[place] for place in places]).cpu()
            values = values - (weight @ values) / weight.sum()
            root = weight.sqrt() / self.energy_error
            centred.append(root * values if values.dim() == 1 else root[:, None] * values)
        return centred


def make_objectives(
    systems: Sequence[LabelledSystem],
    validation: Sequence[LabelledSystem],
    constraints: Constraints,
    target: Target,
    bootstrap: np.random.Generator | None,
) -> tuple[Objective, Objective]:
    """Return the objective of a fit, of frames drawn anew where that is asked for, and that of the frames held back."""
    weights = [draw_frames(system, bootstrap) for system in systems]
    return (
        Objective(systems, constraints, target.model_error, target.energy_error, weights),
        Objective(validation, constraints, target.model_error, target.energy_error),
    )


def draw_frames(system: LabelledSystem, rng: np.random.Generator | None) -> Tensor:
    """Return how often each frame counts: once, or as its block is drawn with replacement, shape ``(F,)``.

    Frames of one block are correlated: drawn one by one they would make members of an ensemble too much alike. Where
    all are of one block they are drawn nevertheless, or members would be the same.
    """
    n_frames = len(system.forces)
    if rng is None:
        return torch.ones(n_frames, dtype=torch.float64)
    names = np.arange(n_frames) if system.blocks is None else system.blocks
    if len(np.unique(names)) == 1:
        names = np.arange(n_frames)
    found, blocks = np.unique(names, return_inverse=True)
    counts = np.bincount(rng.integers(len(found), size=len(found)), minlength=len(found))
    return torch.as_tensor(counts[blocks].astype(float))
