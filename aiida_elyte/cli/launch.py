"""``aiida-elyte launch``."""

from pathlib import Path
from typing import Any

import click

from aiida_elyte.cli.options import How, street_options
from aiida_elyte.cli.pairs import parse_charges
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
@click.option("--dataset", metavar="PK|FILE", help="Labelled frames to start with, instead of seeds.")
@click.option("--potentials", metavar="PK|DIR|NAME", help="Potentials to start with, instead of a first training.")
@click.option("--teacher", metavar="PK|FILE|NAME", help="Potential of a labeller that labels with one.")
@click.option("--allow-unqualified", is_flag=True, help="State numbers whatever their verdict; it goes with them.")
@click.option("--pseudo-family", metavar="LABEL", help="Pseudopotential family of a labeller that has any.")
@street_options
def crystal(structure: Path, charges: tuple[str, ...], dataset: str | None, how: How, **options: Any) -> None:
    """From the crystal in STRUCTURE (CIF, POSCAR, extxyz, …) to its ionic conductivity."""
    from aiida_elyte.api.crystal_street import check_crystal, plan_crystal
    from aiida_elyte.cli.datasets import read_source
    from aiida_elyte.cli.plans import cost_lines
    from aiida_elyte.cli.runs import finish, launch_and_follow, show_plan
    from aiida_elyte.science.crystal_files.summary import crystal_lines

    # First what needs no profile to be rejected.
    numbers = parse_charges(charges, "Li=1")
    found = check_crystal(structure, numbers, options["temperatures_K"], options["labeller"])
    open_profile(create=True)
    street = plan_crystal(found, charges=numbers, dataset=read_source(dataset), **options)
    for warning in street.warnings:
        click.echo(f"Warning: {structure}: {warning}", err=True)
    if how.dry_run:
        plan = street.describe()
        show_plan(plan, [*crystal_lines(plan["structure"]), *cost_lines(street.cost)], how.as_json)
        return
    for note in found.notes:
        click.echo(f"Note: {structure}: {note}", err=True)
    finish(launch_and_follow(street, how), how.as_json)


@command.command("polymer")
@click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE.yaml")
@click.option("--dataset", metavar="PK|FILE", help="Labelled clusters to start with, instead of new ones.")
@click.option(
    "--forcefield", "force_fields", multiple=True, metavar="PK|DIR", help="Force field to run with; repeat it."
)
@click.option("--allow-unqualified", is_flag=True, help="State numbers whatever their verdict; it goes with them.")
@street_options
def polymer(recipe: Path, dataset: str | None, how: How, **options: Any) -> None:
    """From the polymer or liquid electrolyte in RECIPE.yaml to its ionic conductivity and transference numbers."""
    from aiida_elyte.api.polymer_street import plan_polymer, read_polymer_recipe
    from aiida_elyte.api.recipes import recipe_lines, recipe_warnings
    from aiida_elyte.cli.datasets import read_source
    from aiida_elyte.cli.plans import polymer_plan_lines
    from aiida_elyte.cli.runs import finish, launch_and_follow, show_plan

    asked = read_polymer_recipe(recipe)
    for note in recipe_warnings(asked.recipe, asked.amounts):
        click.echo(f"Warning: {recipe}: {note}", err=True)
    open_profile(create=True)
    street = plan_polymer(asked, dataset=read_source(dataset), **options)
    if how.dry_run:
        lines = [*recipe_lines(asked.recipe, asked.amounts), *polymer_plan_lines(street.plan)]
        show_plan(street.describe(), lines, how.as_json)
    else:
        finish(launch_and_follow(street, how), how.as_json)
