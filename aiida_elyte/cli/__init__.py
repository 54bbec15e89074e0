"""The command ``aiida-elyte``: parse, call, print. AiiDA is imported by the command that runs, not by ``--help``."""

from importlib import import_module
from typing import Any

import click

from aiida_elyte.api.profile import prepare
from aiida_elyte.cli.option_names import with_options
from aiida_elyte.errors import ElyteError, Interruption

__all__ = ["main"]

_COMMANDS = (
    *("setup", "demo", "structure", "launch", "import", "train", "evaluate", "qualify", "transport", "forcefield"),
    *("box", "status", "show", "resume", "report", "clean"),
)
"""Commands, each in the module of this package that has its name."""
_MODULES = {"import": "import_frames"}
"""Command → its module, where that name is a word of the language."""
_INTERRUPTED = 130
"""Exit code of what Ctrl-C has ended, as shells have it."""


class _Commands(click.Group):
    """Loads a command when it is called, and turns our failures into one line and exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"aiida_elyte.cli.{_MODULES.get(cmd_name, cmd_name)}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ElyteError, click.BadParameter) as error:
            message = error.format_message() if isinstance(error, click.BadParameter) else str(error)
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            message = message if command is None else with_options(message, command)
            is_interrupted = isinstance(error, Interruption)
            click.echo(f"{'' if is_interrupted else 'Error: '}{' '.join(message.split())}", err=True)
            ctx.exit(_INTERRUPTED if is_interrupted else 2)
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except Exception as error:
            known = _explain(error)
            if known is None:
                raise
            click.echo(f"Error: {' '.join(known.split())}", err=True)
            ctx.exit(2)


def _explain(error: Exception) -> str | None:
    """Return what failed of machine or profile in one line; its module is needed only where something failed."""
    from aiida_elyte.api.failures import explain

    return explain(error)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option("-p", "--profile", metavar="NAME", help="AiiDA profile; the default profile when left out.")
@click.version_option(package_name="aiida-elyte")
@click.pass_context
def main(ctx: click.Context, profile: str | None) -> None:
    """From the structure of an electrolyte to its ionic conductivity: labels, potentials, dynamics, transport."""
    ctx.obj = profile
    prepare()
