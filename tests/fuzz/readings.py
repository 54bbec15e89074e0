"""What the readers return, as arrays that can be compared to the last digit."""

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.api.files import named, read_yaml
from aiida_elyte.api.labels import read_labelled_frames
from aiida_elyte.science.crystal_files.read import read_structure
from aiida_elyte.science.electrolyte.recipe import read_recipe
from aiida_elyte.science.frames import labels_of
from aiida_elyte.science.trajectory.readers import open_trajectory, reduce_trajectory
from aiida_elyte.science.trajectory.topology import read_topology

__all__ = ["Frame", "Reading", "frames_of", "recipe_of", "structure_of", "topology_of", "trajectory_of"]

Frame = Mapping[str, np.ndarray]
"""Name of a quantity → its values."""


@contextlib.contextmanager
def _listening() -> Iterator[tuple[io.StringIO, list[warnings.WarningMessage]]]:
    """Catch what is said on standard error, and warnings; those of numpy, which tell a user nothing, go on."""
    with contextlib.redirect_stderr(io.StringIO()) as said, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        failure = None
        try:
            yield said, caught
        except Exception as error:  # noqa: BLE001 - raised again below, where warnings are no longer caught
            failure = error
    for one in caught:
        if issubclass(one.category, RuntimeWarning):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if failure is not None:
        raise failure


@dataclass(frozen=True)
class Reading:
    """A file as read."""

    frames: list[Frame]
    """Its frames in order."""
    facts: Frame = field(default_factory=dict)
    """What holds for all of them."""
    notes: str = ""
    """What the reader says of it."""
    warnings: str = ""
    """What makes its times or cell doubtful."""


def frames_of(level: str | None = None) -> Callable[[Path], Reading]:
    """Return a function that reads frames with labels, as ``aiida-elyte import`` does."""

    def read(path: Path) -> Reading:
        with _listening() as (said, caught):
            found = read_labelled_frames(path, level_of_theory=level)
        frames = [
            {
                "numbers": atoms.numbers,
                "positions": atoms.positions,
                "cell": atoms.cell.array,
                "pbc": atoms.pbc,
                **{name: np.asarray(value) for name, value in labels_of(atoms).items()},
            }
            for atoms in found.frames
        ]
        sentences = [*filter(None, [found.taken]), *found.notes, *found.left_out, *found.warnings]
        return Reading(frames, notes=said.getvalue() + " ".join([*sentences, *(str(one.message) for one in caught)]))

    return read


def trajectory_of(**options: Any) -> Callable[[Path], Reading]:
    """Return a function that reads a trajectory frame by frame, and reduces it, as ``aiida-elyte transport`` does."""

    def read(path: Path) -> Reading:
        with _listening() as (said, caught):
            trajectory = open_trajectory(path, **options)
            frames = []
            for frame in trajectory:
                found = {"positions": frame.positions_A, "cell": frame.cell_A, "velocities": frame.velocities_A_fs}
                frames.append({name: np.array(value) for name, value in found.items() if value is not None})
            notes = [*trajectory.notes]
            if len(frames) > 1:
                _, more = reduce_trajectory(trajectory)
                notes += more
        facts = {
            "symbols": np.array(trajectory.symbols),
            "masses": np.array(trajectory.masses),
            **({"interval": np.array(trajectory.interval_fs)} if len(frames) > 1 else {}),
        }
        told = " ".join([*notes, *(str(one.message) for one in caught)])
        return Reading(frames, facts, said.getvalue() + told, " ".join(trajectory.warnings))

    return read


def structure_of(path: Path) -> Reading:
    """Read one crystal."""
    with _listening():
        atoms = read_structure(path)
    return Reading([{"numbers": atoms.numbers, "positions": atoms.positions, "cell": atoms.cell.array}])


def topology_of(path: Path) -> Reading:
    """Read a topology."""
    with _listening():
        topology = read_topology(path)
    told = {"symbols": np.array(topology.symbols), "masses": topology.masses, "bonds": topology.bonds}
    return Reading([told], notes=" ".join(topology.notes))


def recipe_of(path: Path) -> Reading:
    """Read the recipe of a box, as ``aiida-elyte box`` does."""
    with named(str(path)):
        read_recipe(read_yaml(path, "recipe"))
    return Reading([])
