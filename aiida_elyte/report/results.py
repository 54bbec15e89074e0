"""The results of a street as one table, for readers and for machines."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiida_elyte.report.verdicts import list_issues
from aiida_elyte.science.verdict import Verdict, quantities_of

__all__ = ["as_json_dict", "name_quantity", "tabulate_results"]

_NAMES = {
    "conductivity": "conductivity σ",
    "conductivity_nernst_einstein": "Nernst–Einstein σ",
    "conductivity_green_kubo": "Green–Kubo σ",
    "haven_ratio": "Haven ratio",
    "activation_energy": "activation energy (of σT)",
    "prefactor": "prefactor of σT",
    "tracer_diffusion": "tracer diffusion",
}


def name_quantity(key: str) -> str:
    """Return what a reader calls a quantity: ``tracer_diffusion_Li`` → ``tracer diffusion of Li``."""
    if key in _NAMES:
        return _NAMES[key]
    if key.startswith("tracer_diffusion_"):
        return f"{_NAMES['tracer_diffusion']} of {key.removeprefix('tracer_diffusion_')}"
    for prefix, name in (("onsager_", "Onsager coefficient of"), ("transference_", "transference number of")):
        if key.startswith(prefix):
            return f"{name} {key.removeprefix(prefix).replace('_', ' and ')}"
    if key.startswith("conductivity_") and key.endswith("K"):
        return f"σ extrapolated to {key.removeprefix('conductivity_').removesuffix('K')} K"
    return key.replace("_", " ")


def tabulate_results(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every result that ``collect`` found, one row each.

    Returns
    -------
    list of dict
        ``temperature_K``, ``None`` for the Arrhenius fit; ``quantity``; its fields; ``verdict`` and ``reasons``.
    """
    found = [(run["settings"]["temperature_K"], run["transport"]) for run in data["runs"]] + [(None, data["arrhenius"])]
    return [
        {"temperature_K": kelvin, "quantity": name, **estimate, **Verdict.from_dict(result).as_dict()}
        for kelvin, result in found
        if result is not None
        for name, estimate in _ordered(quantities_of(result))
    ]


def _ordered(quantities: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the estimates, the conductivity first."""
    order = {name: place for place, name in enumerate(_NAMES)}
    return sorted(quantities.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))


def as_json_dict(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table of results that ``collect`` found, with what it stands on, for a machine to read."""
    return {
        "process": data["process"],
        "level_of_theory": data["theory"]["levels"],
        "n_labelled_frames": data["learning"]["n_frames"] if data["learning"] else None,
        "results": tabulate_results(data),
        "qualification": data["qualification"],
        "issues": list_issues(data),
        "rounds": [
            {name: value for name, value in one.items() if name not in ("spreads_eV_A", "errors_eV_A")}
            for one in data["rounds"]
        ],
        "calibrations": data["calibrations"],
        "missing": data["missing"],
        "environment": data["environment"],
        "made": data["made"],
        **{name: data[name] for name in ("material", "recipe", "solvation") if name in data},
        "errors": _fit_errors(data["fits"]) if "fits" in data else _parity_errors(data["parity"]),
    }


def _parity_errors(parity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pooled errors of an ensemble, the arrays left out."""
    return {
        side: {name: value for name, value in one.items() if not hasattr(value, "shape")}
        for side, one in parity.items()
    }


def _fit_errors(fits: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the errors of each member of the last fit."""
    return {name: member["errors"] for fit in fits[-1:] for name, member in fit["members"].items()}
