"""One pass over a trajectory, in bounded memory: frames in, what transport needs out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from ase import Atoms, units

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.particle_sums import Particles
from aiida_elyte.science.trajectory.thinning import Thinned
from aiida_elyte.science.trajectory.unwrapping import Unwrapper

__all__ = ["Reducer", "Series", "pack_series", "reduce_frames", "unpack_series"]

_TEXTS = ("replica", "member")
_NAMES = ("species", "tracked")

_RESERVED = 256e6
"""Bytes of displacements there is room for from the first, so that they need not be moved to a larger one."""

_MIN_SUMS = 2_000_000
"""Samples of the sums over species kept at least: some hundred bytes each."""


@dataclass(frozen=True)
class Series:
    """What transport needs of one replica, sampled at a constant step; displacements count from the first sample.

    The particles are atoms, or the centres of mass of molecules.
    """

    replica: str
    """Label of the replica: an independent trajectory."""
    member: str
    """Label of the potential that drove it; empty when there is only one."""
    species: tuple[str, ...]
    """Names of the species, ``S`` of them: chemical symbols, or names of molecules."""
    counts: np.ndarray
    """Particles of each species, shape ``(S,)``."""
    masses: np.ndarray
    """Mass of one particle of each species [amu], shape ``(S,)``."""
    time_fs: np.ndarray
    """Times of the samples [fs], from 0 at a constant step, shape ``(T,)``."""
    collective_A: np.ndarray
    """Unwrapped displacements summed over the particles of each species, laboratory frame [Å], shape ``(T, S, 3)``."""
    currents_A_fs: np.ndarray
    """Velocities summed over the particles of each species [Å/fs], shape ``(T, S, 3)``; none when not known."""
    tracked: tuple[str, ...]
    """Species of each particle whose own displacement is kept, ``N`` of them."""
    tracked_every: int
    """Samples from one of the displacements below to the next."""
    displacements_A: np.ndarray
    """Their unwrapped displacements, laboratory frame [Å], float32, shape ``(ceil(T / tracked_every), N, 3)``."""
    volume_A3: np.ndarray
    """Volume of the cell [Å³], shape ``(T,)``."""
    temperature_K: np.ndarray
    """Kinetic temperature [K], NaN where it was not given, shape ``(T,)``."""
    cell_A: np.ndarray
    """Mean cell in the basis of the first, whatever flips there were, rows are its vectors [Å], shape ``(3, 3)``."""

    @property
    def tracked_interval_fs(self) -> float:
        """Time between two displacements of the tracked particles [fs]."""
        return self.interval_fs * self.tracked_every

    @property
    def interval_fs(self) -> float:
        """Time between two samples [fs]; NaN when there is only one."""
        return float(self.time_fs[1] - self.time_fs[0]) if len(self.time_fs) > 1 else float("nan")

    @property
    def centre_of_mass_A(self) -> np.ndarray:
        """Displacement of the centre of mass of all atoms [Å], shape ``(T, 3)``."""
        return self.drift_of(self.species)

    def drift_of(self, names: Sequence[str]) -> np.ndarray:
        """Return the displacement of the centre of mass of some species [Å], shape ``(T, 3)``."""
        chosen = [self.species.index(name) for name in names]
        masses = self.masses[chosen]
        return np.einsum("tsd,s->td", self.collective_A[:, chosen], masses) / (masses @ self.counts[chosen])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the fields as arrays fit for ``numpy.savez``; ``from_arrays`` reads them back."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> "Series":
        """Return the series that ``to_arrays`` took apart.

        Raises
        ------
        InputError
            If an array is missing.
        """
        missing = [field.name for field in fields(cls) if field.name not in arrays]
        if missing:
            raise InputError(
                f"series lacks {', '.join(missing)}; expected the arrays of one Series; reduce the trajectory anew"
            )
        values: dict[str, Any] = {field.name: np.asarray(arrays[field.name]) for field in fields(cls)}
        values |= {name: str(values[name]) for name in _TEXTS}
        values |= {name: tuple(str(item) for item in values[name]) for name in _NAMES}
        values["tracked_every"] = int(values["tracked_every"])
        return cls(**values)


def pack_series(series: Iterable[Series]) -> dict[str, np.ndarray]:
    """Return the arrays of several series under ``"<replica>/<field>"``, as they lie in ``series.npz``.

    Raises
    ------
    InputError
        If two series carry the same replica label.
    """
    packed: dict[str, np.ndarray] = {}
    for one in series:
        if f"{one.replica}/time_fs" in packed:
            raise InputError(f"replica label {one.replica!r} is given twice; expected one label a replica; rename one")
        packed |= {f"{one.replica}/{name}": array for name, array in one.to_arrays().items()}
    return packed


def unpack_series(arrays: Mapping[str, Any]) -> list[Series]:
    """Return the series that ``pack_series`` put together, in its order."""
    grouped: dict[str, dict[str, Any]] = {}
    for key in arrays:
        replica, _, name = key.rpartition("/")
        grouped.setdefault(replica, {})[name] = arrays[key]
    return [Series.from_arrays(group) for group in grouped.values()]


class Reducer:
    """Reduces a trajectory frame by frame to a ``Series``.

    Sums over species are kept at every frame, displacements of single particles at every ``2^n``-th: when they would
    outgrow ``max_megabytes``, every second one is dropped. Memory stays bounded whatever the length, steps constant.

    Parameters
    ----------
    symbols
        Chemical symbol of each atom, in the order of the positions.
    masses
        Mass of each atom [amu], shape ``(n_atoms,)``.
    interval_fs
        Time between two frames [fs].
    replica, member
        Labels of the replica and of the potential that drives it.
    molecules
        Name → atoms of each molecule of that name. A molecule is one particle, at its centre of mass; atoms of none
        are particles of their own, named by their symbol.
    tracked
        Species whose particles are followed one by one; ``None`` follows all.
    is_unwrapped
        Whether the positions are known to run on through the cell's faces, so that a step needs no image.
    max_megabytes
        Bound on the memory of the displacements: samples × tracked particles × 12 bytes.

    Raises
    ------
    InputError
        If symbols, molecules, interval or tracked species cannot be used.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        masses: np.ndarray | Sequence[float],
        interval_fs: float,
        *,
        replica: str = "r0",
        member: str = "",
        molecules: Mapping[str, Sequence[np.ndarray]] | None = None,
        tracked: Iterable[str] | None = None,
        is_unwrapped: bool = False,
        max_megabytes: float = 256.0,
    ) -> None:
        self._symbols = np.asarray(symbols, dtype=str)
        if self._symbols.size == 0:
            raise InputError("symbols is empty; expected the chemical symbol of each atom")
        if not interval_fs > 0:
            raise InputError(f"interval_fs is {interval_fs}; expected the positive time between two frames [fs]")
        atom_masses = np.asarray(masses, float)
        self._particles = Particles(self._symbols, atom_masses, molecules or {}, tracked)
        self._interval_fs = float(interval_fs)
        self._replica, self._member = replica, member
        self._unwrapper = Unwrapper(self._particles.weights, is_unwrapped=is_unwrapped)
        n_species, n_tracked = len(self._particles.species), len(self._particles.tracked)
        n_samples, n_reserved = (
            max(64, int(size / (12 * max(1, n_tracked)))) for size in (max_megabytes * 1e6, _RESERVED)
        )
        vectors = (float, (n_species, 3))
        sums = [("collective_A", *vectors), ("currents_A_fs", *vectors), ("volume_A3", float), ("temperature_K", float)]
        self._sums = Thinned(max(n_samples, _MIN_SUMS), np.empty(64, sums))
        self._displacements = Thinned(n_samples, np.empty((min(n_samples, n_reserved), n_tracked, 3), np.float32))
        self._moved = np.empty((self._symbols.size, 3))
        self._cell_sum = np.zeros((3, 3))
        self._n_frames = 0
        self._has_velocities = False

    @property
    def n_frames(self) -> int:
        """Frames taken in so far."""
        return self._n_frames

    def add(
        self,
        positions: np.ndarray,
        cell: np.ndarray,
        temperature_K: float = float("nan"),
        *,
        symbols: Sequence[str] = (),
        velocities_A_fs: np.ndarray | None = None,
    ) -> None:
        """Take in the next frame.

        Parameters
        ----------
        positions
            Positions, wrapped or not [Å], shape ``(n_atoms, 3)``, always in the order of the symbols.
        cell
            Rows are the cell vectors [Å], shape ``(3, 3)``; they may change from frame to frame, and flip to another
            basis of the same lattice.
        temperature_K
            Kinetic temperature [K], when known.
        symbols
            The frame's own symbols, checked against the first ones when given.
        velocities_A_fs
            Velocities [Å/fs], shape ``(n_atoms, 3)``, in every frame or in none.

        Raises
        ------
        InputError
            If atoms are missing, in another order, not at finite positions or too far from where they were, if the
            cell has no volume or cannot have become what it is, or if velocities come and go.
        """
        where = f"frame {self._n_frames} of replica {self._replica}"
        if len(symbols) and not np.array_equal(symbols, self._symbols):
            raise InputError(
                f"{where} lists its atoms in another order; expected that of the first frame; sort the frames alike"
            )
        if self._n_frames and (velocities_A_fs is not None) != self._has_velocities:
            raise InputError(
                f"{where} {'lacks' if self._has_velocities else 'has'} velocities, unlike the first; "
                "expected them in all frames or in none; write the trajectory alike"
            )
        self._has_velocities = velocities_A_fs is not None
        cell = np.asarray(cell, float)
        try:
            self._unwrapper.add(np.asarray(positions), cell)
        except InputError as error:
            raise InputError(f"{where} {error}") from error
        if self._sums.takes(self._n_frames):
            currents = 0.0 if velocities_A_fs is None else self._particles.weights @ np.asarray(velocities_A_fs, float)
            volume = abs(float(np.linalg.det(cell)))
            self._sums.keep((self._unwrapper.sums_A, currents, volume, float(temperature_K)))
        if self._displacements.takes(self._n_frames):
            self._displacements.keep(self._particles.follow(self._unwrapper.write_displacements(self._moved)))
        self._cell_sum += self._unwrapper.basis @ cell
        self._n_frames += 1

    def _arrays(self) -> dict[str, np.ndarray]:
        rows = self._sums.rows
        sums = {name: rows[name].copy() for name in rows.dtype.names or ()}
        if not self._has_velocities:
            sums["currents_A_fs"] = sums["currents_A_fs"][:0]
        return {**sums, "displacements_A": self._displacements.rows}

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return all that the reduction needs to go on later, as arrays."""
        return {
            "symbols": self._symbols,
            "interval_fs": np.array(self._interval_fs),
            "strides": np.array([self._sums.stride, self._displacements.stride]),
            "n_frames": np.array(self._n_frames),
            "cell_sum": self._cell_sum.copy(),
            **self._unwrapper.state_dict(),
            **self._arrays(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where ``state_dict`` was taken.

        Raises
        ------
        InputError
            If the state is of other atoms or of another interval between frames.
        """
        if not np.array_equal(state["symbols"], self._symbols) or float(state["interval_fs"]) != self._interval_fs:
            raise InputError(
                f"state of replica {self._replica} has other atoms or another interval_fs; "
                "expected those of this reducer; continue with the settings of the first run"
            )
        self._n_frames = int(state["n_frames"])
        self._cell_sum = np.array(state["cell_sum"], float)
        self._unwrapper.load_state_dict(state)
        self._has_velocities = len(state["currents_A_fs"]) > 0
        sums = np.zeros(len(state["volume_A3"]), self._sums.rows.dtype)
        for name in sums.dtype.names or ():
            if self._has_velocities or name != "currents_A_fs":
                sums[name] = state[name]
        of_sums, of_displacements = (int(stride) for stride in state["strides"])
        self._sums.load(of_sums, sums)
        self._displacements.load(of_displacements, state["displacements_A"])

    def finish(self) -> Series:
        """Return the series of the frames so far; more frames may follow, and a longer series after them."""
        arrays = self._arrays()
        return Series(
            replica=self._replica,
            member=self._member,
            species=self._particles.species,
            counts=self._particles.counts,
            masses=self._particles.masses,
            time_fs=np.arange(len(arrays["volume_A3"])) * self._interval_fs * self._sums.stride,
            tracked=self._particles.tracked,
            tracked_every=self._displacements.stride // self._sums.stride,
            cell_A=self._cell_sum / max(1, self._n_frames),
            **arrays,
        )


def reduce_frames(frames: Iterable[Atoms], interval_fs: float, **options: Any) -> Series:
    """Reduce frames to a series in one pass; the frames may come from a generator.

    Parameters
    ----------
    frames
        Frames of one trajectory in order of time.
    interval_fs
        Time between two frames [fs].
    options
        Labels, species to follow and memory bound of ``Reducer``.

    Raises
    ------
    InputError
        If there is no frame, or a frame cannot follow the one before.
    """
    reducer: Reducer | None = None
    for frame in frames:
        if reducer is None:
            reducer = Reducer(frame.get_chemical_symbols(), frame.get_masses(), interval_fs, **options)
        temperature_K = frame.get_temperature() if frame.has("momenta") else float("nan")
        velocities = frame.get_velocities() * units.fs if frame.has("momenta") else None
        reducer.add(
            frame.positions,
            frame.cell.array,
            temperature_K,
            symbols=frame.get_chemical_symbols(),
            velocities_A_fs=velocities,
        )
    if reducer is None:
        raise InputError("frames is empty; expected the frames of one trajectory in order of time")
    return reducer.finish()
