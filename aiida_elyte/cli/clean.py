"""``aiida-elyte clean``."""

import json
from dataclasses import asdict

import click

from aiida_elyte.cli.json_option import json_option
from aiida_elyte.cli.profile import open_profile

__all__ = ["command"]


@click.command("clean")
@click.argument("pk", required=False)
@click.option("--trajectories", is_flag=True, help="Remove the trajectories of production runs as well.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def command(pk: str | None, trajectories: bool, yes: bool, as_json: bool) -> None:
    """Remove the folders of finished jobs of one street (PK) or of all; those of running streets stay.

    With --json nothing is asked, and they are removed only with --yes.
    """
    open_profile()
    from aiida_elyte.api.clean import clean, plan_cleaning

    plan = plan_cleaning(pk, trajectories)
    for name in plan.running:
        click.echo(f"{name} has not ended; its folders stay.", err=True)
    if as_json:
        if yes:
            clean(plan.folders)
        folders = [asdict(folder) for folder in plan.folders]
        click.echo(json.dumps({"folders": folders, "size": plan.size, "removed": yes}, indent=2))
        return
    for folder in plan.folders:
        kept = "  (its trajectories stay)" if folder.keeps else ""
        click.echo(f"{_size(folder.size):>9}  {folder.what}  {folder.path}{kept}")
    if not plan.folders:
        click.echo("Nothing to clean.")
        return
    total = _size(plan.size)
    if not yes and not click.confirm(f"Remove {len(plan.folders)} folders, {total} in all?"):
        click.echo("Nothing was removed.")
        return
    clean(plan.folders)
    click.echo(f"Removed {total} in {len(plan.folders)} folders.")


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
