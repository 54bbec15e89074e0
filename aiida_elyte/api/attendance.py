"""Whether any process works on a street that has not ended; asked quickly, no daemon is started for it."""

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["RUNNER", "daemon_answers", "describe_neglect", "runner_here"]

RUNNER = "elyte_runner"
"""Extra of the node of a street under which stands the process that computes it, where this is not the daemon."""
_PATIENCE_S = 3.0
"""Time for the daemon's worker to answer [s]."""


def runner_here() -> dict[str, Any]:
    """Return what tells this process from all others: a PID is used again."""
    import psutil

    process = psutil.Process()
    return {"pid": process.pid, "started": process.create_time(), "host": socket.gethostname()}


def daemon_answers(client: Any) -> bool:
    """Tell whether a daemon runs; one that was killed leaves its PID file, behind which nobody answers."""
    from aiida.engine.daemon.client import DaemonNotRunningException, DaemonStalePidException, DaemonTimeoutException

    if not client.is_daemon_running:
        return False
    try:
        client.get_status(timeout=5)
    except (DaemonNotRunningException, DaemonStalePidException):
        return False
    except DaemonTimeoutException:
        return True  # alive, and busy
    return True


def describe_neglect(node: "orm.WorkChainNode") -> str | None:
    """Return why no process works on a street that has not ended, ``None`` if one does or may on another machine."""
    if node.is_terminated:
        return None
    runner = node.base.extras.get(RUNNER, None)
    if runner is not None:
        if runner["host"] != socket.gethostname() or _lives(runner):
            return None
        return f"the process that computed it (PID {runner['pid']}) has ended"
    from aiida.common.exceptions import ConfigurationError
    from aiida.engine.daemon.client import get_daemon_client

    try:
        is_running = daemon_answers(get_daemon_client())
    except ConfigurationError:
        is_running = False  # a profile without broker has no daemon
    if is_running:
        return "no worker of the daemon has it" if _is_lost(node) else None
    others = ", ".join(_others())
    return "the daemon does not run" + (
        f" (wait if process {others}, which uses the profile, computes it)" if others else ""
    )


def _lives(runner: dict[str, Any]) -> bool:
    import psutil

    try:
        process = psutil.Process(runner["pid"])
        is_same = abs(process.create_time() - runner["started"]) < 1.0
        return bool(is_same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _is_lost(node: "orm.WorkChainNode") -> bool:
    """Tell whether the daemon's workers know nothing of a process; one that is busy does not answer in time."""
    from aiida.manage import get_manager

    try:
        return get_manager().get_process_controller().get_status(node.pk).exception(timeout=_PATIENCE_S) is not None
    except (TimeoutError, ConnectionError):
        return False


def _others() -> list[str]:
    """Return the PIDs of other processes that use the profile: a script may compute the street."""
    import psutil
    from aiida.manage import get_manager
    from aiida.manage.configuration.settings import AiiDAConfigPathResolver

    profile = get_manager().get_profile()
    folder: Path = AiiDAConfigPathResolver().access_control_dir / (profile.name if profile is not None else "")
    found = []
    for record in folder.glob("*.pid"):
        try:
            is_same = record.read_text() == str(psutil.Process(int(record.stem)).cmdline())
        except (psutil.Error, OSError):
            continue
        if is_same and int(record.stem) != os.getpid():
            found.append(record.stem)
    return sorted(found)
