"""The option by which a command prints for machines."""

import click

__all__ = ["json_option"]

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON to standard output, and nothing else there."
)
