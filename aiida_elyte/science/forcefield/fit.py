"""Learning of a class-2 force field from the forces of labelled clusters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.constraints import Constraints
from aiida_elyte.science.forcefield.dataset import System
from aiida_elyte.science.forcefield.derivatives import force_derivatives
from aiida_elyte.science.forcefield.evaluation import forces
from aiida_elyte.science.forcefield.model import ForceField, interactions_of, place_types

__all__ = ["FitStep", "evaluate_forces", "fit_force_field"]

_PATIENCE = 5
"""Steps without a better validation error after which a fit ends."""

_CONVERGED = 1e-3
"""Relative gain of the objective below which a step is the last."""

_MOST_DAMPING = 1e8
"""Damping above which no step is left to take."""

_FRAMES_AT_ONCE = 64
"""Frames whose derivatives are held in memory together."""

_UNDETERMINED = 0.9
"""Parameters whose error is more than this share of the width of their prior are not determined by the data."""


@dataclass(frozen=True)
class FitStep:
    """Where a fit stands."""

    number: int
    """Steps taken."""
    train_rmse: float
    """Error of the forces that are fitted [kcal/mol/Å]."""
    validation_rmse: float | None
    """Error of those held back [kcal/mol/Å]; ``None`` where none are."""
    force_field: ForceField
    """The best so far: on the frames held back, or else on the others."""


class _Objective:
    """Sum of squared residuals in units of the model's error, and of free numbers in widths of their priors."""

    def __init__(
        self, systems: Sequence[System], constraints: Constraints, weights: Sequence[np.ndarray], error: float
    ) -> None:
        self.constraints, self.error = constraints, error
        self.systems = [part for system in systems for part in system.split(_FRAMES_AT_ONCE)]
        self.weights = [part for each in weights for part in torch.as_tensor(each).split(_FRAMES_AT_ONCE)]
        self.places = [place_types(constraints.keys, system.topology, system.types) for system in self.systems]
        self.n_components = sum(
            float(weight.sum()) * system.forces[0].numel()
            for weight, system in zip(self.weights, self.systems, strict=True)
        )

    def residuals(self, tables: Mapping[str, Tensor]) -> list[Tensor]:
        """Return force minus label of each system [kcal/mol/Å]."""
        scale = self.constraints.charge_scale
        return [
            forces(system.coordinates, interactions_of(tables, places, system.topology, scale)) - system.forces
            for system, places in zip(self.systems, self.places, strict=True)
        ]

    def value(self, free: Tensor) -> tuple[float, float]:
        """Return the objective and the root mean square of the residuals [kcal/mol/Å]."""
        residuals = self.residuals(self.constraints.tables(free))
        square = sum(
            float((weight[:, None, None] * residual**2).sum())
            for weight, residual in zip(self.weights, residuals, strict=True)
        )
        return square / self.error**2 + float(free @ free), (square / self.n_components) ** 0.5

    def curvature(self, free: Tensor) -> tuple[Tensor, Tensor]:
        """Return half the gradient, and half the Hessian after Gauss and Newton, by the free numbers."""
        tables = self.constraints.tables(free)

        def flatten(numbers: Tensor) -> Tensor:
            return torch.cat([table.flatten() for table in self.constraints.tables(numbers).values()])

        by_free = torch.func.jacfwd(flatten)(free)
        gradient, hessian = free.clone(), torch.eye(len(free), dtype=free.dtype)
        residuals = self.residuals(tables)
        for system, places, weight, residual in zip(self.systems, self.places, self.weights, residuals, strict=True):
            jacobian, columns = force_derivatives(system, tables, places, self.constraints.charge_scale)
            root = weight.sqrt()[:, None, None, None] / self.error
            jacobian = (root * jacobian).flatten(0, 2)
            own = by_free[columns]
            gradient += own.T @ (jacobian.T @ (root[..., 0] * residual).flatten())
            hessian += own.T @ (jacobian.T @ jacobian) @ own
        return gradient, hessian


