"""``aiida-elyte transport``: anybody's trajectory to conductivity, without AiiDA."""

import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.cli.files import write_files
from aiida_elyte.cli.pairs import parse_charges, parse_pairs
from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from aiida_elyte.science.trajectory.cells import Cells
    from aiida_elyte.science.trajectory.readers import Trajectory
    from aiida_elyte.science.trajectory.reduction import Reducer, Series
    from aiida_elyte.science.trajectory.topology import Topology
    from aiida_elyte.science.transport.estimates import Estimate, Refusal

__all__ = ["command"]

_TOPOLOGY = "topology"
"""What stands for charges when the topology tells them."""

_ALIKE_E = 0.05
"""Largest difference between the charges of particles of one species [e]."""

_POSITIVE = click.FloatRange(min=0, min_open=True)


@dataclass(frozen=True)
class _Sources:
    """What the trajectories are read with."""

    paths: tuple[Path, ...]
    topology: Path | None
    molecules: Mapping[str, str]
    timestep_fs: float | None
    cell: "Cells | None"
    elements: Mapping[str, str] | None
    stride: int
    lammps_units: str


@dataclass
class _System:
    """What was read: replicas of one system."""

    series: "list[Series]" = field(default_factory=list)
    charges: dict[str, float] = field(default_factory=dict)
    trajectories: list[dict[str, Any]] = field(default_factory=list)


