"""Print what a WorkChain does until it ends, whether the daemon runs it or this process."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from aiida_elyte.api import runner
from aiida_elyte.api.watch import Watch
from aiida_elyte.provenance.progress import span

if TYPE_CHECKING:
    from aiida import orm
    from aiida.engine import ProcessBuilder

__all__ = ["follow", "go_on_here", "print_news", "run_here", "span"]


def print_news(node: "orm.WorkChainNode") -> Callable[[], None]:
    """Return a function that prints what is new of a WorkChain, with the time since now."""
    watch, start = Watch(node), time.monotonic()

    def look() -> None:
        for line in watch.news():
            click.echo(f"[{span(time.monotonic() - start):>8}] {line}", err=True)

    return look


def follow(node: "orm.WorkChainNode") -> bool:
    """Print the progress of a WorkChain that the daemon runs; tell whether it was followed to its end.

    Ctrl-C stops the following, not the WorkChain.
    """
    look = print_news(node)
    try:
        while not node.is_terminated:
            look()
            time.sleep(runner.PERIOD_S)
    except KeyboardInterrupt:
        click.echo(
            f"\nNo longer following; the work goes on. See `aiida-elyte status {node.pk}`; "
            f"follow again with `aiida-elyte resume {node.pk}`; stop it with `verdi process kill {node.pk}`.",
            err=True,
        )
        return False
    look()
    return True


def run_here(
    builder: "ProcessBuilder", started: "Callable[[orm.WorkChainNode], None] | None" = None
) -> "orm.WorkChainNode":
    """Run a WorkChain in this process, printing its progress; see ``api.runner.run_here``."""
    return runner.run_here(builder, started, print_news)


def go_on_here(node: "orm.WorkChainNode", started: "Callable[[orm.WorkChainNode], None]") -> "orm.WorkChainNode":
    """Go on in this process with a WorkChain, printing its progress; see ``api.runner.go_on_here``."""
    return runner.go_on_here(node, started, print_news)