def fit_force_field(
    systems: Sequence[System],
    validation: Sequence[System] = (),
    *,
    terms: str = "class2",
    depth: int = 3,
    charge_scale: float = 1.0,
    model_error: float = 4.0,
    project_net_force: bool = True,
    n_steps: int = 40,
    bootstrap: np.random.Generator | None = None,
    start: ForceField | None = None,
    on_step: Callable[[FitStep], None] | None = None,
) -> ForceField:
    r"""Fit parameters to forces by damped least squares, with Gaussian priors.

    .. math:: \sum_i (F_i - F_i^{ref})^2 / s^2 + \sum_p x_p^2

    with the free numbers x of ``Constraints``, whose priors have width one, and the error s that forces of the model
    are expected to have. Each step solves the normal equations after Gauss and Newton, with the damping of Levenberg
    and Marquardt; the error on the frames held back decides which step is kept.

    Parameters
    ----------
    systems
        Clusters with forces and charges.
    validation
        Frames held back.
    terms
        ``class2``, or ``class1`` for harmonic bonds and angles without cross terms.
    depth
        Bonds that an atom type looks at, as the systems were made with.
    charge_scale
        What the charges of ions are multiplied by.
    model_error
        s [kcal/mol/Å]: the larger, the more the priors say.
    project_net_force
        Whether the net force of each label is taken from it.
    n_steps
        Most steps to take.
    bootstrap
        Source of randomness to draw the frames of each system anew with replacement, for ensembles.
    start
        Where to go on from: a force field of the same systems and terms.
    on_step
        Called after each step, e.g. to save the force field.

    Returns
    -------
    ForceField
        The best; its ``record`` holds settings, errors, standard errors, and what the data do not determine.

    Raises
    ------
    InputError
        When there are no systems, ``model_error`` is not positive, or as of ``Constraints``.
    """
    if not systems:
        raise InputError("there are no systems; expected labelled frames; give some")
    if not model_error > 0:
        raise InputError(f"model_error is {model_error}; expected a positive number of kcal/mol/Å; correct it")
    net_force = _rms([system.net_forces for system in systems])
    if project_net_force:
        systems = [system.without_net_force() for system in systems]
    constraints = Constraints(systems, terms, charge_scale)
    objective = _Objective(systems, constraints, [_draw(system, bootstrap) for system in systems], model_error)
    held_back = _Objective(validation, constraints, [np.ones(len(system.forces)) for system in validation], model_error)
    settings = {
        "terms": terms,
        "charge_scale": charge_scale,
        "model_error_kcal_mol_A": model_error,
        "project_net_force": project_net_force,
        "is_bootstrap": bootstrap is not None,
        "n_frames": {system.name: len(system.forces) for system in systems},
        "net_force_rms_kcal_mol_A": net_force,
    }

    def freeze(free: Tensor, **errors: Any) -> ForceField:
        return ForceField(
            depth=depth,
            neighbourhoods=constraints.neighbourhoods,
            keys=constraints.keys,
            parameters={kind: table.numpy() for kind, table in constraints.tables(free).items()},
            charge_scale=charge_scale,
            record={"settings": settings, "errors": errors},
        )

    free = torch.zeros(constraints.n_free, dtype=torch.float64)
    if start is not None:
        free = constraints.locate(start.parameters)
    value, train = objective.value(free)
    best, best_error, waited, damping, gain = free, np.inf, 0, 1e-2, np.inf
    best_errors: dict[str, Any] = {}
    for number in range(n_steps + 1):
        error = held_back.value(free)[1] if validation else None
        judged = train if error is None else error
        if judged < best_error:
            best, best_error, waited = free, judged, 0
            best_errors = {"train_rmse_kcal_mol_A": train, "validation_rmse_kcal_mol_A": error, "n_steps": number}
        else:
            waited += 1
        if on_step is not None:
            on_step(FitStep(number, train, error, freeze(best, **best_errors)))
        if number == n_steps or waited == _PATIENCE or gain < _CONVERGED:
            break
        gradient, hessian = objective.curvature(free)
        before = value
        free, value, train, damping = _step(objective, free, value, train, gradient, hessian, damping)
        gain = 1 - value / before
    return freeze(best, **best_errors, **_determination(objective, best))


def evaluate_forces(force_field: ForceField, systems: Sequence[System]) -> dict[str, Any]:
    """Compare forces with labels, as they are.

    Returns
    -------
    dict
        ``overall`` and ``systems`` by name: root mean square and mean absolute error of the components
        [kcal/mol/Å], number of frames, and the root mean square of the labels' net force [kcal/mol/Å].
    """
    if not systems:
        raise InputError("there are no systems; expected labelled frames; give some")
    residuals = {
        system.name: force_field.forces(system.topology, system.types, system.coordinates) - system.forces
        for system in systems
    }
    return {
        "overall": _errors(list(residuals.values()), [system.net_forces for system in systems]),
        "systems": {system.name: _errors([residuals[system.name]], [system.net_forces]) for system in systems},
    }


def _step(
    objective: _Objective, free: Tensor, value: float, train: float, gradient: Tensor, hessian: Tensor, damping: float
) -> tuple[Tensor, float, float, float]:
    """Return the free numbers, objective, error and damping after the first damped step that gains."""
    diagonal = hessian.diagonal().diag()
    while damping < _MOST_DAMPING:
        trial = free - torch.linalg.solve(hessian + damping * diagonal, gradient)
        found, error = objective.value(trial)
        if found < value:
            return trial, found, error, max(damping / 10, 1e-12)
        damping *= 5
    return free, value, train, damping


def _determination(objective: _Objective, free: Tensor) -> dict[str, Any]:
    """Return the share of its prior's width that each parameter's error is, where the data do not determine it."""
    _, hessian = objective.curvature(free)
    share = torch.linalg.inv(hessian).diagonal().sqrt()
    names = objective.constraints.names()
    undetermined = {
        name: round(each, 3) for name, each in zip(names, share.tolist(), strict=True) if each > _UNDETERMINED
    }
    return {"n_parameters": len(names), "undetermined": undetermined}


def _draw(system: System, rng: np.random.Generator | None) -> np.ndarray:
    """Return how often each frame counts."""
    n_frames = len(system.forces)
    if rng is None:
        return np.ones(n_frames)
    return np.bincount(rng.integers(n_frames, size=n_frames), minlength=n_frames).astype(float)


def _errors(residuals: Sequence[Tensor], net_forces: Sequence[Tensor]) -> dict[str, Any]:
    flat = torch.cat([residual.flatten() for residual in residuals])
    return {
        "force_rmse_kcal_mol_A": float(flat.square().mean().sqrt()),
        "force_mae_kcal_mol_A": float(flat.abs().mean()),
        "n_frames": sum(len(residual) for residual in residuals),
        "net_force_rms_kcal_mol_A": _rms(net_forces),
    }


def _rms(net_forces: Sequence[Tensor]) -> float:
    """Return the root mean square length."""
    return float(torch.cat(list(net_forces)).square().sum(1).mean().sqrt())