@click.command("transport")
@click.argument("trajectories", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="TRAJ…")
@click.option(
    "--charges", multiple=True, metavar="NAME=CHARGE,…", help="Charge of each mobile species in e; or `topology`."
)
@click.option("--temperature-K", "temperature_K", type=_POSITIVE, required=True, help="Temperature of the run [K].")
@click.option(
    "--timestep-fs",
    type=_POSITIVE,
    help="LAMMPS dump, torch-sim: the MD step; XDATCAR, extxyz, ASE: the time between frames; else not needed, but "
    "overrules the times of the file.",
)
@click.option(
    "--topology", type=click.Path(path_type=Path), metavar="FILE", help="Elements, masses, bonds, residues, cell."
)
@click.option(
    "--cell",
    metavar="A,B,C…|FILE",
    help="Cell of a trajectory that has none: edges [Å], then angles if not right ones; nine numbers; CP2K's .cell; or "
    "a structure.",
)
@click.option("--elements", metavar="TYPE=SYMBOL,…", help="Elements of the types of a LAMMPS dump: 1=Li,2=Cl or Li,Cl.")
@click.option(
    "--molecule",
    "molecules",
    multiple=True,
    metavar="NAME=SELECTION",
    help="Molecules followed by their centre of mass, as TFSI='resname TFSI'; repeat it.",
)
@click.option(
    "--frame",
    metavar="FRAME",
    help="What is at rest: lab, com, framework:P,S, solvent:G4, charge:P,S; the species without a charge if left out.",
)
@click.option("--species", metavar="NAME,…", help="The mobile ones, when not all that have a charge are.")
@click.option("--stride", type=click.IntRange(min=1), default=1, show_default=True, help="Read every so many frames.")
@click.option("--lammps-units", type=click.Choice(["real", "metal"]), default="real", show_default=True)
@click.option("--viscosity-mPa-s", "viscosity_mPa_s", type=_POSITIVE, help="Of a liquid: corrects D for the cell.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), metavar="OUT", help="Results.")
@click.option("--plots", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Folder for pictures.")
def command(
    trajectories: tuple[Path, ...],
    charges: tuple[str, ...],
    temperature_K: float,
    timestep_fs: float | None,
    topology: Path | None,
    cell: str | None,
    elements: str | None,
    molecules: tuple[str, ...],
    frame: str | None,
    species: str | None,
    stride: int,
    lammps_units: str,
    viscosity_mPa_s: float | None,
    json_path: Path | None,
    plots: Path | None,
) -> None:
    """Diffusion, conductivity, Onsager coefficients and transference numbers from trajectories of one system.

    TRAJ… are replicas: LAMMPS dump, DCD, XTC, TRR, XDATCAR, extxyz, ASE traj, HDF5 of torch-sim, or series.npz. A
    folder with part_*.lammpstrj is one replica.
    """
    if not charges:
        raise InputError(
            "--charges is missing; expected the charge of each mobile species in e; add e.g. --charges Li=1,TFSI=-1"
        )
    if plots is not None and find_spec("matplotlib") is None:
        raise InputError("matplotlib is not installed; --plots needs it; pip install 'aiida-elyte[report]'")
    twice = [str(path) for place, path in enumerate(trajectories) if path in trajectories[:place]]
    if twice:
        raise InputError(f"{twice[0]} is given twice; expected replicas of their own; leave one out")
    sources = _Sources(
        trajectories,
        topology,
        _selections(molecules),
        timestep_fs,
        None if cell is None else _cells(cell),
        None if elements is None else _elements(elements),
        stride,
        lammps_units,
    )
    given = None if charges == (_TOPOLOGY,) else parse_charges(charges, "Li=1,TFSI=-1")
    wanted = _names(species)
    try:
        system = _read(sources, given, wanted, _names((frame or "").partition(":")[2]))
    except ImportError as error:
        raise InputError(f"{error.name} is not installed; these files need it; pip install {error.name}") from error
    _require_independent(system)
    from aiida_elyte.science.transport.estimates import estimate_transport

    chosen: dict[str, Any] = {"mobile": wanted or None, "frame": frame}
    quantities = estimate_transport(
        system.series, system.charges, temperature_K, viscosity_mPa_s=viscosity_mPa_s, **chosen
    )
    content = _describe(system, quantities, temperature_K, **chosen)
    pictures = {}
    if plots is not None:
        from aiida_elyte.report.transport_figures import PICTURES, draw_transport

        pictures = draw_transport(system.series, system.charges, temperature_K, quantities, **chosen)
        for name in set(PICTURES) - set(pictures):  # of an earlier analysis
            (plots / f"{name}.png").unlink(missing_ok=True)
    files = {(plots or Path()) / f"{name}.png": picture for name, picture in pictures.items()}
    if json_path is not None:
        files[json_path] = (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
    write_files(files)
    for line in [*_heads(system), *_notes(system, content, sources)]:
        click.echo(line, err=True)
    click.echo("\n".join([_times(system), *_table(content["quantities"])]))


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))


def _cells(text: str) -> "Cells":
    from aiida_elyte.science.trajectory.cells import parse_cells

    return parse_cells(text)


def _elements(text: str) -> dict[str, str]:
    """Return type → chemical symbol from ``1=Li,2=Cl``, or from symbols in the order of the types."""
    from ase.data import atomic_numbers

    example = "1=Li,2=Cl"
    pairs = (
        parse_pairs([text], "--elements", example)
        if "=" in text
        else {str(number): name for number, name in enumerate(map(str.strip, text.split(",")), 1)}
    )
    wrong = [name for name in pairs.values() if atomic_numbers.get(name, 0) < 1]
    if wrong:
        raise InputError(f"--elements names {wrong[0]!r}; expected chemical symbols, e.g. --elements {example}")
    return pairs


def _selections(words: Iterable[str]) -> dict[str, str]:
    selections: dict[str, str] = {}
    for word in words:
        name, _, selection = (part.strip() for part in word.partition("="))
        if not (name and selection):
            raise InputError(f"--molecule is {word!r}; expected NAME=SELECTION, e.g. --molecule TFSI='resname TFSI'")
        if name in selections:
            raise InputError(f"--molecule names {name} twice; expected one selection a name; join them with 'or'")
        selections[name] = selection
    return selections


def _read(
    sources: _Sources, given: Mapping[str, float] | None, mobile: tuple[str, ...], resting: tuple[str, ...]
) -> _System:
    """Read and reduce all trajectories; ``given`` are the charges, ``None`` those of the topology."""
    from aiida_elyte.science.trajectory.readers import open_trajectory
    from aiida_elyte.science.trajectory.topology import read_topology

    are_reduced = [zipfile.is_zipfile(path) for path in sources.paths]
    used = {
        "--topology": sources.topology,
        "--molecule": sources.molecules,
        "--timestep-fs": sources.timestep_fs,
        "--cell": sources.cell,
        "--elements": sources.elements,
        "--stride": sources.stride > 1,
        "--charges topology": given is None,
    }
    if all(are_reduced) and any(used.values()):
        raise InputError(
            f"{', '.join(name for name, is_used in used.items() if is_used)} cannot apply to {sources.paths[0]}, which "
            "is reduced already; expected a trajectory; leave it out, or reduce the trajectory anew"
        )
    system = _System(charges=dict(given or {}))
    if given is not None:
        _require_charges(mobile, given)
    topology = None if sources.topology is None else read_topology(sources.topology)
    for path, is_reduced in zip(sources.paths, are_reduced, strict=True):
        if is_reduced:
            _add_series(system, path)
            continue
        trajectory = open_trajectory(
            path,
            topology=topology,
            timestep_fs=sources.timestep_fs,
            cell_A=sources.cell,
            elements=sources.elements,
            stride=sources.stride,
            lammps_units=sources.lammps_units,
        )
        molecules = _molecules(trajectory, [*(given or mobile), *resting], sources.molecules)
        if given is None and not system.charges:
            system.charges = _charges_of(trajectory, molecules, mobile)
            _require_charges(mobile, system.charges)
        _add_trajectory(system, trajectory, molecules, mobile)
    return system


def _require_charges(mobile: tuple[str, ...], charges: Mapping[str, float]) -> None:
    absent = [name for name in mobile if name not in charges]
    if absent:
        raise InputError(
            f"--species names {', '.join(absent)}, without a charge; expected species among {', '.join(charges)}; "
            f"add --charges {absent[0]}=CHARGE"
        )


def _count(series: "Series", name: str) -> int:
    return int(series.counts[series.species.index(name)])


def _add_series(system: _System, path: Path) -> None:
    import numpy as np

    from aiida_elyte.science.trajectory.reduction import unpack_series

    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = unpack_series(arrays)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise InputError(f"{path}: {error}") from error
        raise InputError(f"{path} cannot be read ({error}); expected a series.npz; copy it anew") from error
    system.series += found
    for one in found:
        place = f"{path}:{one.replica}" if len(found) > 1 else str(path)
        formula = "".join(
            f"{name}{count}" if name.isalpha() and len(name) < 3 else f"({name}){count}"
            for name, count in zip(one.species, one.counts.tolist(), strict=True)
        )
        known = {"format": "reduced series", "formula": formula, "n_atoms": None, "time_source": "as it was reduced"}
        system.trajectories.append(_told(place, len(one.time_fs), one, known))


def _add_trajectory(
    system: _System,
    trajectory: "Trajectory",
    molecules: "Mapping[str, Sequence[np.ndarray]]",
    mobile: tuple[str, ...],
) -> None:
    from ase.formula import Formula

    from aiida_elyte.science.trajectory.readers import reduce_trajectory

    n_frames = 0

    def count(reducer: "Reducer") -> None:
        nonlocal n_frames
        n_frames = reducer.n_frames

    series, notes = reduce_trajectory(
        trajectory,
        molecules=molecules,
        tracked=mobile or system.charges,
        replica=str(trajectory.path),
        on_frame=count,
    )
    system.series.append(series)
    known = {
        "format": trajectory.format,
        "formula": Formula.from_list(list(trajectory.symbols)).format("hill"),
        "n_atoms": len(trajectory.symbols),
        "time_source": trajectory.time_source,
        "n_frames_left_out": trajectory.n_dropped,
    }
    told = _told(str(trajectory.path), n_frames, series, known, trajectory.interval_fs)
    system.trajectories.append({**told, "notes": list(notes), "warnings": list(trajectory.warnings)})


def _require_independent(system: _System) -> None:
    from aiida_elyte.science.transport.copies import find_copy

    pair = find_copy(system.series)
    if pair is not None:
        first, second = (system.trajectories[place]["path"] for place in pair)
        raise InputError(
            f"{second} holds the motion of {first}: it is a copy, a part, or every so many frames of it; expected "
            "replicas of their own; leave one out"
        )


def _told(
    path: str, n_frames: int, series: "Series", known: Mapping[str, Any], interval_fs: float | None = None
) -> dict[str, Any]:
    """Return what was read of one trajectory."""
    import numpy as np
    from ase.geometry import cell_to_cellpar

    step = series.interval_fs if interval_fs is None else interval_fs
    volume = series.volume_A3
    temperature = series.temperature_K[np.isfinite(series.temperature_K)]
    return {
        "path": path,
        "n_frames": n_frames,
        "interval_fs": step,
        "duration_ps": (n_frames - 1) * step / 1e3,
        "notes": [],
        "warnings": [],
        "n_frames_left_out": 0,
        **known,
        "cell_A_deg": [round(float(value), 4) for value in cell_to_cellpar(series.cell_A)],
        "volume_A3": {name: float(getattr(np, name)(volume)) for name in ("mean", "min", "max")},
        "kinetic_temperature_K": float(temperature.mean()) if len(temperature) else None,
    }


def _molecules(
    trajectory: "Trajectory", names: Iterable[str], selections: Mapping[str, str]
) -> "dict[str, list[np.ndarray]]":
    """Return the molecules selected, and those named that are no element of the trajectory."""
    from aiida_elyte.science.trajectory.topology import select_molecules

    elements = dict.fromkeys(trajectory.symbols)
    residues = _residues(trajectory.topology)
    chosen = dict(selections)
    for name in names:
        if name in elements or name in chosen:
            continue
        if name not in residues:
            known = f"residues {', '.join(residues)} of its topology" if residues else "its topology names no residues"
            raise InputError(
                f"{name} is neither an element of {trajectory.path} ({', '.join(elements)}) nor a molecule ({known}); "
                f"expected one of them; give --molecule {name}='SELECTION', or a --topology with residues {name}"
            )
        chosen[name] = f"resname {name}"
    if not chosen:
        return {}
    if trajectory.topology is None:
        raise InputError(
            f"--molecule {next(iter(chosen))} needs a topology; expected a file with bonds or residues; give --topology"
        )
    return select_molecules(trajectory.topology, chosen)


def _residues(topology: "Topology | None") -> tuple[str, ...]:
    residues = getattr(getattr(topology, "universe", None), "residues", None)
    return tuple(dict.fromkeys(map(str, getattr(residues, "resnames", ()))))


def _charges_of(
    trajectory: "Trajectory", molecules: "Mapping[str, Sequence[np.ndarray]]", mobile: tuple[str, ...]
) -> dict[str, float]:
    """Return the charge of each species from those of the topology's atoms: their sum over each particle."""
    import numpy as np

    atoms = getattr(getattr(trajectory.topology, "universe", None), "atoms", None)
    per_atom = getattr(atoms, "charges", None)
    if per_atom is None:
        raise InputError(
            f"the topology of {trajectory.path} carries no charges; expected one an atom, as in LAMMPS data (full) or "
            "PSF; give --charges NAME=CHARGE"
        )
    symbols = np.array(trajectory.symbols)
    is_single = np.ones(len(symbols), bool)
    found: dict[str, np.ndarray] = {}
    for name, members in molecules.items():
        found[name] = np.array([per_atom[member].sum() for member in members])
        is_single[np.concatenate(members)] = False
    for symbol in dict.fromkeys(symbols[is_single].tolist()):
        found[symbol] = per_atom[is_single & (symbols == symbol)]
    for name in mobile or found:
        values = found.get(name, np.zeros(1))
        if np.abs(values - values.mean()).max() > _ALIKE_E:
            raise InputError(
                f"charges of {name} in the topology range from {values.min():.3g} to {values.max():.3g} e; expected "
                f"alike within {_ALIKE_E:g} e; name the molecules they belong to with --molecule, or the mobile "
                "ones with --species"
            )
    return {name: round(float(values.mean()), 6) for name, values in found.items()}


def _describe(
    system: _System,
    quantities: "Mapping[str, Estimate | Refusal]",
    temperature_K: float,
    mobile: tuple[str, ...] | None,
    frame: str | None,
) -> dict[str, Any]:
    """Return what the JSON holds."""
    from aiida_elyte import __version__
    from aiida_elyte.science.transport.estimates import Estimate, frame_of, mobile_charges
    from aiida_elyte.science.transport.grouping import DIFFER
    from aiida_elyte.science.transport.plausibility import check_time_step

    first = system.series[0]
    reference = frame_of(first, system.charges, mobile, frame)
    carriers = mobile_charges(system.charges, mobile)
    others = [name for name in first.species if name not in carriers]
    net = sum(charge * _count(first, name) for name, charge in carriers.items())
    warnings = [
        f"{told['path']}: {warning}"
        for one, told in zip(system.series, system.trajectories, strict=True)
        for warning in (*told["warnings"], check_time_step(one, temperature_K))
        if warning
    ]
    apart = [name for name, one in quantities.items() if isinstance(one, Estimate) and DIFFER in one.method]
    if apart:
        warnings.append(f"replicas do not agree on {', '.join(apart)}; are they of one system, and equilibrated?")
    return {
        "quantities": {name: one.as_dict() for name, one in quantities.items()},
        "frame": reference.name,
        "charges": system.charges,
        "species": list(carriers),
        "neutralising_background": {"species": others, "charge_e": -net} if abs(net) > 1e-6 else None,
        "temperature_K": temperature_K,
        "trajectories": system.trajectories,
        "warnings": warnings,
        "version": __version__,
    }


def _times(system: _System) -> str:
    """Return the times of all trajectories in one line."""
    shown = []
    for told in system.trajectories:
        line = f"frames {told['interval_fs']:g} fs apart, {told['n_frames']} frames, {told['duration_ps']:g} ps"
        shown.append(line)
    return "; ".join(dict.fromkeys(shown))


def _heads(system: _System) -> list[str]:
    """Return what was read of each trajectory: times first, then atoms and cell."""
    lines = []
    for told in system.trajectories:
        lines.append(f"{told['path']}: frames {told['interval_fs']:g} fs apart, {told['time_source']}")
        atoms = "" if told["n_atoms"] is None else f" ({told['n_atoms']} atoms)"
        count = f"{told['n_frames']} frames"
        if told["n_frames_left_out"]:
            count += f" ({told['n_frames_left_out']} left out)"
        a, b, c, *angles = told["cell_A_deg"]
        cell = f"cell {a:g} {b:g} {c:g} Å, {' '.join(f'{angle:g}' for angle in angles)}°"
        volume = told["volume_A3"]
        swing = (volume["max"] - volume["min"]) / volume["mean"]
        if swing > 1e-6:
            cell = f"mean {cell}, volume changing by {100 * swing:.2g} %"
        words = [f"{told['format']}, {told['formula']}{atoms}", f"{count}, {told['duration_ps']:g} ps", cell]
        if told["kinetic_temperature_K"] is not None:
            words.append(f"kinetic temperature {told['kinetic_temperature_K']:.4g} K")
        lines.append("; ".join(words))
    return lines


def _notes(system: _System, content: Mapping[str, Any], sources: _Sources) -> list[str]:
    """Return what a reader should know beside the numbers, one line each."""
    from aiida_elyte.science.transport.windows import usable_series

    lines = []
    for one, told in zip(system.series, system.trajectories, strict=True):
        lines += [f"{told['path']}: {note}" for note in told["notes"]]
        if one.tracked_every > 1:
            lines.append(f"{told['path']}: single ions are kept at every {one.tracked_every}th frame, to bound memory")
    n_given, n_used = len(system.series), len(usable_series(system.series))
    if n_used < n_given:
        lines.append(f"{n_given - n_used} of {n_given} replicas left out, as shorter than half the longest")
    if sources.stride > 1:
        lines.append(f"of every {sources.stride} frames one was read")
    lines.append(f"frame of reference: {content['frame']}")
    background = content["neutralising_background"]
    if background and not background["species"]:
        lines.append(
            f"what neutralises them ({background['charge_e']:+g} e) is not in the trajectory: they diffuse in the "
            "laboratory frame, with whatever drift the whole system has"
        )
    elif background:
        lines.append(
            f"{', '.join(background['species'])} are the neutralising background of {background['charge_e']:+g} e"
        )
    return [f"Note: {line}" for line in lines] + [f"Warning: {line}" for line in content["warnings"]]


def _table(quantities: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the quantities, one a line, and below why some have no number, each reason once."""
    from aiida_elyte.cli.show import describe_quantity, table

    rows = [["quantity", "value ± std  (95 % interval)"]]
    reasons: dict[str, list[str]] = {}
    for name, one in quantities.items():
        if "refused" not in one:
            rows.append([name, describe_quantity(one)])
            continue
        rows.append([name, f"refused, {describe_quantity(one)}" if one["upper_bound"] else "refused"])
        reasons.setdefault(one["refused"], []).append(name)
    return table(rows) + [f"refused: {reason} [{', '.join(names)}]" for reason, names in reasons.items()]
