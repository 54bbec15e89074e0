"""Training of continuous typing on the forces of labelled clusters."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from aiida_elyte.science.forcefield.continuous import ContinuousTyping, describe_graph
from aiida_elyte.science.forcefield.dataset import LabelledSystem
from aiida_elyte.science.forcefield.fit import fit_discrete, measure_net_force
from aiida_elyte.science.forcefield.fit_settings import Target
from aiida_elyte.science.forcefield.objective import make_objectives

__all__ = ["fit_continuous"]

_PATIENCE = 3
"""Rounds without a better validation error after which training ends."""


def fit_continuous(
    systems: Sequence[LabelledSystem],
    validation: Sequence[LabelledSystem] = (),
    target: Target = Target(),  # noqa: B008 - frozen
    *,
    depth: int = 2,
    width: int = 32,
    n_rounds: int = 3,
    n_steps: int = 100,
    learning_rate: float = 3e-3,
    seed: int = 0,
    bootstrap: np.random.Generator | None = None,
    on_round: Callable[[int, float, float | None], None] | None = None,
) -> ContinuousTyping:
    r"""Train a network on forces with Adam, from a discrete force field by element and number of neighbours.

    The objective is that of ``fit_discrete``, with the numbers x that the network gives: where neighbourhoods teach
    nothing, the coarse force field stays. Forces are nearly linear in x, so each round makes the objective quadratic

    .. math:: O(x) \approx O(x_0) + 2 g \cdot (x - x_0) + (x - x_0) \cdot H (x - x_0)

    with the derivatives g and H of all frames after Gauss and Newton, and Adam trains on that. Its rate falls as a
    cosine over all rounds; the weights of the round best on the frames held back are kept. Few steps are a prior too:
    frames held back are of molecules that are seen, and more steps learn these by heart.

    Parameters
    ----------
    systems
        Clusters with forces and charges.
    validation
        Frames held back.
    target, bootstrap
        As in ``fit_discrete``.
    depth, width
        Of the network.
    n_rounds, n_steps
        Most rounds, and steps of Adam in each.
    learning_rate
        Of Adam, at the beginning.
    seed
        Of the weights.
    on_round
        Called after each round with its number and the errors of both sets [kcal/mol/Å].

    Raises
    ------
    InputError
        As of ``fit_discrete``.
    """
    coarse = fit_discrete(
        [system.retyped(0) for system in systems],
        [system.retyped(0) for system in validation],
        target,
        depth=0,
        bootstrap=copy.deepcopy(bootstrap),  # draws the same frames as below
    )
    network = ContinuousTyping(coarse, target.terms, depth, width, seed)
    net_force = measure_net_force(systems)
    if target.project_net_force:
        systems = [system.without_net_force() for system in systems]
    systems = [system.retyped(depth) for system in systems]
    validation = [system.retyped(depth) for system in validation]
    constraints = network.constrain([*systems, *validation])
    graph = describe_graph([*systems, *validation], constraints, depth)
    objective, held_back = make_objectives(systems, validation, constraints, target, bootstrap)
    optimizer = torch.optim.Adam(network.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_rounds * n_steps)
    free = torch.zeros(constraints.n_free, dtype=torch.float64)
    best, best_error, waited = copy.deepcopy(network.state_dict()), np.inf, 0
    errors: dict[str, Any] = {}
    for number in range(n_rounds + 1):
        train = objective.value(free)[1]
        error = held_back.value(free)[1] if validation else None
        judged = train if error is None else error
        if judged < best_error:
            best, best_error, waited = copy.deepcopy(network.state_dict()), judged, 0
            errors = {"train_rmse_kcal_mol_A": train, "validation_rmse_kcal_mol_A": error, "n_rounds": number}
        else:
            waited += 1
        if on_round is not None:
            on_round(number, train, error)
        if number == n_rounds or waited == _PATIENCE:
            break
        gradient, hessian = objective.curvature(free)
        for _ in range(n_steps):
            step = constraints.free(network(graph, constraints)) - free
            loss = (2 * gradient + hessian @ step) @ step
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        free = constraints.free(network(graph, constraints)).detach()
    network.load_state_dict(best)
    network.record = {
        "settings": {
            "typing": "continuous",
            **target.as_record(),
            "is_bootstrap": bootstrap is not None,
            "seed": seed,
            "width": width,
            "learning_rate": learning_rate,
            "n_frames": {system.name: len(system.forces) for system in systems},
            "net_force_rms_kcal_mol_A": net_force,
        },
        "errors": {**errors, "n_parameters": sum(each.numel() for each in network.parameters())},
    }
    return network
