"""What is said of a run, beside its frames and series."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from aiida_elyte.science.dynamics.ensembles import describe_thermostat
from aiida_elyte.science.dynamics.simulation import Simulation
from aiida_elyte.science.trajectory.reduction import Series

__all__ = ["summarise_run"]


def summarise_run(simulation: Simulation, series: Mapping[str, Series]) -> dict[str, Any]:
    """Return what a run has come to, by replica.

    Parameters
    ----------
    simulation
        The run, as far as it is.
    series
        The series of each replica.
    """
    records, step = simulation.records.items(), simulation.step
    return {
        "n_steps_done": {label: max(record.step if record.stop else step, 0) for label, record in records},
        "stops": {label: asdict(record.stop) for label, record in records if record.stop},
        "temperature_K": {label: _mean(one.temperature_K) for label, one in series.items()},
        "volume_A3": {label: _mean(one.volume_A3) for label, one in series.items()},
        "energy_drift_eV_atom_ps": {label: record.drift_eV_atom_ps for label, record in records},
        "timestep_fs": simulation.settings.timestep_fs,
        "shortest_A": {label: record.observations.shortest_A for label, record in records},
        "framework": list(simulation.settings.stops.framework),
        "framework_rmsd_A": _extremes(simulation, "framework_rmsd_A"),
        "lindemann": _extremes(simulation, "lindemann"),
        "temperature_extremes_K": _extremes(simulation, "temperature_K"),
        "history": {label: record.observations.history for label, record in records},
        "spread_eV_A": {label: record.mean_spread for label, record in records if record.mean_spread},
        "thermostat": describe_thermostat(simulation.settings),
        "members": {label: record.member for label, record in records},
        "n_atoms": {label: len(record.start) for label, record in records},
        "device": str(simulation.groups[0].replicas.positions.device),
        "trajectories": {name: simulation.files[name].digest() for name in simulation.trajectories},
    }


def _extremes(simulation: Simulation, name: str) -> dict[str, dict[str, float]]:
    """Return last and highest value of what was observed of each replica, of those that have any."""
    found = {label: record.observations.extremes(name) for label, record in simulation.records.items()}
    return {label: extremes for label, extremes in found.items() if extremes is not None}


def _mean(values: np.ndarray) -> dict[str, float | int] | None:
    """Return the mean of a correlated series and its standard error from ten blocks."""
    n_blocks = 10
    if len(values) == 0:
        return None
    mean: dict[str, float | int] = {"mean": float(values.mean()), "n_samples": len(values)}
    if len(values) >= 2 * n_blocks:
        blocks = np.array([block.mean() for block in np.array_split(values, n_blocks)])
        mean["std_err"] = float(blocks.std(ddof=1) / np.sqrt(n_blocks))
    return mean
