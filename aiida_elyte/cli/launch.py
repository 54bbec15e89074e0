"""``aiida-elyte launch``."""

import json
from pathlib import Path
from typing import Any

import click

from aiida_elyte.cli.options import street_options
from aiida_elyte.cli.pairs import parse_charges, parse_pairs
from aiida_elyte.cli.profile import open_profile

__all__ = ["command"]


@click.group("launch")
def command() -> None:
    """Start a street."""


@command.command("crystal")
@click.argument("structure", type=click.Path(path_type=Path))
@click.option("--charges", multiple=True, metavar="EL=CHARGE", help="Charge of each mobile species in e, e.g. Li=1.")
@click.option(
    "--temperature-K", "temperatures_K", multiple=True, type=float, help="Temperature of production; repeat it."
)
@click.option("--labeller", metavar="NAME", help="Engine of the labels, a plug-in; that of the protocol if left out.")
@click.option("--dataset", metavar="PK|FILE", help="Labelled frames to start with, instead of seeds.")
@click.option("--potentials", metavar="PK|DIR", help="Potentials to start with, instead of a first training.")
@click.option("--pseudo-family", metavar="LABEL", help="Pseudopotential family of a labeller that has any.")
@click.option(
    "--code", "codes", multiple=True, metavar="ROLE=CODE", help="E.g. python=python@cluster; a labeller by name."
)
@street_options
@click.pass_context
def crystal(
    ctx: click.Context,
    /,
    structure: Path,
    charges: tuple[str, ...],
    dataset: str | None,
    codes: tuple[str, ...],
    dry_run: bool,
    detach: bool,
    run: bool,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """From the crystal in STRUCTURE (CIF, POSCAR, extxyz, …) to its ionic conductivity."""
    from aiida_elyte.api.crystal_street import check_crystal, plan_crystal
    from aiida_elyte.api.overrides import read_overrides
    from aiida_elyte.cli.datasets import read_source
    from aiida_elyte.cli.plans import cost_lines
    from aiida_elyte.cli.runs import finish, launch_and_follow
    from aiida_elyte.science.crystal_files.summary import crystal_lines

    # First what needs no profile to be rejected.
    options["overrides"] = read_overrides(options["overrides"])
    options["codes"] = parse_pairs(codes, "--code", "python=python@cluster")
    numbers = parse_charges(charges, "Li=1")
    found = check_crystal(structure, numbers, options["temperatures_K"], options["labeller"])
    open_profile(create=True)
    street = plan_crystal(found, charges=numbers, dataset=read_source(dataset), **options)
    if dry_run:
        plan = street.describe()
        lines = [*crystal_lines(plan["structure"]), *cost_lines(street.cost)]
        click.echo(json.dumps(plan, indent=2) if as_json else "\n".join(lines))
        return
    for note in found.notes:
        click.echo(f"Note: {structure}: {note}", err=True)
    finish(ctx, launch_and_follow(street.builder, run=run, detach=detach, force=force), as_json)


@command.command("polymer")
@click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE.yaml")
@click.option("--labeller", metavar="NAME", help="Engine of the labels, a plug-in; that of the protocol if left out.")
@click.option("--dataset", metavar="PK|FILE", help="Labelled clusters to start with, instead of new ones.")
@click.option(
    "--forcefield", "force_fields", multiple=True, metavar="PK|DIR", help="Force field to run with; repeat it."
)
@click.option(
    "--code", "codes", multiple=True, metavar="ROLE=CODE", help="E.g. python=python@cluster, engine=lmp@cluster."
)
@street_options
@click.pass_context
def polymer(
    ctx: click.Context,
    /,
    recipe: Path,
    dataset: str | None,
    codes: tuple[str, ...],
    dry_run: bool,
    detach: bool,
    run: bool,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """From the polymer or liquid electrolyte in RECIPE.yaml to its ionic conductivity and transference numbers."""
    from aiida_elyte.api.overrides import read_overrides
    from aiida_elyte.api.polymer_street import plan_polymer, read_polymer_recipe
    from aiida_elyte.api.recipes import recipe_lines, recipe_warnings
    from aiida_elyte.cli.datasets import read_source
    from aiida_elyte.cli.plans import polymer_plan_lines
    from aiida_elyte.cli.runs import finish, launch_and_follow

    options["overrides"] = read_overrides(options["overrides"])
    options["codes"] = parse_pairs(codes, "--code", "engine=lmp@cluster")
    asked = read_polymer_recipe(recipe)
    for note in recipe_warnings(asked.recipe, asked.amounts):
        click.echo(f"Warning: {recipe}: {note}", err=True)
    open_profile(create=True)
    street = plan_polymer(asked, dataset=read_source(dataset), **options)
    if dry_run:
        lines = [*recipe_lines(asked.recipe, asked.amounts), *polymer_plan_lines(street.plan)]
        click.echo(json.dumps(street.describe()) if as_json else "\n".join(lines))
        return
    finish(ctx, launch_and_follow(street.builder, run=run, detach=detach, force=force), as_json)
