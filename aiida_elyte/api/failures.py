"""Failures of the machine and of the AiiDA profile, each in one sentence with its remedy."""

import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

__all__ = ["explain"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.EIO)
_ELSEWHERE = "set AIIDA_PATH to another folder"
_RESTORE = "restore it from a backup, or make another profile with `aiida-elyte setup --profile NAME`"
_DATABASE = (
    ("locked", "is locked by another process", "wait for it to end, or stop it (`verdi daemon stop`), and try again"),
    ("readonly", "cannot be written", f"make it writable, or {_ELSEWHERE}"),
    ("unable to open", "cannot be opened", f"make its folder readable and writable, or {_ELSEWHERE}"),
    ("full", "has no space left", f"free some, or {_ELSEWHERE}"),
    ("disk i/o", "cannot be read or written (disk I/O error)", f"see to the disk, or {_ELSEWHERE}"),
    ("malformed", "is broken", _RESTORE),
    ("not a database", "is broken", _RESTORE),
)
"""What SQLite says → what that means, and what to do."""


def explain(error: BaseException) -> str | None:
    """Return in one sentence what failed and what to do, ``None`` for what is not known here.

    Parameters
    ----------
    error
        What a command ended with; what it came from counts too.
    """
    chain = list(_chain(error))
    for one in chain:
        text = _of_disk(one) or _of_database(one)
        if text is not None:
            return text
    return next((text for one in chain if (text := _of_profile(one)) is not None), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        original = getattr(one, "orig", None)  # SQLAlchemy wraps what the database raised
        if isinstance(original, BaseException):
            yield original
        one = one.__cause__ or one.__context__


def _of_disk(error: BaseException) -> str | None:
    if not isinstance(error, OSError) or error.errno not in (*_FULL, *_FORBIDDEN, errno.ENOENT):
        return None
    place = Path(os.fsdecode(error.filename)) if error.filename is not None else _home()
    reason = os.strerror(error.errno)
    is_ours = _home() in (place, *place.parents) or place in _home().parents
    if error.errno == errno.ENOENT:
        if not is_ours or error.filename is None:
            return None
        return f"{place} is missing; expected the files of the AiiDA profile whole; {_RESTORE}"
    if error.errno in _FULL:
        return (
            f"{place} cannot be written ({reason}); expected space on its disk; free some"
            f"{f', or {_ELSEWHERE}' if is_ours else ''}"
        )
    if is_ours:
        return (
            f"AiiDA's folder {_home()} cannot be used: {place}: {reason}; expected a folder that can be read and "
            f"written; make it so, or {_ELSEWHERE}"
        )
    return f"{place} cannot be used ({reason}); expected a place that can be read and written; make it so"


def _of_database(error: BaseException) -> str | None:
    if not isinstance(error, sqlite3.Error):
        return None
    said = str(error).lower()
    for words, meaning, remedy in _DATABASE:
        if words in said:
            name = f"the database of the AiiDA profile in {_home()}"
            return f"{name} {meaning}; expected one that can be read and written; {remedy}"
    return None


def _of_profile(error: BaseException) -> str | None:
    from aiida.common import exceptions

    said = " ".join(str(error).split())
    if isinstance(error, exceptions.LockedProfileError):
        return _explain_lock(said)
    if isinstance(error, exceptions.IncompatibleStorageSchema):
        return (
            f"the storage of the AiiDA profile is of another version of AiiDA ({said[:200]}); expected that of the one "
            "installed; run `verdi storage migrate`, or install the version it was made with"
        )
    if isinstance(error, exceptions.CorruptStorage | exceptions.UnreachableStorage | exceptions.StorageMigrationError):
        return (
            f"the storage of the AiiDA profile cannot be used ({said[:300]}); expected its database and repository "
            "whole; restore them from a backup, or make another profile with `aiida-elyte setup --profile NAME`"
        )
    if isinstance(error, exceptions.ConfigurationVersionError):
        return (
            f"AiiDA's configuration {_home() / 'config.json'} is of another version of AiiDA ({said[:200]}); expected "
            f"that of the one installed; install the version it was made with, or {_ELSEWHERE}"
        )
    if isinstance(error, exceptions.ConfigurationError) and re.search(r"invalid (JSON|config schema)", str(error)):
        return (
            f"AiiDA's configuration {_home() / 'config.json'} is broken; expected valid JSON of its schema; restore it "
            f"from a backup, or {_ELSEWHERE}"
        )
    return None


def _explain_lock(said: str) -> str:
    """Return who locks a profile, and what to do where that process has ended without lifting its lock."""
    found = re.search(r"profile `([^`]+)`", said)
    name = found[1] if found else ""
    holders = re.findall(r"- pid (\d+)", said)
    gone = [pid for pid in holders if not Path(f"/proc/{pid}").exists()] if Path("/proc/self").exists() else []
    if holders and gone == holders:
        files = " ".join(str(_home() / "access" / name / f"{pid}.lock") for pid in gone)
        return (
            f"AiiDA profile {name!r} is locked by process {' '.join(gone)}, which has ended; expected no lock; remove "
            f"{files}"
        )
    return (
        f"AiiDA profile {name!r} is locked by process {' '.join(holders)}; expected a profile free to use; wait until "
        "that process (as `verdi storage maintain --full`) has ended"
    )


def _home() -> Path:
    """Return AiiDA's folder, as AiiDA finds it; asking AiiDA would make it."""
    given = os.environ.get("AIIDA_PATH", "").split(os.pathsep)[0]
    folder = Path(given).expanduser().absolute() if given else Path.home()
    return folder if folder.name == ".aiida" else folder / ".aiida"
