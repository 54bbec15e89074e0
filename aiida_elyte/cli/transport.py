"""``aiida-elyte transport``: anybody's trajectory to conductivity, without AiiDA."""

import json
from pathlib import Path
from typing import Any

import click

from aiida_elyte.cli.json_option import json_option
from aiida_elyte.cli.pairs import parse_charges, parse_elements, parse_selections, split_names

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
@json_option
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
    from aiida_elyte.api.files import check_outputs, write_files
    from aiida_elyte.api.transport import analyse
    from aiida_elyte.cli.quantities import quantity_lines
    from aiida_elyte.report.style import require_matplotlib
    from aiida_elyte.report.transport_plots import check_plots, plot_transport

    if plots is not None:
        require_matplotlib("--plots")
        check_plots(plots)
    if json_out is not None:
        parts = [part for path in trajectories for part in (path, *path.glob("part_*"))]
        check_outputs([json_out], [*parts, *filter(None, (options["topology"], options["cell"]))])
    analysis = analyse(
        trajectories,
        "topology" if charges == ("topology",) else parse_charges(charges, "Li=1,TFSI=-1"),
        elements=None if elements is None else parse_elements(elements),
        molecules=parse_selections(molecules),
        species=split_names(species),
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
    click.echo(text if as_json else "\n".join([times, *quantity_lines(content["quantities"], is_full)]))
