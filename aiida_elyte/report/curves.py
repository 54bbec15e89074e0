"""What the figures draw, from arrays: parity, learning curves, displacements, temperatures, the crystal's data."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_masses

from aiida_elyte.errors import InputError
from aiida_elyte.science.statistics.estimate import result_from_dict
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.science.transport.arrhenius import ArrheniusLine, fit_line
from aiida_elyte.science.transport.references import Reference, reference_of
from aiida_elyte.science.transport.windows import msd_curve
from aiida_elyte.units import G_CM3

__all__ = ["arrhenius_band", "describe_material", "describe_series", "learning_curve", "pool_parity"]

_MAX_SAMPLES = 400
"""Points of a temperature curve: more than a figure can show."""


def describe_material(atoms: Atoms) -> dict[str, Any]:
    """Return formula, cell, density and space group (spglib, 0.01 Å) of a crystal."""
    import spglib

    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    return {
        "formula": atoms.get_chemical_formula("metal"),
        "reduced_formula": atoms.symbols.formula.reduce()[0].format("metal"),
        "n_atoms": len(atoms),
        "cell_A_deg": [round(float(value), 4) for value in atoms.cell.cellpar()],
        "volume_A3": float(atoms.get_volume()),
        "density_g_cm3": float(atomic_masses[atoms.numbers].sum() / atoms.get_volume() * G_CM3),
        "space_group": spglib.get_spacegroup(cell, symprec=0.01),
    }


def describe_series(series: Sequence[Series], charges: Mapping[str, float]) -> dict[str, Any]:
    """Return the displacements and temperatures of the replicas of one run, ready to be drawn.

    Parameters
    ----------
    series
        Replicas.
    charges
        Charge of each mobile species [e]; the others are the framework, whose centre of mass is at rest.

    Returns
    -------
    dict
        ``msd``: for each species followed ``lag_ps``, ``msd_A2``, ``msd_error_A2``, ``slope``, ``slope_error``,
        ``mobile``, ``window_ps`` (or ``None``) and ``reason``; ``temperatures``: for each replica ``replica``,
        ``time_ps``, ``temperature_K`` (averages over stretches of the run).
    """
    reference = reference_of(series[0], charges)
    msd = {name: _msd(series, name, reference) | {"mobile": name in charges} for name in sorted(set(series[0].tracked))}
    return {"msd": msd, "temperatures": [_temperature(one) for one in series]}


def _msd(series: Sequence[Series], name: str, reference: Reference) -> dict[str, Any]:
    try:
        curve = msd_curve(series, name, reference)
    except InputError as error:
        return {"reason": str(error), "window_ps": None}
    return {
        "lag_ps": curve.lag_fs / 1e3,
        "msd_A2": curve.msd_A2,
        "msd_error_A2": curve.msd_error_A2,
        "slope": curve.slope,
        "slope_error": curve.slope_error,
        "window_ps": [curve.window.start_fs / 1e3, curve.window.end_fs / 1e3] if curve.window else None,
        "reason": curve.reason,
    }


def _temperature(series: Series) -> dict[str, Any]:
    every = max(1, len(series.time_fs) // _MAX_SAMPLES)
    n = len(series.time_fs) // every * every
    stretches = (array[:n].reshape(-1, every).mean(axis=1) for array in (series.time_fs, series.temperature_K))
    time_fs, kelvin = stretches
    return {"replica": series.replica, "time_ps": time_fs / 1e3, "temperature_K": kelvin}


def learning_curve(epochs: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Return what a trainer wrote epoch by epoch as arrays, one for each quantity every epoch tells."""
    names = set(epochs[0]).intersection(*epochs[1:]) if epochs else set()
    return {name: np.array([epoch[name] for epoch in epochs], float) for name in sorted(names)}


def pool_parity(members: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """Pool labels and predictions of the members of an ensemble.

    Where all members saw the same frames, their predictions are averaged: the error is that of the ensemble's mean.
    Else each member is compared with its own frames, and the pairs are put together.

    Parameters
    ----------
    members
        For each member, arrays under ``"<side>/<quantity>"``: ``energy_label``, ``energy`` [eV/atom],
        ``forces_label``, ``forces`` [eV/Å] and ``numbers`` on the sides ``train`` and ``validation``.

    Returns
    -------
    dict
        For each side: ``energy_label``, ``energy``, shape ``(n_frames,)``; ``forces_label``, ``forces``, shape
        ``(n_components,)``; ``n_averaged``, members behind each prediction; ``n_members``; ``force_mae_eV_A``,
        ``force_rmse_eV_A``, ``energy_mae_eV_atom``. Empty when no member has any.
    """
    pooled: dict[str, Any] = {}
    for side in ("train", "validation"):
        found = [
            {name.split("/")[1]: np.asarray(array, float) for name, array in one.items() if name.startswith(f"{side}/")}
            for one in members.values()
        ]
        found = [one for one in found if one]
        if not found:
            continue
        labels = [one["forces_label"] for one in found]
        is_shared = all(one.shape == labels[0].shape and np.array_equal(one, labels[0]) for one in labels)
        put = (lambda arrays: np.mean(arrays, axis=0)) if is_shared else np.concatenate
        kept = {
            name: put([one[name] for one in found]) for name in ("energy_label", "energy", "forces_label", "forces")
        }
        off = kept["forces"] - kept["forces_label"]
        pooled[side] = {
            **{name: array.ravel() for name, array in kept.items()},
            "n_averaged": len(found) if is_shared else 1,
            "n_members": len(found),
            "force_mae_eV_A": float(np.abs(off).mean()),
            "force_rmse_eV_A": float(np.sqrt(np.square(off).mean())),
            "energy_mae_eV_atom": float(np.abs(kept["energy"] - kept["energy_label"]).mean()),
        }
    return pooled


def arrhenius_band(conductivities: Mapping[float, Mapping[str, Any]], target_K: float = 300.0) -> dict[str, Any] | None:
    """Return the fitted Arrhenius law with its 95 % band from the highest temperature down to the target.

    Parameters
    ----------
    conductivities
        Temperature [K] → result, as ``Estimate.as_dict`` or ``Refusal.as_dict`` wrote it.
    target_K
        Lowest temperature [K].

    Returns
    -------
    dict or None
        ``temperature_K``, ``value``, ``low``, ``high`` [mS/cm]; ``None`` when too few temperatures carry a number.
    """
    estimates = [result_from_dict(one) for one in conductivities.values()]
    line = fit_line(list(conductivities), estimates)
    if not isinstance(line, ArrheniusLine):
        return None
    kelvin = 1 / np.linspace(1 / max(line.temperatures_K), 1 / min(target_K, *line.temperatures_K), 100)
    value, _, low, high = line.band(kelvin)
    return {"temperature_K": kelvin, "value": value, "low": low, "high": high}
