"""``aiida-elyte transport``: anybody's trajectory to conductivity, without AiiDA."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from aiida_elyte.cli.pairs import parse_charges, parse_elements, parse_names, parse_selections

__all__ = ["command"]

_POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command("transport")
@click.argument("trajectories", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="TRAJ…")
@click.option("--charges", multiple=True, metavar="NAME=CHARGE,…", help="Charge of each mobile species; or `topology`.")
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
@click.option("--all", "is_full", is_flag=True, help="Show tensor components, L_ab and methods too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON to the standard output, and nothing else there.")
@click.option("--json-out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="File for the JSON.")
@click.option("--plots", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Folder for pictures.")
def command(
    trajectories: tuple[Path, ...],
    charges: tuple[str, ...],
    elements: str | None,
    molecules: tuple[str, ...],
    species: str | None,
    is_full: bool,
    as_json: bool,
    json_out: Path | None,
    plots: Path | None,
    **options: Any,
) -> None:
    """Diffusion, conductivity, transference numbers and Haven ratio from trajectories of one system.

    TRAJ… are replicas: LAMMPS dump, DCD, XTC, TRR, XDATCAR, extxyz, ASE traj, HDF5 of torch-sim, or series.npz. A
    folder with part_*.lammpstrj is one replica.
    """
    from aiida_elyte.api.files import write_files
    from aiida_elyte.api.transport import analyse
    from aiida_elyte.report.transport_plots import plot_transport, require_matplotlib

    if plots is not None:
        require_matplotlib()
    analysis = analyse(
        trajectories,
        "topology" if charges == ("topology",) else parse_charges(charges, "Li=1,TFSI=-1"),
        elements=None if elements is None else parse_elements(elements),
        molecules=parse_selections(molecules),
        species=parse_names(species),
        **options,
    )
    content = analysis.as_dict()
    text = json.dumps(content, indent=2, ensure_ascii=False)
    if plots is not None:
        plot_transport(analysis, plots)
    if json_out is not None:
        write_files({json_out: f"{text}\n".encode()})
    told = [line for replica in analysis.replicas for line in replica.describe()]
    told += [f"Note: {line}" for line in analysis.notes] + [f"Warning: {line}" for line in analysis.warnings]
    click.echo("\n".join(told), err=True)
    times = "; ".join(dict.fromkeys(replica.times for replica in analysis.replicas))
    click.echo(text if as_json else "\n".join([times, *_table(content["quantities"], is_full)]))


def _table(quantities: Mapping[str, Mapping[str, Any]], is_full: bool) -> list[str]:
    """Return the quantities, one a line, and below why some have no number, each reason once."""
    from aiida_elyte.api.headline import headline
    from aiida_elyte.cli.show import describe_quantity
    from aiida_elyte.cli.tables import table

    shown = {**headline(quantities), **(quantities if is_full else {})}
    rows = [["quantity", "value ± std  (95 % interval)", *["method"] * is_full]]
    for name, one in shown.items():
        known = [describe_quantity(one)] if "value" in one or one["upper_bound"] else []
        value = ", ".join([*["refused"] * ("refused" in one), *known])
        rows.append([name, value, *[(one.get("upper_bound") or one).get("method", "")] * is_full])
    reasons = dict.fromkeys(one["refused"] for one in quantities.values() if "refused" in one)
    groups = {reason: [name for name, one in quantities.items() if one.get("refused") == reason] for reason in reasons}
    lines = table(rows) + [f"refused: {reason} [{', '.join(names)}]" for reason, names in groups.items()]
    n_more = len(quantities) - len(shown)
    return [*lines, f"{n_more} more quantities, and the methods, with --all"] if n_more else lines
