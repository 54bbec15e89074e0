"""``aiida-elyte box``: a recipe to a periodic box, loose or compressed by LAMMPS, without AiiDA."""

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.api.files import write_files
from aiida_elyte.cli.interruption import resumable
from aiida_elyte.cli.json_option import json_option
from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    from aiida_elyte.api.boxes import BoxPlan
    from aiida_elyte.api.compression import Equilibration, LammpsRun

__all__ = ["command"]

_PATH = click.Path(path_type=Path)
_POSITIVE = click.FloatRange(min=0, min_open=True)


@click.group("box")
def command() -> None:
    """Periodic boxes of polymers, liquids and salt, from a recipe."""


def _changes(_ctx: click.Context, _parameter: click.Parameter, words: tuple[str, ...]) -> dict[str, float]:
    changes: dict[str, float] = {}
    for word in words:
        key, _, value = word.partition("=")
        try:
            changes[key] = int(value) if value.isdigit() else float(value)
        except ValueError as error:
            raise InputError(f"--set {word} has no number; expected one; as --set loose_ps=20") from error
    return changes


@command.command("build")
@click.argument("recipe", type=_PATH, metavar="RECIPE.yaml")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR")
@click.option("--forcefield", "force_field", type=_PATH, metavar="DIR", help="Of `forcefield fit`; else only geometry.")
@click.option("--until", type=click.Choice(["loose", "push_off", "compressed"]), default="loose", show_default=True)
@click.option("--protocol", type=click.Choice(["fast", "balanced", "stringent"]), default="balanced", show_default=True)
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", callback=_changes, help="Change the protocol.")
@click.option("--lmp", default="lmp", show_default=True, metavar="PATH", help="LAMMPS with the package CLASS2.")
@click.option("--processes", type=click.IntRange(min=1), default=1, show_default=True, help="MPI processes.")
@click.option("--flags", default="", metavar="TEXT", help='For accelerators, as "-sf omp -pk omp 2".')
@click.option("--density", type=_POSITIVE, help="Of the loose box [g/cm³]; 0.2, of liquids 0.8.")
@json_option
def build(recipe: Path, out: Path, force_field: Path | None, density: float | None, as_json: bool, **how: Any) -> None:
    """Build the box of a recipe, write the inputs of LAMMPS for its compression, and run them as far as --until.

    Run again, it goes on where it stopped.
    """
    from aiida_elyte.api.boxes import BOX_FILE, plan_box
    from aiida_elyte.api.compression import assess_equilibrium
    from aiida_elyte.api.recipes import recipe_lines, recipe_summary, recipe_warnings
    from aiida_elyte.report.style import require_matplotlib

    say = partial(click.echo, err=as_json)
    if force_field is not None:
        require_matplotlib("schedule.png")
    plan = plan_box(recipe, force_field, density_g_cm3=density, **how)
    say("\n".join(recipe_lines(plan.recipe, plan.amounts)))
    for warning in recipe_warnings(plan.recipe, plan.amounts):
        click.echo(f"Warning: {recipe}: {warning}", err=True)
    box, runs, settled = plan.pack(out), [], None
    say(f"loose box: {len(box.positions)} atoms: {out / BOX_FILE}")
    if plan.force_field is None:
        click.echo("Note: without --forcefield no inputs of LAMMPS are written", err=True)
    else:
        plan.write_inputs(box, out)
        say(_write_schedule(plan, out))
    with resumable("run the same command again: it goes on from the last restart file"):
        for run in plan.run(out, lambda line: click.echo(line, err=True)):
            say(_describe_run(run))
            runs.append({**asdict(run), "folder": str(run.folder)})
    if plan.until == "compressed":
        settled = assess_equilibrium(out)
        say(_describe_equilibrium(settled, out))
    if as_json:
        verdict = None if settled is None else settled.verdict
        summary = recipe_summary(plan.recipe, plan.amounts)
        click.echo(json.dumps({**summary, "folder": str(out), "runs": runs, "equilibration": verdict}, indent=2))


def _write_schedule(plan: "BoxPlan", out: Path) -> str:
    """Write the table and the picture of the stages; return the table."""
    from aiida_elyte.cli.tables import table
    from aiida_elyte.report.box_figures import draw_schedule

    lines = "\n".join(table(plan.schedule))
    write_files({out / "schedule.txt": lines + "\n", out / "schedule.png": draw_schedule(plan.stages)})
    return lines


def _describe_run(run: "LammpsRun") -> str:
    if run.minutes is None:
        return f"{run.folder}: done before"
    return f"{run.folder}: {run.n_steps} steps in {run.minutes:.1f} min, no atom lost; {run.ns_per_day:.2f} ns/day"


def _describe_equilibrium(settled: "Equilibration", out: Path) -> str:
    """Draw how the box settles; return its means and the verdict."""
    from aiida_elyte.cli.tables import table
    from aiida_elyte.report.box_figures import draw_settling

    verdict = settled.verdict
    means, begins, refused = verdict["means"], verdict["begins_ps"], verdict["refused"]
    bars = {name: (mean["value"], mean["std"]) for name, mean in means.items()}
    write_files({out / "equilibration.png": draw_settling(settled.records, begins, bars, refused)})
    rows = [["quantity", "mean", "±", "independent samples", "drift", "±"]]
    for name, mean in means.items():
        rows.append([name, *(f"{mean[key]:.4g}" for key in ("value", "std", "n_effective", "drift", "drift_std"))])
    settling = f"in equilibrium from {begins:.1f} ps: {out / 'equilibration.json'}"
    return "\n".join([*table(rows), settling if refused is None else f"not in equilibrium: {refused}"])
