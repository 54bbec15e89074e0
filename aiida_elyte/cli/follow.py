"""Watch a WorkChain until it ends, whether the daemon runs it or this process."""

import logging
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.cli.street import Step, descendants, read_progress, read_settings, running_jobs
from aiida_elyte.errors import InputError, Interruption

if TYPE_CHECKING:
    from aiida import orm
    from aiida.engine import ProcessBuilder
    from aiida.engine.runners import Runner

__all__ = ["Watch", "describe_progress", "follow", "go_on_here", "run_here", "span"]

_PERIOD_S = 2.0
_QUIET_S = 15.0
"""Seconds between two lines about the same running jobs."""
_PREFIX = re.compile(r"^\[\d+\|[^]]*\]: ")
_ROUTINE = re.compile(
    r"^(launching .* iteration #1$|work chain completed after 1 iterations|remote folders will not be cleaned)"
)
"""Reports of restart WorkChains that tell nothing."""


class Watch:
    """Prints what is new of a WorkChain: its reports, and how far its running jobs are.

    Parameters
    ----------
    node
        The WorkChain.
    quiet_s
        Least time between two lines of progress [s].
    """

    def __init__(self, node: "orm.WorkChainNode", quiet_s: float = _QUIET_S) -> None:
        self.node = node
        self.quiet_s = quiet_s
        self._last_log = 0
        self._last_line = ""
        self._spoke = 0.0
        self._start = time.monotonic()

    def tick(self) -> None:
        """Print what is new."""
        steps = descendants(self.node)
        for line in self._reports(steps):
            self._say(line)
        jobs = running_jobs(steps)
        line = " · ".join(f"{job.path}: {describe_progress(job)}" for job in jobs[:4])
        if len(jobs) > 4:
            line += f" · and {len(jobs) - 4} more jobs"
        if line and line != self._last_line and time.monotonic() - self._spoke > self.quiet_s:
            self._say(line)
            self._last_line, self._spoke = line, time.monotonic()

    def _reports(self, steps: list[Step]) -> list[str]:
        """Return what the processes reported since the last time."""
        from aiida import orm

        query = orm.QueryBuilder().append(
            orm.Log,
            filters={"dbnode_id": {"in": [self.node.pk, *(step.pk for step in steps)]}, "id": {">": self._last_log}},
            project=["id", "message"],
        )
        lines = []
        for identifier, message in sorted(query.all()):
            self._last_log = identifier
            line = _PREFIX.sub("", message).strip().split("\n")[0]
            if not _ROUTINE.match(line):
                lines.append(line)
        return lines

    def _say(self, line: str) -> None:
        click.echo(f"[{span(time.monotonic() - self._start):>8}] {line}", err=True)


def follow(node: "orm.WorkChainNode") -> bool:
    """Print the progress of a WorkChain that the daemon runs; tell whether it was followed to its end.

    Ctrl-C stops the following, not the WorkChain.
    """
    watch = Watch(node)
    try:
        while not node.is_terminated:
            watch.tick()
            time.sleep(_PERIOD_S)
    except KeyboardInterrupt:
        click.echo(
            f"\nNo longer following; the work goes on. See `aiida-elyte status {node.pk}`; "
            f"follow again with `aiida-elyte resume {node.pk}`; stop it with `verdi process kill {node.pk}`.",
            err=True,
        )
        return False
    watch.tick()
    return True


def run_here(
    builder: "ProcessBuilder", started: Callable[["orm.WorkChainNode"], None] | None = None
) -> "orm.WorkChainNode":
    """Run a WorkChain in this process, printing its progress, and return its node.

    Parameters
    ----------
    builder
        The WorkChain.
    started
        Called with the node before it runs.

    Raises
    ------
    Interruption
        If it was interrupted, by Ctrl-C or SIGTERM.
    ValueError
        If AiiDA rejects the inputs.
    """
    runner = _runner()
    process = runner.instantiate_process(builder)
    if started is not None:
        started(process.node)
    return _run(runner, process)


def go_on_here(node: "orm.WorkChainNode", started: Callable[["orm.WorkChainNode"], None]) -> "orm.WorkChainNode":
    """Go on in this process with a WorkChain whose process was killed, and with all that it had called.

    Parameters
    ----------
    node
        The WorkChain, which no other process works on.
    started
        Called with the node before it runs.

    Raises
    ------
    InputError
        If AiiDA kept no checkpoint of it, or of what it waits for.
    Interruption
        If it was interrupted, by Ctrl-C or SIGTERM.
    """
    from aiida import orm
    from plumpy import LoadSaveContext, PersistenceError

    runner = _runner()

    def load(called: "orm.ProcessNode") -> Any:
        try:
            return runner.persister.load_checkpoint(called.pk).unbundle(LoadSaveContext(runner=runner))
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
    started(process.node)
    return _run(runner, process)


def _runner() -> "Runner":
    """Return a runner without broker, as ``aiida.engine.run`` makes it, so that no daemon has to run."""
    from aiida.manage import get_manager

    for handler in logging.getLogger("aiida").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.WARNING)  # the reports are printed by the watch
    return get_manager().create_runner(communicator=None)


def _run(runner: "Runner", process: Any) -> "orm.WorkChainNode":
    """Run a process to its end, printing its progress."""
    from plumpy import KilledError

    watch, name = Watch(process.node), f"{process.node.process_label} {process.node.pk}"

    def tick() -> None:
        watch.tick()
        pending[0] = runner.loop.call_later(_PERIOD_S, tick)

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
        watch.tick()
    return process.node


def describe_progress(step: Step) -> str:
    """Return in a few words how far a running job is, and how long it will still need."""
    progress = read_progress(step)
    if not progress:
        return step.state
    settings = read_settings(step)
    seconds = progress.get("seconds", 0.0)
    words, left = [], None
    for done, total, unit in (
        ("done", "of", "runs" if "frames" in progress else "frames"),
        ("epoch", "max_epochs", "epochs"),
        ("step", "n_steps", "steps"),
    ):
        if done not in progress or total not in progress:
            continue
        count, wanted = progress[done], progress[total]
        words.append(f"{count} of {wanted} {unit}" if count >= 0 else f"{-count} {unit} before production")
        # MD counts from the start of production: ramp and hold come before.
        before = sum(value for name, value in (settings.get("ramp") or {}).items() if name.endswith("_steps"))
        if count + before > 0:
            left = seconds * (wanted - count) / (count + before)
    if "force_mae_eV_A" in progress:
        words.append(f"validation force MAE {1000 * progress['force_mae_eV_A']:.1f} meV/Å")
    if "validation" in progress:
        error = progress["train"] if progress["validation"] is None else progress["validation"]
        words.append(f"step {progress['step']}, error {error:.2f} {progress['unit']}")
    elif "pass" in progress or "replica" in progress:
        where = f"pass {progress['pass']} of {progress['of']}" if "pass" in progress else progress["replica"]
        words.append(f"{where}, {progress['frames']} frames read")
    if progress.get("refused"):
        words.append(f"{progress['refused']} refused")
    words.append(span(seconds))
    if left is not None and settings.get("max_minutes") is not None:
        left = max(0.0, min(left, 60 * settings["max_minutes"] - seconds))
    if left:
        words.append(f"{span(left)} left at most")
    return ", ".join(words)


def span(seconds: float) -> str:
    """Return a time as people say it: ``1 h 05 min``, ``3 min 20 s``, ``45 s``; ``12 days``."""
    whole = round(seconds)
    if whole >= 3 * 86400:
        return f"{whole / 86400:.0f} days"
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    if whole >= 60:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole} s"
