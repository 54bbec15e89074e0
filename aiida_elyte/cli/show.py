"""``aiida-elyte show``."""

import json
from collections.abc import Mapping
from typing import Any

import click

from aiida_elyte.cli.json_option import json_option
from aiida_elyte.cli.profile import open_profile

__all__ = ["command"]

_NEVER = "never tested"


@click.command("show")
@click.argument("pk")
@json_option
def command(pk: str, as_json: bool) -> None:
    """Show what a potential is and its verdict; of a WorkChain its ensemble, and the tests of its qualification."""
    open_profile()
    from aiida_elyte.api.show import describe_node

    found = describe_node(pk)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    lines = _ensemble_lines(found) if "potentials" in found else _data_lines(found)
    click.echo("\n".join([f"{found['type']} {found['pk']}   {found['uuid']}", *lines]))


def _data_lines(found: Mapping[str, Any]) -> list[str]:
    """Return the verdict on a potential first, then what the database knows of it."""
    lines = [_verdict(found), *(f"  {reason}" for reason in found["reasons"])]
    plain = {name: value for name, value in found["attributes"].items() if isinstance(value, str | int | float)}
    return [*lines, *(f"{name}: {value}" for name, value in plain.items())]


def _ensemble_lines(found: Mapping[str, Any]) -> list[str]:
    """Return the members of a WorkChain with their verdicts, and what each test of its qualification found."""
    from aiida_elyte.cli.tables import table
    from aiida_elyte.report.verdicts import describe_conditions, describe_tests

    lines = []
    if found["potentials"]:
        rows = [
            [name, str(one["pk"]), _verdict(one), next(iter(one["reasons"]), "")]
            for name, one in found["potentials"].items()
        ]
        lines += ["", *table([["member", "PK", "verdict", "reason"], *rows])]
    qualification = found["qualification"]
    if qualification is not None:
        names = ("name", "word", "value", "threshold", "said")
        rows = [[row[name] for name in names] for row in describe_tests(qualification)]
        lines += ["", f"Qualification: {qualification['verdict']}", *(f"  {one}" for one in qualification["reasons"])]
        lines += table([["test", "verdict", "value", "threshold", ""], *rows])
        conditions = describe_conditions(qualification)
        lines += [f"tested at {conditions}"] if conditions else []
    return lines or ["has no potentials and no qualification"]


def _verdict(found: Mapping[str, Any]) -> str:
    return _NEVER if found["verdict"] is None else str(found["verdict"])
