"""The AiiDA profile that everything is kept in: found, opened, or made."""

import os
import re
import sys
import warnings
from pathlib import Path
from reprlib import repr as brief
from typing import Any

from aiida_elyte.errors import InputError

__all__ = [
    "configuration",
    "ensure_profile",
    "has_default_profile",
    "is_profile_name",
    "load_named_profile",
    "open_profile",
    "prepare",
]


def prepare() -> None:
    """Make this process fit for AiiDA, before anything imports it."""
    # The daemon looks for `verdi`, which lies beside this Python whether or not its environment is active.
    beside = str(Path(sys.executable).parent)
    if beside not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([beside, os.environ.get("PATH", "")])
    warnings.filterwarnings("ignore", message="Creating AiiDA configuration folder")


def has_default_profile() -> bool:
    """Return whether a profile is used where none is named."""
    return configuration().default_profile_name is not None


def open_profile(name: str | None = None) -> str:
    """Load a profile and return its name.

    Parameters
    ----------
    name
        The profile; the default one if it is not given.

    Raises
    ------
    InputError
        If there is no such profile.
    """
    wanted = configuration().default_profile_name if name is None else name
    if wanted is None:
        raise InputError("there is no AiiDA profile; expected a default one; run `aiida-elyte setup`")
    load_named_profile(wanted)
    return str(wanted)


def ensure_profile() -> None:
    """Load the default profile where none is loaded.

    Raises
    ------
    InputError
        If there is none.
    """
    from aiida.manage import get_manager

    if get_manager().get_profile() is None:
        prepare()
        open_profile()


def configuration() -> Any:
    """Return AiiDA's configuration, made where there is none."""
    from aiida.manage.configuration import get_config

    return get_config(create=True)


def load_named_profile(name: str) -> None:
    """Load a profile in place of the one that is loaded.

    Raises
    ------
    InputError
        If there is no profile of this name.
    """
    from aiida.manage.configuration import load_profile

    if name not in configuration().profile_names:
        remedy = (
            f"run `aiida-elyte setup --profile {name}` to make it" if is_profile_name(name) else "name one of those"
        )
        raise InputError(f"profile {brief(name)} does not exist; expected one of `verdi profile list`; {remedy}")
    load_profile(name, allow_switch=True)


def is_profile_name(name: str) -> bool:
    """Tell whether a profile of this name can be made: it names folders."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name) is not None
