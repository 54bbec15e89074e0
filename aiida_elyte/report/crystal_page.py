"""The page of the crystal street: what was found, what it stands on, how to get back to every node."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from aiida_elyte.report.figures import FIGURES
from aiida_elyte.report.page import common_view, describe_theory, embed
from aiida_elyte.report.quantities import format_duration, format_number, format_value
from aiida_elyte.science.verdict import Verdict, quantities_of

__all__ = ["view_crystal"]

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

_SPLITS = {
    "given": "on a validation set given apart from the training set",
    "block": "on whole blocks (trajectories or seeds) that the training did not see",
    "segment": "on contiguous segments of the training trajectories, which flatters somewhat",
    "frame": "on shuffled frames of the training trajectories, which flatters",
}

_ENSEMBLES = {
    "nve": "NVE",
    "nvt_langevin": "NVT, Langevin",
    "nvt_nose_hoover": "NVT, Nosé–Hoover chain",
    "npt_nose_hoover": "NPT, Nosé–Hoover chain",
}


def view_crystal(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the template prints."""
    return {
        **common_view(data),
        "title": _title(data),
        "caveat": _caveat(data),
        "tested": "potentials",
        "basis": [row for row in _basis(data) if row[1]],
        "errors": _errors_table(data),
        "runs": _runs_table(data),
        "figures": {name: embed(name, figure, data) for name, figure in FIGURES.items()},
        "reuse": _reuse(data["training"]),
    }


def _title(data: Mapping[str, Any]) -> str:
    if data["material"] is None:
        return f"{data['process']['label']} {data['process']['pk']}"
    return data["material"]["reduced_formula"].translate(_SUBSCRIPTS)


def _caveat(data: Mapping[str, Any]) -> str:
    """Return in a sentence what the numbers do not say, or why there are none."""
    found = [run for run in data["runs"] if run["transport"]]
    stated = [run for run in found if "value" in run["transport"].get("conductivity", {})]
    qualified = [run for run in stated if Verdict.from_dict(run["transport"]).is_qualified]
    if not data["runs"]:
        return "There is no production run yet, hence no conductivity."
    if not found:
        return "No production run has been analysed yet, hence no conductivity."
    if not stated and all(Verdict.from_dict(run["transport"]).is_qualified for run in found):
        return "No conductivity is stated: no diffusion was resolved in the time simulated; see the notes."
    if not stated:
        return "No conductivity is stated: what was simulated may not be used; see what to do."
    fit = quantities_of(data["arrhenius"] or {})
    refused = next((one["refused"] for one in fit.values() if "refused" in one), None)
    if refused:
        return f"No activation energy and no conductivity at 300 K: {refused}."
    if not fit:
        return "No Arrhenius fit has been made yet."
    kelvins = [run["settings"]["temperature_K"] for run in qualified or stated]
    return (
        f"The conductivity at 300 K is extrapolated from {min(kelvins):g} – {max(kelvins):g} K "
        "and holds only if nothing changes in between: no transition, no other mechanism."
    )


