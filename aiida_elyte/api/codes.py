"""Codes of a profile: found by their label, and checked as far as this machine can tell."""

import os
import shutil
import subprocess
from pathlib import Path

from aiida import orm
from aiida.common.exceptions import MultipleObjectsError, NotExistent

from aiida_elyte.errors import InputError

__all__ = ["MODULE_SOURCES", "check_runnable", "find_code"]

_EXTRAS = {"torch": "train", "torch_sim": "md", "tblite": "xtb", "matplotlib": "report"}
_EXTRAS |= {"rdkit": "forcefield", "MDAnalysis": "trajectories"}
MODULE_SOURCES = {module: f"pip install 'aiida-elyte[{extra}]'" for module, extra in _EXTRAS.items()}
MODULE_SOURCES["schnetpack"] = "pip install --no-deps schnetpack==2.1.1"
"""Python packages of the jobs → where to get them."""


def find_code(name: str) -> orm.AbstractCode:
    """Return a code by its label, e.g. ``python@localhost``.

    Raises
    ------
    InputError
        If there is none; names those there are.
    """
    try:
        return orm.load_code(name)
    except NotExistent as error:
        # AbstractCode itself is not a plug-in: a query for it finds all kinds of data.
        codes = orm.QueryBuilder().append(orm.Data, filters={"node_type": {"like": "data.core.code.%"}})
        known = [code.full_label for code in codes.all(flat=True)]
        raise InputError(
            f"code {name!r} is unknown; expected one of {', '.join(sorted(known)) or 'none'}; "
            "run `aiida-elyte setup` to find engines, or `verdi code create`"
        ) from error
    except MultipleObjectsError as error:
        raise InputError(f"code {name!r} names several codes; expected LABEL@COMPUTER; say which computer") from error


def check_runnable(code: orm.AbstractCode, modules: tuple[str, ...] = (), programs: tuple[str, ...] = ()) -> None:
    """Reject a code that cannot run, as far as this machine can tell: on other computers, that its executable is there.

    Parameters
    ----------
    code
        The code.
    modules
        Python modules it must find.
    programs
        Programs it must find, beside its executable or on the ``PATH``; what its prepend text does is not known.

    Raises
    ------
    InputError
        If executable, modules or programs are missing.
    """
    if not isinstance(code, orm.InstalledCode):
        return
    path = str(code.filepath_executable)
    if code.computer.transport_type != "core.local":
        try:
            code.validate_filepath_executable()
        except Exception as error:
            raise InputError(
                f"code {code.full_label} is not runnable ({error}); expected its executable on its computer; see "
                "`verdi code test`, or give another code"
            ) from error
        return
    executable = shutil.which(path)
    if executable is None:
        raise InputError(
            f"code {code.full_label} is not runnable: {path} is not an executable file; expected one; "
            "run `aiida-elyte setup`, or give another code"
        )
    places = os.pathsep.join([str(Path(executable).parent), os.environ.get("PATH", os.defpath)])
    absent = [] if code.prepend_text else [one for one in programs if shutil.which(one, path=places) is None]
    if absent:
        raise InputError(
            f"code {code.full_label} ({path}) does not find {' '.join(absent)}; expected it beside it or on the PATH; "
            "pip install 'aiida-elyte[boxes]', or give another code"
        )
    if modules:
        missing = _missing_modules(executable, modules)
        if missing is None:
            raise InputError(
                f"code {code.full_label} ({path}) does not answer as a Python does; expected one with "
                f"{', '.join(modules)}; give another code"
            )
        if missing:
            sources = "; ".join(MODULE_SOURCES[module] for module in missing if module in MODULE_SOURCES)
            raise InputError(
                f"code {code.full_label} ({path}) lacks {' '.join(missing)}; expected a Python with "
                f"{', '.join(modules)}; {sources or 'give another code'}"
            )


def _missing_modules(executable: str, modules: tuple[str, ...]) -> list[str] | None:
    """Return the modules a Python does not find, ``None`` when the executable is no Python that works."""
    asked = f"import importlib.util as u; print('missing:', *[m for m in {modules!r} if u.find_spec(m) is None])"
    try:
        done = subprocess.run([executable, "-c", asked], capture_output=True, text=True, check=False)
    except OSError:
        return None
    _, said, missing = done.stdout.rpartition("missing:")
    return missing.split() if said and not done.returncode else None
