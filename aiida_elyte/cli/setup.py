"""``aiida-elyte setup``."""

import json
from dataclasses import asdict

import click

from aiida_elyte.cli.json_option import json_option

__all__ = ["command"]


@click.command("setup")
@click.option("--profile", metavar="NAME", help="Profile to complete or make; the default one if left out.")
@json_option
@click.pass_context
def command(ctx: click.Context, profile: str | None, as_json: bool) -> None:
    """Make profile, computer and codes where they are missing; nothing that is there changes."""
    from aiida_elyte.api.setup import setup

    found = setup(ctx.find_root().obj if profile is None else profile)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    click.echo(f"profile   {found.profile}   ({found.folder})")
    for label, path in found.codes.items():
        click.echo(f"code      {label}   {path}")
    click.echo(f"made      {', '.join(found.made) or 'nothing: all was there'}")
    for engine, source in found.missing.items():
        click.echo(f"missing   {engine}   ({source})")
