"""``aiida-elyte train``."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.cli.label_names import labels_option
from aiida_elyte.cli.profile import check_runnable, find_code, open_profile
from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    from aiida import orm

    from aiida_elyte.data.frames import FramesData
    from aiida_elyte.science.labels.naming import LabelName

__all__ = ["command", "minutes_per_member"]

_START_S = 25.0
"""Import of torch and SchNetPack, AiiDA's handling of a job, its last checkpoint."""


@click.command("train")
@click.argument("data", nargs=-1, required=True)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of models and summary."
)
@click.option("--members", default=4, show_default=True, type=int, help="Members of the ensemble.")
@click.option("--max-minutes", type=float, help="Wall time of all trainings together; none when left out.")
@click.option("--protocol", help="fast, balanced or stringent.")
@click.option(
    "--overrides", type=click.Path(path_type=Path), metavar="FILE.yaml", help="What to change of the protocol."
)
@click.option("--seed", default=0, show_default=True, type=int, help="Seed of the first member; the others count up.")
@click.option("--max-in-flight", type=int, help="Trainings side by side; the number of cores when left out.")
@click.option("--allow-mixed-levels", is_flag=True, help="Train on labels of several levels of theory.")
@click.option("--validation", metavar="PK|FILE", help="Frames to validate on, instead of blocks set aside.")
@labels_option
@click.option("--code", default="python@localhost", show_default=True, help="Python with torch and SchNetPack.")
@click.option("--json", "as_json", is_flag=True, help="Print what a machine can read.")
@click.pass_context
def command(
    ctx: click.Context,
    data: tuple[str, ...],
    out: Path,
    members: int,
    max_minutes: float | None,
    protocol: str | None,
    overrides: Path | None,
    seed: int,
    max_in_flight: int | None,
    allow_mixed_levels: bool,
    validation: str | None,
    names: "Mapping[str, LabelName]",
    code: str,
    as_json: bool,
) -> None:
    """Train an ensemble on DATA (files or PKs of labelled frames) in this process; write its members to a folder."""
    began = time.monotonic()
    from aiida_elyte.cli.datasets import print_notes, read_dataset
    from aiida_elyte.cli.inputs import available_cores, read_overrides

    side_by_side = min(members, max_in_flight if max_in_flight is not None else available_cores())
    for name, value in (("--members", members), ("--max-in-flight", side_by_side), ("--max-minutes", max_minutes)):
        if value is not None and value <= 0:
            raise InputError(f"{name} is {value:g}; expected a positive number")
    changes = read_overrides(overrides)
    read = {source: read_dataset(Path(source), names=names) for source in data if _is_file(source)}
    frames = {source: one.frames for source, one in read.items()}
    _check([frame for one in frames.values() for frame in one], allow_mixed_levels)
    for one in read.values():
        print_notes(one)

    open_profile(create=True)
    from aiida_elyte.workflows.protocols import recursive_merge
    from aiida_elyte.workflows.train_ensemble import TrainEnsembleWorkChain

    dataset = _dataset(data, frames)
    _check(dataset.get_frames(), allow_mixed_levels)
    python = find_code(code)
    check_runnable(python, ("torch", "schnetpack"))
    settings: dict[str, Any] = {"seed": seed}
    if max_minutes is not None:
        left = max_minutes - (time.monotonic() - began) / 60
        settings["max_minutes"] = minutes_per_member(left, members, side_by_side)
    if allow_mixed_levels:
        settings["allow_mixed_levels"] = True
    asked = {"n_members": members, "max_in_flight": side_by_side, "train": {"settings": settings}}
    try:
        builder = TrainEnsembleWorkChain.get_builder_from_protocol(
            python,
            dataset,
            protocol=protocol,
            overrides=recursive_merge(changes, asked),
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    if validation is not None:
        from aiida_elyte.cli.datasets import load_frames_node

        held_out = load_frames_node(validation, names)
        _check(held_out.get_frames(), allow_mixed_levels, validation)
        builder.validation = held_out

    from aiida_elyte.cli.follow import run_here

    click.echo(
        f"Training {members} members on {len(dataset)} frames, {side_by_side} side by side"
        + (f", {60 * settings['max_minutes']:.0f} s each" if max_minutes is not None else ""),
        err=True,
    )
    try:
        node = run_here(builder)
    except ValueError as error:
        raise InputError(str(error)) from error
    summary = _write(node, out, time.monotonic() - began)
    if as_json:
        click.echo(json.dumps(summary, indent=2))
    else:
        _print(summary, out)
    if not node.is_finished_ok:
        reason = node.exit_message or (node.process_state.value if node.process_state else "unknown")
        click.echo(f"Error: {node.process_label} {node.pk} failed: {reason}", err=True)
        ctx.exit(1)


def minutes_per_member(minutes: float, members: int, side_by_side: int) -> float:
    """Return the time of one member [min] such that all of them, some side by side, need ``minutes``.

    Raises
    ------
    InputError
        When nothing is left beside the start of the jobs.
    """
    waves = -(-members // side_by_side)
    each = minutes / waves - _START_S / 60
    if each <= 0:
        raise InputError(
            f"--max-minutes leaves {60 * minutes:.0f} s for {waves} trainings one after the other; "
            f"expected more than {_START_S:.0f} s each; give more time or fewer members"
        )
    return each


def _is_file(source: str) -> bool:
    return Path(source).exists() or not source.isdecimal()


def _check(frames: Sequence[Any], allow_mixed_levels: bool, name: str = "the data set") -> None:
    """Reject frames that cannot be trained on."""
    from aiida_elyte.science.frames import require_labels
    from aiida_elyte.science.labels.theory import require_one_level

    if not frames:
        return
    require_labels(frames, name=name)
    if not allow_mixed_levels:
        require_one_level(frames, name)


def _dataset(data: Sequence[str], frames: Mapping[str, Any]) -> "FramesData":
    """Return one node of all data; several are merged by a calcfunction, so that their origin stays on record."""
    from aiida_elyte.calculations.functions.frames import merge_frames
    from aiida_elyte.cli.datasets import as_node, load_frames_node

    nodes = [
        as_node(frames[source], Path(source).name) if source in frames else load_frames_node(source) for source in data
    ]
    if len(nodes) == 1:
        return nodes[0]
    return merge_frames(**{f"set_{index:03d}": node for index, node in enumerate(nodes)})


def _write(node: "orm.WorkChainNode", out: Path, seconds: float) -> dict[str, Any]:
    """Write the members that were trained, the summary and the learning curves; return the summary."""
    from aiida_elyte.provenance.steps import results_of

    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("m[0-9][0-9].pt"):
        old.unlink()
    for name, potential in results_of(node, "potentials").items():
        (out / f"{name}.pt").write_bytes(potential.get_content(mode="rb"))
    summary: dict[str, Any] = {
        "process": {
            "pk": node.pk,
            "uuid": node.uuid,
            "exit_status": node.exit_status,
            "exit_message": node.exit_message,
        },
        "dataset": {"pk": node.inputs.dataset.pk, "count": len(node.inputs.dataset)},
        "seconds": round(seconds, 1),
        "settings": node.inputs.train["settings"].get_dict(),
        "members": node.outputs.summary.get_dict() if "summary" in node.outputs else {},
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    curves = _curves(node)
    if curves:
        _draw(curves, out / "learning_curves.png")
    return summary


def _curves(node: "orm.WorkChainNode") -> dict[str, list[dict[str, Any]]]:
    """Return the learning curve of each member."""
    from aiida_elyte.provenance.learning import load_members

    curves = {name: member.results.get("learning_curve") for name, member in load_members(node.pk).items()}
    return {name: curve for name, curve in sorted(curves.items()) if curve}


def _draw(curves: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Draw validation errors over epochs, where matplotlib is installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        click.echo("No learning_curves.png: matplotlib is not installed (pip install 'aiida-elyte[report]').", err=True)
        return
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, curve in curves.items():
        axes.plot([point["epoch"] for point in curve], [1000 * point["force_mae_eV_A"] for point in curve], label=name)
    axes.set(xlabel="epoch", ylabel="force MAE on validation frames / meV/Å", yscale="log")
    axes.legend()
    figure.savefig(path, dpi=150)


def _print(summary: Mapping[str, Any], out: Path) -> None:
    from aiida_elyte.cli.follow import span
    from aiida_elyte.cli.show import table

    rows = [["member", "epochs", "validation F MAE / meV/Å", "F RMSE / meV/Å", "E MAE / meV/atom", "time"]]
    for name, member in summary["members"].items():
        errors = member["errors"]["validation"]
        keys = ("force_mae_eV_A", "force_rmse_eV_A", "energy_mae_eV_atom")
        numbers = [f"{1000 * errors[key]:.1f}" for key in keys]
        rows.append([name, str(member["n_epochs"]), *numbers, span(member["seconds"])])
    click.echo("\n".join(table(rows)))
    for warning in sorted({text for member in summary["members"].values() for text in member.get("warnings") or []}):
        click.echo(f"warning: {warning}")
    click.echo(f"{len(summary['members'])} members, {span(summary['seconds'])} in all: {out}")
