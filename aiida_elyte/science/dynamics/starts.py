"""The frames from which replicas start."""

from pathlib import Path

from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.dynamics.settings import MdSettings
from aiida_elyte.science.frames import read_frames

__all__ = ["read_starts"]


def read_starts(path: Path, settings: MdSettings) -> list[Atoms]:
    """Read the start frames, one for each replica, repeated to the supercell.

    Raises
    ------
    InputError
        If their number fits neither one for all nor one for each, or two replicas would move alike.
    """
    frames = read_frames(path)
    n_replicas = len(settings.replicas)
    if len(frames) not in (1, n_replicas):
        raise InputError(
            f"{path.name} holds {len(frames)} frames for {n_replicas} replicas; expected one frame, or one a replica"
        )
    if len(frames) == 1:
        frames = frames * n_replicas
    twins: dict[tuple[int, str, bytes], int] = {}
    for index, (replica, frame) in enumerate(zip(settings.replicas, frames, strict=True)):
        twin = twins.setdefault((replica.seed, replica.member, frame.positions.tobytes()), index)
        if twin != index:
            raise InputError(
                f"replicas {twin} and {index} have the same seed {replica.seed}, member and start; "
                "expected different ones; change a seed"
            )
    return [frame.repeat(settings.supercell) for frame in frames]
