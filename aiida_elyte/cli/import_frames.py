"""``aiida-elyte import``."""

import json
from pathlib import Path

import click

from aiida_elyte.cli.profile import open_profile

__all__ = ["command"]


@click.command("import")
@click.argument("frames", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--level-of-theory", metavar="TEXT", help="What made the labels; required where the file does not say.")
@click.option("--label", default="", help="Label of the node.")
@click.option("--json", "as_json", is_flag=True, help="Print what a machine can read.")
def command(frames: tuple[Path, ...], level_of_theory: str | None, label: str, as_json: bool) -> None:
    """Make one node of FRAMES (extxyz, ASE traj, vasprun.xml, output of pw.x, …) with their labels."""
    from aiida_elyte.cli.datasets import read_any_frames, require_level
    from aiida_elyte.science.frames import labels_of, require_one_level

    found = []
    for path in frames:
        read = read_any_frames(path, level_of_theory)
        require_level(read, str(path))
        found += read
    require_one_level([frame for frame in found if labels_of(frame)], "the set")
    open_profile(create=True)
    from aiida_elyte.data.frames import FramesData

    node = FramesData(found, label=label or frames[0].name).store()
    description = {"pk": node.pk, "uuid": node.uuid, **dict(node.base.attributes.items())}
    if as_json:
        click.echo(json.dumps(description, indent=2))
        return
    labels = ", ".join(f"{name} of {count}" for name, count in description["label_counts"].items()) or "none"
    click.echo(f"FramesData {node.pk}: {len(node)} frames, {len(description['blocks'])} blocks")
    click.echo(f"labels           {labels}")
    click.echo(f"level of theory  {', '.join(description['levels_of_theory']) or 'none'}")
