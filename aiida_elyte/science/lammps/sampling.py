"""Sampling of clusters and small boxes by LAMMPS: what to run, and the frames that it leaves."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.lammps.run import RunSettings
from aiida_elyte.science.lammps.stages import Stage
from aiida_elyte.science.trajectory.lammps_dump import LammpsDump
from aiida_elyte.science.trajectory.text_formats import read_text

__all__ = ["box_run", "cluster_commands", "read_samples"]

_ROOM_A = 6.0
"""Distance from the outermost atom to the wall that keeps a cluster together [Å] …"""
_WALL_A = 3.0
"""… which begins to push this far from its surface."""

_KSPACE_ACCURACY = 1e-4
"""Relative error of the forces of PPPM: frames are labelled anew."""


def cluster_commands(
    positions: np.ndarray,
    *,
    temperature_K: float,
    n_steps: int,
    stride: int,
    seed: int,
    dump: str,
    timestep_fs: float = 1.0,
    damping_fs: float = 100.0,
) -> str:
    """Write the LAMMPS commands of a thermal run of one cluster, to follow its set-up.

    A short descent, Langevin dynamics, and a soft spherical wall that gives back molecules that evaporate.

    Parameters
    ----------
    positions
        Positions [Å], ``shape=(N, 3)``.
    temperature_K
        Temperature of the bath [K].
    n_steps, stride
        Steps, and steps between two frames of the dump.
    seed
        Seed of velocities and collisions.
    dump
        Name of the dump: unwrapped positions, sorted by atom.
    timestep_fs
        Time step [fs].
    damping_fs
        Relaxation time of the bath [fs].

    Raises
    ------
    InputError
        If the run has no frame, or temperature or time step are not positive.
    """
    if not (temperature_K > 0 and timestep_fs > 0 and damping_fs > 0):
        raise InputError(
            f"temperature_K, timestep_fs, damping_fs are {temperature_K}, {timestep_fs}, {damping_fs}; expected "
            "positive numbers; correct them"
        )
    if not 0 < stride <= n_steps:
        raise InputError(f"stride is {stride} of {n_steps} steps; expected one that gives a frame; lower it")
    centre = np.mean(positions, axis=0)
    x, y, z = centre.tolist()
    radius = float(np.linalg.norm(positions - centre, axis=1).max()) + _ROOM_A
    seed = seed % (2**31 - 2) + 1
    return (
        "\n".join(
            [
                "minimize 1.0e-4 1.0e-4 100 1000",
                "reset_timestep 0",
                f"timestep {timestep_fs!r}",
                f"velocity all create {temperature_K!r} {seed} mom yes rot yes dist gaussian",
                f"region ball sphere {x!r} {y!r} {z!r} {radius!r} side in",
                f"fix wall all wall/region ball harmonic 1.0 1.0 {_WALL_A!r}",
                "fix move all nve",
                f"fix bath all langevin {temperature_K!r} {temperature_K!r} {damping_fs!r} {seed} zero yes",
                f"dump frames all custom {stride} {dump} id xu yu zu",
                "dump_modify frames sort id format float %.8f",
                "thermo_modify lost error",
                f"run {n_steps}",
            ]
        )
        + "\n"
    )


def read_samples(dump: Path, n_steps: int, stride: int, begin: int = 0) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Read the frames of a run, as far as their numbers are finite.

    LAMMPS writes at multiples of the stride, counted over all stages: the first frame is the start of the run only if
    ``begin`` is such a multiple.

    Parameters
    ----------
    dump
        Its dump, which a run that ended early may lack.
    n_steps, stride
        Steps, and steps between two frames.
    begin
        Step at which the run began.

    Yields
    ------
    tuple
        Step after ``begin``, positions [Å], ``shape=(N, 3)``, and cell [Å]; not the frame of the start.
    """
    if not dump.exists() or not dump.stat().st_size:
        return
    steps = range(-begin % stride, n_steps + 1, stride)
    frames = read_text(LammpsDump, dump, 0, 1, [])
    for step, frame in zip(steps, frames, strict=False):
        if frame.cell_A is None or not np.isfinite(frame.positions_A).all():
            return
        if step:
            yield step, np.asarray(frame.positions_A, float), frame.cell_A


def box_run(
    *,
    temperature_K: float,
    pressure_bar: float,
    compress_steps: int,
    n_steps: int,
    stride: int,
    timestep_fs: float,
    cutoff_A: float,
    seed: int,
) -> RunSettings:
    """Return the run of a small loose box: pushed off, compressed, and sampled at constant volume.

    Parameters
    ----------
    temperature_K
        Temperature throughout [K].
    pressure_bar, compress_steps
        Pressure [bar] at which it is compressed, and for how many steps.
    n_steps, stride
        Steps that are sampled, and steps between two frames.
    timestep_fs
        Time step [fs].
    cutoff_A
        Cutoff in real space [Å].
    seed
        Seed of velocities and random forces.

    Raises
    ------
    InputError
        If one of them is invalid.
    """
    bath, pressed = (temperature_K, temperature_K), (pressure_bar, pressure_bar)
    stages = (
        Stage("minimize", "minimize", 500, bath),
        Stage("push_off", "push_off", 2000, bath, timestep_fs=timestep_fs),
        Stage("compress", "npt", compress_steps, bath, pressed, timestep_fs),
        Stage("sample", "nvt", n_steps, bath, None, timestep_fs, is_production=True),
    )
    return RunSettings(stages, seed, cutoff_A, _KSPACE_ACCURACY, dump_stride=stride)
