"""A trajectory in several files, one for each job: what a later job did again counts once, in its file."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.snapshot import Snapshot, SnapshotReader

__all__ = ["PARTS", "join_parts", "part_name"]

PARTS = "part_*.lammpstrj"
"""Pattern of the parts that a chain of LAMMPS jobs leaves in one folder."""

_SHOWN = 3
"""Parts named in a note."""


def part_name(number: int) -> str:
    """Return the name of a part by its number."""
    return PARTS.replace("*", f"{number:03d}")


def join_parts(paths: Sequence[Path], reader_of: Callable[[Path], SnapshotReader]) -> SnapshotReader:
    """Return a reader of all parts as one trajectory.

    Frames of a part from the first step of a later one on are left out: the job was killed after its last restart file,
    and the later one did them again. Parts in which no frame was finished are passed over.

    Parameters
    ----------
    paths
        The parts in order of time.
    reader_of
        Finds the reader of a file.

    Raises
    ------
    InputError
        If no part holds a frame, frames tell no steps, steps do not fit from part to part, or some are missing.
    """
    found = [(path, list(islice(reader_of(path)(path, 0, 1, []), 2))) for path in paths if path.stat().st_size]
    whole = [(path, frames) for path, frames in found if frames]
    if not whole:
        raise InputError(f"{paths[0]} and the other parts hold no whole frame; expected two or more; write them anew")
    firsts = [_step(path, frames[0]) for path, frames in whole]
    ends = [min(firsts[place + 1 :], default=None) for place in range(len(firsts))]
    kept = [
        (path, frames, first, end)
        for (path, frames), first, end in zip(whole, firsts, ends, strict=True)
        if end is None or first < end
    ]
    spacing = next((_step(path, two[1]) - _step(path, two[0]) for path, two, _, _ in kept if len(two) > 1), None)
    if spacing is None:
        spacing = kept[1][2] - kept[0][2] if len(kept) > 1 else 1
    for part, _, first, end in kept:
        if end is not None and (spacing < 1 or (end - first) % spacing):
            raise InputError(
                f"{part.name} has frames {spacing} steps apart from step {first} on, the next part begins at step {end}"
                "; expected a step among them; give the parts of one run in order"
            )

    def read(folder: Path, start: int, stride: int, notes: list[str]) -> Iterator[Snapshot]:
        before = 0
        done_again: list[str] = []
        for path, _, first, end in kept:
            count = None if end is None else (end - first) // spacing
            local = max(0, start - before)
            local += -(before + local - start) % stride
            if count is None or local < count:
                frames = reader_of(path)(path, local, stride, notes)
                wanted = None if count is None else -(-(count - local) // stride)
                n_read = 0
                for snapshot in islice(frames, wanted):
                    step = first + (local + n_read * stride) * spacing
                    if _step(path, snapshot) != step:
                        raise InputError(
                            f"{path.name} has a frame at step {snapshot.step} where step {step} is expected; "
                            "expected an even spacing; give the parts of one run in order"
                        )
                    n_read += 1
                    yield snapshot
                if wanted is not None and n_read < wanted:
                    raise InputError(
                        f"{path.name} ends before step {first + (local + n_read * stride) * spacing}, the next part "
                        f"begins at step {end}; expected no gap; give the part between them"
                    )
                if wanted is not None and next(frames, None) is not None:
                    done_again.append(f"{path.name} (from step {end} on)")
            before += count or 0
        if done_again:
            others = f" and {len(done_again) - _SHOWN} more" if len(done_again) > _SHOWN else ""
            notes.append(
                "frames that a later part wrote again are taken from there, and left out of "
                f"{', '.join(done_again[:_SHOWN])}{others}"
            )

    return read


def _step(path: Path, snapshot: Snapshot) -> int:
    if snapshot.step is None:
        raise InputError(
            f"{path.name} tells no steps; expected frames with steps, as of LAMMPS; join the parts yourself"
        )
    return snapshot.step
