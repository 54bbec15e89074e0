"""Run a WorkChain in this process, without the daemon."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiida_elyte.errors import InputError, Interruption

if TYPE_CHECKING:
    from aiida import orm
    from aiida.engine import ProcessBuilder
    from aiida.engine.runners import Runner

__all__ = ["PERIOD_S", "Observer", "go_on_here", "run_here"]

PERIOD_S = 2.0
"""Time between two looks at a WorkChain that runs [s]."""

Observer = Callable[["orm.WorkChainNode"], Callable[[], None]]
"""Given the node of a WorkChain that starts, returns what is called again and again while it runs, and at its end."""


def run_here(builder: "ProcessBuilder", observer: "Observer | None" = None) -> "orm.WorkChainNode":
    """Run a WorkChain in this process and return its node.

    Parameters
    ----------
    builder
        The WorkChain.
    observer
        Looks at it while it runs.

    Raises
    ------
    Interruption
        If it was interrupted, by Ctrl-C or SIGTERM.
    ValueError
        If AiiDA rejects the inputs.
    """
    runner = _runner()
    return _run(runner, runner.instantiate_process(builder), observer)


def go_on_here(node: "orm.WorkChainNode", observer: "Observer | None" = None) -> "orm.WorkChainNode":
    """Go on in this process with a WorkChain whose process was killed, and with all that it had called.

    Parameters and what is raised are those of ``run_here``; besides:

    Raises
    ------
    InputError
        If AiiDA kept no checkpoint of it, or of what it waits for.
    """
    from aiida import orm
    from plumpy import LoadSaveContext, PersistenceError

    runner = _runner()
    persister: Any = runner.persister

    def load(called: "orm.ProcessNode") -> Any:
        try:
            return persister.load_checkpoint(called.pk).unbundle(LoadSaveContext(runner=runner))
        except PersistenceError as error:
            raise InputError(
                f"{called.process_label} {called.pk} was killed before its first checkpoint; expected one to go on "
                f"from; end it with `verdi process kill {node.pk}`, then resume again"
            ) from error

    process = load(node)
    # A function that was killed has no checkpoint and needs none: its WorkChain calls it again.
    waiting = [
        load(called)
        for called in node.called_descendants
        if isinstance(called, orm.WorkChainNode | orm.CalcJobNode) and not called.is_terminated
    ]
    for called in waiting:
        runner.loop.create_task(called.step_until_terminated())
    return _run(runner, process, observer)


def _runner() -> "Runner":
    """Return a runner without broker, as ``aiida.engine.run`` makes it, so that no daemon has to run."""
    from aiida.manage import get_manager

    for handler in logging.getLogger("aiida").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.WARNING)  # the reports are for the observer
    return get_manager().create_runner(communicator=None)


def _run(runner: "Runner", process: Any, observer: "Observer | None") -> "orm.WorkChainNode":
    """Run a process to its end, observed."""
    from plumpy import KilledError

    look = (lambda: None) if observer is None else observer(process.node)
    name = f"{process.node.process_label} {process.node.pk}"

    def tick() -> None:
        look()
        pending[0] = runner.loop.call_later(PERIOD_S, tick)

    pending: list[Any] = [runner.loop.call_soon(tick)]
    try:
        runner.run_get_node(process)
    except KilledError as error:
        raise Interruption(
            f"{name} was interrupted and is killed; the job it waited for may run on; run the same command again: what "
            "has finished is taken from the cache"
        ) from error
    finally:
        pending[0].cancel()
        look()
    node: orm.WorkChainNode = process.node
    return node
