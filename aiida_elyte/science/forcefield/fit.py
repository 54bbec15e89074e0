"""Learning of a class-2 force field from the forces of labelled clusters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.constraints import Constraints
from aiida_elyte.science.forcefield.dataset import LabelledSystem
from aiida_elyte.science.forcefield.evaluation import energies
from aiida_elyte.science.forcefield.fit_settings import Target
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.forcefield.objective import Objective, make_objectives

__all__ = ["FitStep", "evaluate_forces", "fit_discrete", "measure_net_force"]

_PATIENCE = 5
"""Steps without a better validation error after which a fit ends."""

_CONVERGED = 1e-3
"""Relative gain of the objective below which a step is the last."""

_MOST_DAMPING = 1e8
"""Damping above which no step is left to take."""

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


def fit_discrete(
    systems: Sequence[LabelledSystem],
    validation: Sequence[LabelledSystem] = (),
    target: Target = Target(),  # noqa: B008 - frozen
    *,
    depth: int = 3,
    n_steps: int = 40,
    bootstrap: np.random.Generator | None = None,
    start: ForceField | None = None,
    on_step: Callable[[FitStep], None] | None = None,
) -> ForceField:
    r"""Fit parameters to forces by damped least squares, with Gaussian priors.

    .. math:: \sum_i (F_i - F_i^{ref})^2 / s^2 + \sum_f (E_f - E_f^{ref} - c)^2 / s_E^2 + \sum_p x_p^2

    with the free numbers x of ``Constraints``, whose priors have width one, and the errors s and s_E that forces and
    energies of the model are expected to have; energies enter where s_E is given, each system with an offset c of its
    own. Each step solves the normal equations after Gauss and Newton, with the damping of Levenberg
    and Marquardt; the error on the frames held back decides which step is kept.

    Parameters
    ----------
    systems
        Clusters with forces and charges.
    validation
        Frames held back.
    target
        What is fitted, with the errors s and s_E.
    depth
        Bonds that an atom type looks at, as the systems were made with.
    n_steps
        Most steps to take.
    bootstrap
        Source of randomness to draw the blocks of frames of each system anew with replacement, for ensembles.
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
        If there are no systems, or as of ``Objective`` and ``Constraints``.
    """
    if not systems:
        raise InputError("there are no systems; expected labelled frames; give some")
    net_force = measure_net_force(systems)
    if target.project_net_force:
        systems = [system.without_net_force() for system in systems]
    constraints = Constraints(systems, target.terms, target.charge_scale)
    objective, held_back = make_objectives(systems, validation, constraints, target, bootstrap)
    settings = {
        **target.as_record(),
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
            charge_scale=target.charge_scale,
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


def evaluate_forces(force_field: ForceField, systems: Sequence[LabelledSystem]) -> dict[str, Any]:
    """Compare forces with labels, as they are.

    Returns
    -------
    dict
        ``overall`` and ``systems`` by name: root mean square and mean absolute error of the components
        [kcal/mol/Å], number of frames, and the root mean square of the labels' net force [kcal/mol/Å]; of a system
        whose labels have energies also the root mean square error of these about their mean [kcal/mol].
    """
    if not systems:
        raise InputError("there are no systems; expected labelled frames; give some")
    residuals = {
        system.name: force_field.forces(system.topology, system.types, system.coordinates) - system.forces
        for system in systems
    }
    return {
        "overall": _errors(list(residuals.values()), [system.net_forces for system in systems]),
        "systems": {
            system.name: _errors([residuals[system.name]], [system.net_forces]) | _energy_error(force_field, system)
            for system in systems
        },
    }


def _energy_error(force_field: ForceField, system: LabelledSystem) -> dict[str, float]:
    if system.energies is None:
        return {}
    found = energies(system.coordinates, force_field.interactions(system.topology, system.types)).sum(0)
    residual = found - system.energies
    return {"energy_rmse_kcal_mol": float((residual - residual.mean()).square().mean().sqrt())}


def _step(
    objective: Objective, free: Tensor, value: float, train: float, gradient: Tensor, hessian: Tensor, damping: float
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


def _determination(objective: Objective, free: Tensor) -> dict[str, Any]:
    """Return the share of its prior's width that each parameter's error is, where the data do not determine it."""
    _, hessian = objective.curvature(free)
    share = torch.linalg.inv(hessian).diagonal().sqrt()
    names = objective.constraints.names()
    undetermined = {
        name: round(each, 3) for name, each in zip(names, share.tolist(), strict=True) if each > _UNDETERMINED
    }
    return {"n_parameters": len(names), "undetermined": undetermined}


def _errors(residuals: Sequence[Tensor], net_forces: Sequence[Tensor]) -> dict[str, Any]:
    flat = torch.cat([residual.flatten() for residual in residuals])
    return {
        "force_rmse_kcal_mol_A": float(flat.square().mean().sqrt()),
        "force_mae_kcal_mol_A": float(flat.abs().mean()),
        "n_frames": sum(len(residual) for residual in residuals),
        "net_force_rms_kcal_mol_A": _rms(net_forces),
    }


def measure_net_force(systems: Sequence[LabelledSystem]) -> float:
    """Return the root mean square length of the net force of the labels, which is their noise [kcal/mol/Å]."""
    return _rms([system.net_forces for system in systems])


def _rms(net_forces: Sequence[Tensor]) -> float:
    """Return the root mean square length."""
    return float(torch.cat(list(net_forces)).square().sum(1).mean().sqrt())
