"""``aiida-elyte launch``."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.cli.pairs import parse_charges, parse_pairs
from aiida_elyte.cli.profile import ensure_daemon, open_profile, revive
from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    from aiida import orm
    from aiida.engine import ProcessBuilder

    from aiida_elyte.cli.crystal import Request
    from aiida_elyte.science.cost import Cost
    from aiida_elyte.science.crystal_files.record import CrystalFile

__all__ = ["command", "finish", "go_on", "launch"]


@click.group("launch")
def command() -> None:
    """Start a street."""


def _street_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that every street has."""
    options = (
        click.option("--protocol", help="fast, balanced or stringent."),
        click.option(
            "--overrides", type=click.Path(path_type=Path), metavar="FILE.yaml", help="What to change of the protocol."
        ),
        click.option("--max-wallclock-s", type=click.IntRange(min=1), help="Wall time of each job [s]."),
        click.option("--dry-run", is_flag=True, help="Check everything, tell what it would cost, submit nothing."),
        click.option("--detach", is_flag=True, help="Submit and return."),
        click.option("--run", "in_process", is_flag=True, help="Compute in this process, without the daemon."),
        click.option("--force", is_flag=True, help="Compute again what is there already."),
        click.option("--json", "as_json", is_flag=True, help="Print what a machine can read."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@command.command("crystal")
@click.argument("structure", type=click.Path(path_type=Path))
@click.option("--charges", multiple=True, metavar="EL=CHARGE", help="Charge of each mobile species in e, e.g. Li=1.")
@click.option(
    "--temperature-K", "temperatures", multiple=True, type=float, help="Temperature of production; repeat it."
)
@click.option("--labeller", metavar="NAME", help="ase (the default, with GFN1-xTB), qe, or a plug-in.")
@click.option("--dataset", metavar="PK|FILE", help="Labelled frames to start with, instead of seeds.")
@click.option("--potentials", metavar="PK|DIR", help="Potentials to start with, instead of a first training.")
@click.option("--pseudo-family", metavar="LABEL", help="Pseudopotential family of a labeller that has any, as qe.")
@click.option("--code", "codes", multiple=True, metavar="ROLE=CODE", help="E.g. python=python@cluster, qe=pw@cluster.")
@_street_options
@click.pass_context
def crystal(
    ctx: click.Context,
    structure: Path,
    charges: tuple[str, ...],
    temperatures: tuple[float, ...],
    labeller: str | None,
    protocol: str | None,
    overrides: Path | None,
    dataset: str | None,
    potentials: str | None,
    pseudo_family: str | None,
    codes: tuple[str, ...],
    max_wallclock_s: int | None,
    dry_run: bool,
    as_json: bool,
    **how: bool,
) -> None:
    """From the crystal in STRUCTURE (CIF, POSCAR, extxyz, …) to its ionic conductivity."""
    from aiida_elyte.cli.crystal import Request, build, plan_of
    from aiida_elyte.cli.inputs import read_overrides
    from aiida_elyte.science.cost import estimate_cost
    from aiida_elyte.science.crystal_files.summary import crystal_lines, describe_crystal

    request = Request(
        structure=structure,
        charges=parse_charges(charges, "Li=1"),
        temperatures_K=temperatures,
        labeller=labeller,
        protocol=protocol,
        overrides=read_overrides(overrides),
        dataset=dataset,
        potentials=potentials,
        pseudo_family=pseudo_family,
        max_wallclock_s=max_wallclock_s,
        codes=parse_pairs(codes, "--code", "qe=pw@cluster"),
    )
    found = _check_early(request)
    open_profile(create=True)
    builder = build(request)
    if dry_run:
        cost = estimate_cost(plan_of(builder))
        summary = describe_crystal(found)
        if as_json:
            click.echo(json.dumps(asdict(cost) | {"seconds": cost.seconds, "structure": summary}, indent=2))
        else:
            click.echo("\n".join([*crystal_lines(summary), _describe_cost(cost)]))
        return
    for note in found.notes:
        click.echo(f"Note: {structure}: {note}", err=True)
    finish(ctx, launch(builder, **how), as_json)


@command.command("polymer")
@click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE.yaml")
@click.option("--labeller", metavar="NAME", help="ase (the default, with GFN2-xTB), or a plug-in.")
@click.option("--dataset", metavar="PK|FILE", help="Labelled clusters to start with, instead of new ones.")
@click.option(
    "--forcefield", "force_fields", multiple=True, metavar="PK|DIR", help="Force field to run with; repeat it."
)
@click.option(
    "--code", "codes", multiple=True, metavar="ROLE=CODE", help="E.g. python=python@cluster, engine=lmp@cluster."
)
@_street_options
@click.pass_context
def polymer(
    ctx: click.Context,
    recipe: Path,
    labeller: str | None,
    protocol: str | None,
    overrides: Path | None,
    dataset: str | None,
    force_fields: tuple[str, ...],
    codes: tuple[str, ...],
    max_wallclock_s: int | None,
    dry_run: bool,
    as_json: bool,
    **how: bool,
) -> None:
    """From the polymer or liquid electrolyte in RECIPE.yaml to its ionic conductivity and transference numbers."""
    from aiida_elyte.api.recipes import recipe_lines, recipe_warnings
    from aiida_elyte.cli.inputs import read_overrides
    from aiida_elyte.cli.polymer import Request, build, describe_plan, plan_of, read_recipe_file
    from aiida_elyte.science.electrolyte.boxes import count_molecules

    request = Request(
        recipe=recipe,
        labeller=labeller,
        protocol=protocol,
        overrides=read_overrides(overrides),
        dataset=dataset,
        force_fields=force_fields,
        max_wallclock_s=max_wallclock_s,
        codes=parse_pairs(codes, "--code", "engine=lmp@cluster"),
    )
    _, asked = read_recipe_file(recipe)  # what needs no profile to be rejected
    amounts = count_molecules(asked)
    for note in recipe_warnings(asked, amounts):
        click.echo(f"Warning: {recipe}: {note}", err=True)
    open_profile(create=True)
    builder = build(request)
    if dry_run:
        plan = plan_of(builder)
        lines = [*recipe_lines(asked, amounts), describe_plan(plan)]
        click.echo(json.dumps(plan) if as_json else "\n".join(lines))
        return
    finish(ctx, launch(builder, **how), as_json)


def launch(
    builder: "ProcessBuilder",
    *,
    in_process: bool = False,
    detach: bool = False,
    force: bool = False,
    is_new: bool = False,
) -> "orm.WorkChainNode":
    """Find the run of these inputs, or start one; follow it to its end unless it is detached.

    Parameters
    ----------
    builder
        Inputs of the street.
    in_process
        Run without the daemon.
    detach
        Return after the submission.
    force
        Compute again even where a run of these inputs exists, its jobs included.
    is_new
        Start a run even where one of these inputs exists; jobs come from the cache.

    Raises
    ------
    InputError
        When AiiDA refuses the inputs.
    """
    from aiida.engine import submit

    from aiida_elyte.api.attendance import RUNNER, runner_here
    from aiida_elyte.api.runs import KEY, find_run, forget_jobs, key_of
    from aiida_elyte.cli.follow import follow, run_here

    key = key_of(builder)
    if force:
        forget_jobs(key)
    node = None if force or is_new else find_run(key)
    if node is not None:
        state = "has finished" if node.is_terminated else "is under way"
        click.echo(
            f"The run of these inputs {state}: {node.process_label} {node.pk} (compute again with --force).", err=True
        )
        if node.is_terminated or detach:
            return node
        go_on(node, in_process=in_process)
        return node
    try:
        if in_process:
            return run_here(builder, lambda started: _note_start(started, {KEY: key, RUNNER: runner_here()}))
        ensure_daemon()
        node = submit(builder)
    except ValueError as error:
        raise InputError(str(error)) from error
    node.base.extras.set(KEY, key)
    click.echo(f"Submitted {node.process_label} {node.pk}.", err=True)
    if not detach:
        follow(node)
    return node


def _note_start(node: "orm.WorkChainNode", extras: dict[str, Any]) -> None:
    node.base.extras.set_many(extras)
    click.echo(f"Started {node.process_label} {node.pk}.", err=True)


def go_on(node: "orm.WorkChainNode", detach: bool = False, in_process: bool = False) -> None:
    """See to it that a process works on a street that has not ended; follow it unless it is detached.

    Parameters
    ----------
    node
        The street.
    detach
        Return at once.
    in_process
        Go on in this process with a street that another one computed and that has ended.

    Raises
    ------
    InputError
        If ``in_process`` is given for a street that the daemon has.
    """
    from aiida_elyte.api.attendance import RUNNER, describe_neglect, runner_here
    from aiida_elyte.cli.follow import follow, go_on_here

    name = f"{node.process_label} {node.pk}"
    if RUNNER in node.base.extras and describe_neglect(node) is None:
        click.echo(f"{name} is computed by the process {node.base.extras.get(RUNNER)['pid']}.", err=True)
    elif in_process and RUNNER not in node.base.extras:
        raise InputError(f"{name} was submitted to the daemon; expected a street started with --run; drop --run")
    elif in_process:
        go_on_here(node, lambda started: _note_start(started, {RUNNER: runner_here()}))
        return
    else:
        ensure_daemon()
        if revive(node):
            if RUNNER in node.base.extras:
                node.base.extras.delete(RUNNER)
            click.echo(f"{name} had lost its place in the queue and was put back.", err=True)
    if not detach:
        follow(node)


def finish(ctx: click.Context, node: "orm.WorkChainNode", as_json: bool = False) -> None:
    """Print how a run ended; exit 1 when it failed."""
    from aiida_elyte.cli.show import result_lines

    if as_json:
        state = node.process_state.value if node.process_state else "created"
        click.echo(json.dumps({"pk": node.pk, "uuid": node.uuid, "state": state, "exit_status": node.exit_status}))
    else:
        for line in result_lines(node):
            click.echo(line)
        click.echo(f"\n{node.process_label} {node.pk}: aiida-elyte status {node.pk} · verdi process report {node.pk}")
    if node.is_terminated and not node.is_finished_ok:
        reason = node.exit_message or (node.process_state.value if node.process_state else "unknown")
        click.echo(f"Error: {node.process_label} {node.pk} failed: {reason}", err=True)
        ctx.exit(1)


def _check_early(request: "Request") -> "CrystalFile":
    """Reject what needs no profile to be rejected; return the crystal."""
    from aiida_elyte.plugins import load
    from aiida_elyte.science.crystal import require_charges, require_temperatures
    from aiida_elyte.science.crystal_files.read import read_crystal

    found = read_crystal(request.structure, is_ordered=True)
    if not request.charges:
        raise InputError(
            "--charges is missing; expected the charge of each mobile species in e; add e.g. --charges Li=1"
        )
    require_charges(found.atoms, request.charges)
    if request.temperatures_K:
        require_temperatures(list(request.temperatures_K), "--temperature-K")
    if request.labeller is not None:
        load("labellers", request.labeller)
    return found


def _time(seconds: float | None) -> str:
    from aiida_elyte.cli.follow import span

    return "unknown for this trainer" if seconds is None else span(seconds)


def _describe_cost(cost: "Cost") -> str:
    from aiida_elyte.cli.follow import span

    labels = "unknown for this engine" if cost.labelling_s is None else span(cost.labelling_s)
    rows: list[tuple[str, Any]] = [
        ("labels", f"{cost.labels} at most   {labels}"),
        ("training", _time(cost.training_s)),
        ("MD steps", f"{cost.md_steps}   {_time(cost.dynamics_s)}"),
        ("time", f"about {span(cost.seconds)} at most, on the cores of this machine"),
        ("disk", f"about {cost.disk_bytes / 1e6:.0f} MB"),
    ]
    return "\n".join(f"{name:<10}{value}" for name, value in rows) + "\nDry run: nothing was submitted."
