"""The daemon of the loaded profile: started, stopped, and asked to take up what it lost."""

import time
from typing import TYPE_CHECKING

from aiida_elyte.api.attendance import daemon_answers
from aiida_elyte.errors import ElyteError

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["ensure_daemon", "revive", "stop_daemon"]


def ensure_daemon() -> bool:
    """Start the daemon where none runs; return whether it was started.

    Raises
    ------
    ElyteError
        If the profile has no broker, or the daemon does not start.
    """
    from aiida.common.exceptions import ConfigurationError
    from aiida.engine.daemon.client import DaemonException, get_daemon_client
    from aiida.manage.configuration import get_config_option

    try:
        client = get_daemon_client()
        if daemon_answers(client):
            return False
        client.start_daemon(number_workers=get_config_option("daemon.default_workers"), timeout=60)
    except (ConfigurationError, DaemonException) as error:
        raise ElyteError(f"the daemon cannot be started ({error}); use `run` to compute without one") from error
    return True


def stop_daemon() -> None:
    """Stop the daemon; processes go on when it is started again.

    Raises
    ------
    ElyteError
        If it does not stop.
    """
    from aiida.engine.daemon.client import DaemonException, get_daemon_client

    try:
        get_daemon_client().stop_daemon(wait=True, timeout=60)
    except DaemonException as error:
        raise ElyteError(f"the daemon cannot be stopped ({error}); try `verdi daemon stop`") from error


def revive(node: "orm.ProcessNode", patience_s: float = 20.0) -> bool:
    """Put a process back into the daemon's queue if no worker answers for it; return whether that was needed.

    A process that ran outside the daemon and was killed, or whose queue was lost, is in no queue.

    Parameters
    ----------
    node
        A process that has not ended; those it called go with it.
    patience_s
        Time for the workers to take up what is in the queue [s].
    """
    from aiida.engine.processes.control import revive_processes

    lost = _unattended(node)
    start = time.monotonic()
    while lost and time.monotonic() - start < patience_s:
        time.sleep(2.0)
        lost = _unattended(node)
    if lost:
        revive_processes(lost)
    return bool(lost)


def _unattended(node: "orm.ProcessNode") -> "list[orm.ProcessNode]":
    """Return the processes of a tree that have not ended and for which no worker answers."""
    from aiida import orm
    from aiida.manage import get_manager

    controller = get_manager().get_process_controller()
    lost = []
    for process in (node, *(called for called in node.called_descendants if isinstance(called, orm.ProcessNode))):
        if process.is_terminated:
            continue
        try:
            is_lost = controller.get_status(process.pk).exception(timeout=5) is not None
        except TimeoutError:
            is_lost = False  # a worker has it, and is busy
        if is_lost:
            lost.append(process)
    return [process for process in lost if not process.is_terminated]
