"""``aiida-elyte train``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.cli.json_option import json_option
from aiida_elyte.cli.label_names import labels_option
from aiida_elyte.cli.options import overrides_option
from aiida_elyte.cli.profile import open_profile

if TYPE_CHECKING:
    from aiida_elyte.api.training import TrainedEnsemble
    from aiida_elyte.science.labels.naming import LabelName

__all__ = ["command"]

_COUNT = click.IntRange(min=1)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("train")
@click.argument("data", nargs=-1, required=True)
@click.option("--out", required=True, type=_FOLDER, help="Folder of models and summary.")
@click.option("--members", default=4, show_default=True, type=_COUNT, help="Members of the ensemble.")
@click.option("--max-minutes", type=click.FloatRange(min=0, min_open=True), help="Wall time of all trainings together.")
@click.option("--protocol", help="fast, balanced or stringent.")
@overrides_option
@click.option("--seed", default=0, show_default=True, type=int, help="Seed of the first member; the others count up.")
@click.option("--max-in-flight", type=_COUNT, help="Trainings side by side; the number of cores when left out.")
@click.option("--allow-mixed-levels", is_flag=True, help="Train on labels of several levels of theory.")
@click.option("--validation", metavar="PK|FILE", help="Frames to validate on, instead of blocks set aside.")
@labels_option
@click.option("--code", default="python@localhost", show_default=True, help="Python with torch and SchNetPack.")
@json_option
def command(
    data: tuple[str, ...],
    out: Path,
    allow_mixed_levels: bool,
    validation: str | None,
    names: "Mapping[str, LabelName]",
    as_json: bool,
    **how: Any,
) -> None:
    """Train an ensemble on DATA (files or PKs of labelled frames) in this process; write its members to a folder."""
    from aiida_elyte.api.files import check_outputs
    from aiida_elyte.api.identifiers import names_file
    from aiida_elyte.api.labels import read_labelled_frames, require_trainable
    from aiida_elyte.cli.datasets import print_notes

    picture = out / "learning_curves.png"
    sources = (*data, *filter(None, [validation]))
    check_outputs([out / "summary.json", picture], sources)
    read = {source: read_labelled_frames(source, labels=names) for source in sources if names_file(source)}
    frames = [frame for source in data if source in read for frame in read[source].frames]
    if frames:
        require_trainable(frames, allow_mixed_levels)
    for one in read.values():
        print_notes(one)
    open_profile(create=True)
    from aiida_elyte.api.training import train
    from aiida_elyte.cli.follow import run_here

    ensemble = train(
        *(read.get(source, source) for source in data),
        allow_mixed_levels=allow_mixed_levels,
        validation=None if validation is None else read.get(validation, validation),
        run=run_here,
        progress=lambda line: click.echo(line, err=True),
        **how,
    )
    ensemble.save(out)
    _draw(ensemble, picture)
    if as_json:
        click.echo(json.dumps(ensemble.describe(), indent=2))
    else:
        _print(ensemble.describe(), out)
    if ensemble.failure is not None:
        node = ensemble.node
        click.echo(f"Error: {node.process_label} {node.pk} failed: {ensemble.failure}", err=True)
        click.get_current_context().exit(1)


def _draw(ensemble: "TrainedEnsemble", path: Path) -> None:
    """Draw validation errors over epochs, where matplotlib is installed."""
    curves = ensemble.learning_curves
    if not curves:
        return
    try:
        from matplotlib.figure import Figure
    except ImportError:
        click.echo("No learning_curves.png: matplotlib is not installed (pip install 'aiida-elyte[report]').", err=True)
        return
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    key = ensemble.error_key
    factor, unit, _ = key.scale
    for name, curve in curves.items():
        points = [(point["epoch"], factor * error) for point in curve if (error := key.of(point)) is not None]
        axes.plot(*zip(*points, strict=True), label=name)
    axes.set(xlabel="epoch", ylabel=f"{key.label} on validation frames / {unit}", yscale="log")
    axes.legend()
    figure.savefig(path, dpi=150)


def _print(summary: Mapping[str, Any], out: Path) -> None:
    from aiida_elyte.cli.error_tables import training_errors
    from aiida_elyte.provenance.progress import span

    members = summary["members"]
    click.echo("\n".join(training_errors(members)))
    for warning in sorted({text for member in members.values() for text in member.get("warnings") or []}):
        click.echo(f"warning: {warning}")
    click.echo(f"{len(members)} members, {span(summary['seconds'])} in all: {out}")
