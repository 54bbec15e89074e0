"""``aiida-elyte clean``."""

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aiida_elyte.cli.profile import load_process, open_profile

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["command"]

_TRAJECTORIES = {"MdCalculation": "trajectory_r*.xyz", "LammpsCalculation": "part_*.lammpstrj"}
"""What of the folders of production runs stays."""


@dataclass(frozen=True)
class Folder:
    """The folder of a job that is no longer needed, but for its trajectories where they are kept."""

    remote: "orm.RemoteData"
    """Its node."""
    what: str
    """What the job was."""
    size: int
    """What would be freed [B]."""
    keeps: str | None
    """Pattern of the files that stay; ``None`` when none does."""


@click.command("clean")
@click.argument("pk", required=False)
@click.option("--trajectories", is_flag=True, help="Remove the trajectories of production runs as well.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(pk: str | None, trajectories: bool, yes: bool) -> None:
    """Remove the folders of finished jobs of one street (PK) or of all; those of running streets stay."""
    open_profile()
    folders = list(_find(pk, trajectories))
    for folder in folders:
        kept = "  (its trajectories stay)" if folder.keeps else ""
        click.echo(f"{_size(folder.size):>9}  {folder.what}  {folder.remote.get_remote_path()}{kept}")
    if not folders:
        click.echo("Nothing to clean.")
        return
    total = _size(sum(folder.size for folder in folders))
    if not yes and not click.confirm(f"Remove {len(folders)} folders, {total} in all?"):
        click.echo("Nothing was removed.")
        return
    for folder in folders:
        _remove(folder)
    click.echo(f"Removed {total} in {len(folders)} folders.")


def _find(pk: str | None, trajectories: bool) -> Iterator[Folder]:
    """Yield the folders that can go."""
    from aiida import orm

    from aiida_elyte.cli.street import descendants

    streets = _streets()
    wanted = streets if pk is None else [load_process(pk)]
    needed = set()
    for street in streets:
        if not street.is_terminated:
            needed |= {remote.get_remote_path() for _, remote in _folders(street)}
    seen = set(needed)
    for street in wanted:
        if not street.is_terminated:
            click.echo(f"{street.process_label} {street.pk} has not ended; its folders stay.", err=True)
            continue
        paths = {step.pk: step.path for step in descendants(street)}
        for job, remote in _folders(street):
            place = remote.get_remote_path()
            if place in seen or remote.is_cleaned or not isinstance(job, orm.CalcJobNode):
                continue
            seen.add(place)
            what = paths.get(job.pk, job.process_label)
            is_kept = not trajectories and "_sample" not in what
            keeps = _TRAJECTORIES.get(job.process_label) if is_kept else None
            size = _measure(remote, keeps)
            if size:
                yield Folder(remote, what, size, keeps)


def _streets() -> "list[orm.WorkChainNode]":
    """Return the WorkChains of this package that nothing called."""
    from aiida import orm

    query = orm.QueryBuilder().append(
        orm.WorkChainNode, filters={"process_type": {"like": "aiida.workflows:elyte.%"}}, tag="street"
    )
    query.order_by({"street": "id"})
    return [node for node in query.all(flat=True) if node.caller is None]


def _folders(street: "orm.WorkChainNode") -> "Iterator[tuple[orm.CalcJobNode, orm.RemoteData]]":
    """Yield the jobs below a street with the folder each made."""
    from aiida import orm

    for job in street.called_descendants:
        if isinstance(job, orm.CalcJobNode) and "remote_folder" in job.outputs:
            yield job, job.outputs.remote_folder


def _measure(remote: "orm.RemoteData", keeps: str | None) -> int:
    """Return what removing a folder would free [B]; 0 when it has gone."""
    if remote.computer.transport_type == "core.local":
        files = Path(remote.get_remote_path()).rglob("*")
        return sum(
            path.lstat().st_size
            for path in files
            if not path.is_dir() and not (keeps and fnmatch.fnmatch(path.name, keeps))
        )
    try:
        size, _ = remote.get_size_on_disk(return_bytes=True)
    except FileNotFoundError:
        return 0
    return int(size)


def _remove(folder: Folder) -> None:
    if folder.keeps is None:
        folder.remote._clean()
        return
    place = folder.remote.get_remote_path()
    with folder.remote.get_authinfo().get_transport() as transport:
        for name in transport.listdir(place):
            if fnmatch.fnmatch(name, folder.keeps):
                continue
            path = f"{place}/{name}"
            if transport.isdir(path):
                transport.rmtree(path)
            else:
                transport.remove(path)


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
