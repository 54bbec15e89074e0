"""Print what a WorkChain does until it ends, whether the daemon runs it or this process."""

import time
from typing import TYPE_CHECKING

import click

from aiida_elyte.api import runner
from aiida_elyte.api.watch import observe
from aiida_elyte.cli.option_names import with_options

if TYPE_CHECKING:
    from aiida import orm
    from aiida.engine import ProcessBuilder

__all__ = ["follow", "run_here", "say"]


def say(line: str) -> None:
    """Print a line of the library to standard error."""
    click.echo(with_options(line), err=True)


def follow(node: "orm.WorkChainNode") -> bool:
    """Print the progress of a WorkChain that the daemon runs; return whether it was followed to its end.

    Ctrl-C stops the following, not the WorkChain.
    """
    look = observe(say)(node)
    try:
        while not node.is_terminated:
            look()
            time.sleep(runner.PERIOD_S)
    except KeyboardInterrupt:
        say(
            f"\nNo longer following; the work goes on. See `aiida-elyte status {node.pk}`; "
            f"follow again with `aiida-elyte resume {node.pk}`; stop it with `verdi process kill {node.pk}`."
        )
        return False
    look()
    return True


def run_here(builder: "ProcessBuilder") -> "orm.WorkChainNode":
    """Run a WorkChain in this process, printing its progress; see ``api.runner.run_here``."""
    return runner.run_here(builder, observer=observe(say))
