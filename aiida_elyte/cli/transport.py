"""``aiida-elyte transport``: anybody's trajectory to conductivity, without AiiDA."""

import json
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.cli.files import write_files
from aiida_elyte.cli.pairs import parse_charges, parse_pairs
from aiida_elyte.cli.replicas import (
    Sources,
    System,
    describe_times,
    describe_trajectories,
    read_system,
    require_independent,
)
from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    from aiida_elyte.science.trajectory.cells import Cells
    from aiida_elyte.science.trajectory.reduction import Series
    from aiida_elyte.science.transport.estimates import Estimate, Refusal

__all__ = ["command"]

_TOPOLOGY = "topology"
"""What stands for charges when the topology tells them."""

_POSITIVE = click.FloatRange(min=0, min_open=True)


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
@click.option(
    "--elements",
    metavar="TYPE=SYMBOL,…",
    help="Elements of the types of a LAMMPS dump or data file: 1=Li,2=Cl or Li,Cl.",
)
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
    sources = Sources(
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
        system = read_system(sources, given, wanted, _names((frame or "").partition(":")[2]))
    except ImportError as error:
        raise InputError(f"{error.name} is not installed; these files need it; pip install {error.name}") from error
    require_independent(system)
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
    for line in [*describe_trajectories(system), *_notes(system, content, sources)]:
        click.echo(line, err=True)
    click.echo("\n".join([describe_times(system), *_table(content["quantities"])]))


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


def _count(series: "Series", name: str) -> int:
    return int(series.counts[series.species.index(name)])


def _describe(
    system: System,
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
    from aiida_elyte.science.transport.rigid_shifts import rigid_shift_in

    first = system.series[0]
    reference = frame_of(first, system.charges, mobile, frame)
    carriers = mobile_charges(system.charges, mobile)
    others = [name for name in first.species if name not in carriers]
    net = sum(charge * _count(first, name) for name, charge in carriers.items())
    warnings = [
        f"{told['path']}: {warning}"
        for one, told in zip(system.series, system.trajectories, strict=True)
        for warning in (*told["warnings"], check_time_step(one, temperature_K), rigid_shift_in(one))
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


def _notes(system: System, content: Mapping[str, Any], sources: Sources) -> list[str]:
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