def _basis(data: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield what the result stands on, name by name."""
    material = data["material"]
    if material:
        a, b, c, alpha, beta, gamma = material["cell_A_deg"]
        yield (
            "Material",
            f"{material['formula'].translate(_SUBSCRIPTS)}, {material['n_atoms']} atoms, {material['space_group']}",
        )
        angles = f"{alpha:.2f}°, {beta:.2f}°, {gamma:.2f}°"
        volume = f"{material['volume_A3']:.1f} Å³, {material['density_g_cm3']:.2f} g/cm³"
        yield "Cell", f"{a:.3f} × {b:.3f} × {c:.3f} Å; {angles}; {volume}"
        yield "Structure from", material["citation"] or material["description"] or "no source given with the structure"
    theory = describe_theory(data["theory"]["levels"])
    yield "Level of theory", theory["text"] + (f": {theory['brief']}" if theory["brief"] else "")
    yield "Labels made by", f"labeller “{data['theory']['labeller']}”" if data["theory"]["labeller"] else ""
    learning = data["learning"]
    if learning:
        yield "Labelled frames", f"{learning['n_frames']} in all, {learning['n_given']} before the first round"
        if learning["reason"]:
            yield "Learning ended", f"{learning['reason']}"
    if data["training"]:
        yield "Potentials", _describe_ensemble(data["training"][-1])
        yield "Qualification", _describe_verdicts(data["training"][-1]["members"])
        yield "Force error", _describe_error(data)
    if data["runs"]:
        settings = data["runs"][0]["settings"]
        yield (
            "Dynamics",
            f"{_thermostat(settings)}; time step {settings['timestep_fs']:g} fs{_supercell(settings, material)}",
        )
    charges = ", ".join(f"{name} {value:+g} e" for name, value in data["charges"].items())
    yield "Charges", f"{charges}; all other species are the neutralising framework, at rest" if charges else ""


def _describe_ensemble(training: Mapping[str, Any]) -> str:
    members = training["members"]
    first = next(iter(members.values()), None)
    if first is None:
        return "no member yet"
    parts = [f"{len(members)} members"]
    architecture = first["settings"].get("architecture")
    if architecture:
        parts.append(", ".join(f"{name} {value}" for name, value in architecture.items()))
    if first["n_parameters"]:
        parts.append(f"{first['n_parameters']} parameters each")
    epochs = [str(member["n_epochs"]) for member in members.values() if member["n_epochs"] is not None]
    seeds = ", ".join(str(member["settings"].get("seed", "—")) for member in members.values())
    return "; ".join([*parts, f"seeds {seeds}", f"epochs {', '.join(epochs) or '—'}"])


def _describe_verdicts(members: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what the last qualification of each member says, members of one verdict together."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name, member in members.items():
        verdict = member["verdict"] or {"verdict": "never tested", "reasons": []}
        found.setdefault((verdict["verdict"], *verdict["reasons"]), []).append(name)
    return "; ".join(
        f"{', '.join(names)} {word}{': ' if reasons else ''}{', '.join(reasons)}"
        for (word, *reasons), names in found.items()
    )


def _describe_error(data: Mapping[str, Any]) -> str:
    side = data["parity"].get("validation")
    if side is None:
        return "not known yet"
    kinds = {member["split"].get("by", "") for member in data["training"][-1]["members"].values()}
    mean = f"mean of {side['n_averaged']} members" if side["n_averaged"] > 1 else "each member"
    where = " and ".join(_SPLITS.get(kind, f"split {kind!r}") for kind in sorted(kinds) if kind)
    mae, rmse = 1000 * side["force_mae_eV_A"], 1000 * side["force_rmse_eV_A"]
    return f"MAE {mae:.1f} meV/Å, RMSE {rmse:.1f} meV/Å; {mean} {where}{_reuse(data['training'])}"


def _reuse(training: Sequence[Mapping[str, Any]]) -> str:
    """Return the warning that validation frames were trained on before a warm start, if they were."""
    if not training:
        return ""
    members = training[-1]["members"].values()
    seen = sum(member["n_validation_seen"] for member in members)
    total = sum(member["split"].get("n_validation", 0) for member in members)
    if not seen:
        return ""
    return f". Of these {total} validation frames {seen} had been trained on before the warm start: the error flatters"


def _thermostat(settings: Mapping[str, Any]) -> str:
    ensemble = settings.get("ensemble", "nvt_langevin")
    name = _ENSEMBLES.get(ensemble, ensemble)
    if ensemble == "nvt_langevin":
        return f"{name}, friction {settings['friction_per_ps']:g} /ps"
    times = [
        f"{key.split('_')[0]} time {settings[key]:g} fs"
        for key in ("thermostat_time_fs", "barostat_time_fs")
        if key in settings
    ]
    pressure = (
        [f"{settings['pressure_GPa']:g} GPa"] if ensemble.startswith("npt") and "pressure_GPa" in settings else []
    )
    return ", ".join([name, *times, *pressure])


def _supercell(settings: Mapping[str, Any], material: Mapping[str, Any] | None) -> str:
    repeats = settings.get("supercell") or [1, 1, 1]
    atoms = f", {material['n_atoms'] * int(np.prod(repeats))} atoms" if material else ""
    return f"; supercell {' × '.join(map(str, repeats))}{atoms}"


def _errors_table(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the validation errors of the last ensemble, member by member and element by element."""
    if not data["training"]:
        return None
    members = {
        name: one for name, one in data["training"][-1]["members"].items() if (one["errors"] or {}).get("validation")
    }
    if not members:
        return None
    elements = sorted(
        {element for one in members.values() for element in one["errors"]["validation"].get("by_element", {})}
    )
    rows = []
    for name, one in members.items():
        validation, train = one["errors"]["validation"], one["errors"].get("train", {})
        by_element = validation.get("by_element", {})
        rows.append(
            {
                "name": name,
                "split": f"{one['split'].get('n_train', '—')} / {one['split'].get('n_validation', '—')}",
                "train": _milli(train.get("force_mae_eV_A")),
                "validation": _milli(validation.get("force_mae_eV_A")),
                "rmse": _milli(validation.get("force_rmse_eV_A")),
                "energy": _milli(validation.get("energy_mae_eV_atom"), 2),
                "elements": [_milli(by_element.get(element, {}).get("force_mae_eV_A")) for element in elements],
                "epochs": one["n_epochs"],
                "seconds": format_duration(one["seconds"]),
            }
        )
    warnings = list(dict.fromkeys(warning for one in members.values() for warning in one["warnings"]))
    return {"elements": elements, "rows": rows, "warnings": warnings}


def _milli(value: float | None, decimals: int = 1) -> str:
    return "—" if value is None else f"{1000 * value:.{decimals}f}"


def _runs_table(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what was simulated at each temperature."""
    rows = []
    for run in data["runs"]:
        settings, results = run["settings"], run["results"]
        steps = list(results.get("n_steps_done", {}).values())
        lengths = [1e-3 * count * settings["timestep_fs"] for count in steps]
        replicas = settings.get("replicas", [])
        rows.append(
            {
                "temperature": f"{settings['temperature_K']:g} K",
                "replicas": str(len(replicas)),
                "length": _range(lengths, "ps") if lengths else "—",
                "total": f"{format_number(sum(lengths))} ps" if lengths else "—",
                "measured": _kinetic(results.get("temperature_K", {})),
                "seeds": ", ".join(f"{one['seed']} ({one['member']})" for one in replicas),
                "stops": "; ".join(
                    f"{name}: {stop['kind'].lower()}, step {stop['step']}"
                    for name, stop in results.get("stops", {}).items()
                )
                or "none",
                "speed": f"{results['atom_steps_per_second']:.0f}" if results.get("atom_steps_per_second") else "—",
                "device": results.get("device", "—"),
                "seconds": format_duration(run["seconds"]),
                "pk": str(run["pk"]),
            }
        )
    return rows


def _range(values: Sequence[float], unit: str) -> str:
    low, high = format_number(min(values)), format_number(max(values))
    return f"{low} {unit}" if low == high else f"{low} – {high} {unit}"


def _kinetic(temperatures: Mapping[str, Mapping[str, float] | None]) -> str:
    """Return the mean kinetic temperature over the replicas with its standard error."""
    found = [one for one in temperatures.values() if one]
    if not found:
        return "—"
    mean = float(np.mean([one["mean"] for one in found]))
    errors = [one["std_err"] for one in found if one.get("std_err") is not None]
    if len(errors) < len(found):
        return f"{mean:.0f} K"
    return format_value(mean, float(np.sqrt(np.sum(np.square(errors)))) / len(found), "K")
