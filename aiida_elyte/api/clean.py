"""Folders of finished jobs that are no longer needed."""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiida_elyte.provenance.nodes import load_process
from aiida_elyte.provenance.process import load_node
from aiida_elyte.provenance.steps import descendants
from aiida_elyte.provenance.street import find_streets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiida import orm

__all__ = ["Cleaning", "Folder", "clean", "plan_cleaning"]

_TRAJECTORIES = {"MdCalculation": "trajectory_r*.xyz", "LammpsCalculation": "part_*.lammpstrj"}
"""What of the folders of production runs stays."""


@dataclass(frozen=True)
class Folder:
    """The folder of a job that is no longer needed, but for its trajectories where they are kept."""

    pk: int
    """PK of its ``RemoteData``."""
    what: str
    """What the job was."""
    path: str
    """Where it is, on its computer."""
    size: int
    """What would be freed [B]."""
    keeps: str | None
    """Pattern of the files that stay; ``None`` when none does."""


@dataclass(frozen=True)
class Cleaning:
    """What can go, and what has to stay."""

    folders: tuple[Folder, ...]
    """Folders that can go."""
    running: tuple[str, ...]
    """Streets that have not ended: their folders stay."""

    @property
    def size(self) -> int:
        """What removing all folders would free [B]."""
        return sum(folder.size for folder in self.folders)


def plan_cleaning(street: int | str | None = None, trajectories: bool = False) -> Cleaning:
    """Return the folders that can go; nothing is removed.

    Parameters
    ----------
    street
        PK or UUID of a street; all streets where it is left out.
    trajectories
        Whether the trajectories of production runs go as well.

    Raises
    ------
    InputError
        If there is no such street.
    """
    streets = find_streets()
    wanted = streets if street is None else [load_process(street)]
    needed = {remote.get_remote_path() for one in streets if not one.is_terminated for _, remote in _folders_of(one)}
    folders: list[Folder] = []
    for one in wanted:
        if one.is_terminated:
            folders += _find(one, trajectories, needed | {folder.path for folder in folders})
    running = tuple(f"{one.process_label} {one.pk}" for one in wanted if not one.is_terminated)
    return Cleaning(tuple(folders), running)


def clean(folders: Iterable[Folder]) -> None:
    """Remove folders, all but what they keep.

    Parameters
    ----------
    folders
        Those of ``plan_cleaning``.
    """
    for folder in folders:
        remote = load_node(folder.pk)
        if folder.keeps is None:
            remote._clean()
        else:
            _remove_all_but(remote, folder.keeps)


def _find(street: "orm.WorkChainNode", trajectories: bool, taken: set[str]) -> "Iterator[Folder]":
    """Yield the folders of a street that can go, each once."""
    steps, seen = {step.pk: step for step in descendants(street)}, set(taken)
    for job, remote in _folders_of(street):
        path, step = remote.get_remote_path(), steps[int(job.pk or 0)]
        if path in seen or remote.is_cleaned:
            continue
        seen.add(path)
        keeps = None if trajectories or step.is_sampling else _TRAJECTORIES.get(step.process)
        size = _measure(remote, keeps)
        if size:
            yield Folder(int(remote.pk or 0), step.path, path, size, keeps)


def _folders_of(street: "orm.WorkChainNode") -> "Iterator[tuple[orm.CalcJobNode, orm.RemoteData]]":
    """Yield the jobs below a street with the folder each made."""
    from aiida import orm

    for job in street.called_descendants:
        if isinstance(job, orm.CalcJobNode) and "remote_folder" in job.outputs:
            yield job, job.outputs.remote_folder


def _measure(remote: "orm.RemoteData", keeps: str | None) -> int:
    """Return what removing a folder would free [B]; 0 when it has gone."""
    if remote.computer is not None and remote.computer.transport_type == "core.local":
        files = Path(remote.get_remote_path()).rglob("*")
        return sum(
            path.lstat().st_size
            for path in files
            if not path.is_dir() and not (keeps and fnmatch.fnmatch(path.name, keeps))
        )
    try:
        found: Any = remote.get_size_on_disk(return_bytes=True)
    except FileNotFoundError:
        return 0
    return int(found[0])


def _remove_all_but(remote: "orm.RemoteData", keeps: str) -> None:
    place = remote.get_remote_path()
    with remote.get_authinfo().get_transport() as transport:
        for name in transport.listdir(place):
            if fnmatch.fnmatch(name, keeps):
                continue
            path = f"{place}/{name}"
            if transport.isdir(path):
                transport.rmtree(path)
            else:
                transport.remove(path)
