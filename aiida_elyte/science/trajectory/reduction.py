"""One pass over a trajectory, in bounded memory: frames in, what transport needs out.

Unwrapping is toroidal: a step is the nearest image of the difference of wrapped positions in the new cell, which leaves
diffusion unbiased when the cell breathes (DOI 10.1063/5.0008316). A jump of more than half a cell between two frames
cannot be told from its image.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError

__all__ = ["Reducer", "Series", "pack_series", "reduce_frames", "unpack_series"]

_TEXTS = ("replica", "member")
_NAMES = ("species", "tracked")


@dataclass(frozen=True)
class Series:
    """What transport needs of one replica, sampled at a constant stride; displacements count from the first sample."""

    replica: str
    """Label of the replica: an independent trajectory."""
    member: str
    """Label of the potential that drove it; empty when there is only one."""
    species: tuple[str, ...]
    """Chemical symbols, ``S`` of them."""
    counts: np.ndarray
    """Atoms of each species, shape ``(S,)``."""
    masses: np.ndarray
    """Mass of one atom of each species [amu], shape ``(S,)``."""
    time_fs: np.ndarray
    """Times of the samples [fs], from 0 at a constant step, shape ``(T,)``."""
    collective_A: np.ndarray
    """Unwrapped displacements summed over the atoms of each species, laboratory frame [Å], shape ``(T, S, 3)``."""
    tracked: tuple[str, ...]
    """Chemical symbol of each atom whose own displacement is kept, ``N`` of them."""
    displacements_A: np.ndarray
    """Unwrapped displacement of each tracked atom, laboratory frame [Å], float32, shape ``(T, N, 3)``."""
    volume_A3: np.ndarray
    """Volume of the cell [Å³], shape ``(T,)``."""
    temperature_K: np.ndarray
    """Kinetic temperature [K], NaN where it was not given, shape ``(T,)``."""

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
            When an array is missing.
        """
        missing = [field.name for field in fields(cls) if field.name not in arrays]
        if missing:
            raise InputError(
                f"series lacks {', '.join(missing)}; expected the arrays of one Series; reduce the trajectory anew"
            )
        values: dict[str, Any] = {field.name: np.asarray(arrays[field.name]) for field in fields(cls)}
        values |= {name: str(values[name]) for name in _TEXTS}
        values |= {name: tuple(str(item) for item in values[name]) for name in _NAMES}
        return cls(**values)


def pack_series(series: Iterable[Series]) -> dict[str, np.ndarray]:
    """Return the arrays of several series under ``"<replica>/<field>"``, as they lie in ``series.npz``.

    Raises
    ------
    InputError
        When two series carry the same replica label.
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

    Samples are kept at every ``stride``-th frame, at first every one. When they would outgrow ``max_megabytes``, every
    second one is dropped and the stride doubles: memory stays bounded whatever the length, the time step constant.

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
    tracked
        Species whose atoms are followed one by one; ``None`` follows all.
    max_megabytes
        Bound on the memory of the displacements: samples × tracked atoms × 12 bytes.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        masses: np.ndarray | Sequence[float],
        interval_fs: float,
        *,
        replica: str = "r0",
        member: str = "",
        tracked: Iterable[str] | None = None,
        max_megabytes: float = 256.0,
    ) -> None:
        names = np.asarray(symbols, dtype=str)
        if names.size == 0:
            raise InputError("symbols is empty; expected the chemical symbol of each atom")
        if not interval_fs > 0:
            raise InputError(f"interval_fs is {interval_fs}; expected the positive time between two frames [fs]")
        self._species = tuple(dict.fromkeys(names.tolist()))
        followed = self._species if tracked is None else tuple(tracked)
        unknown = sorted(set(followed) - set(self._species))
        if unknown:
            raise InputError(f"tracked names {', '.join(unknown)}; expected species among {', '.join(self._species)}")
        self._members = np.array([names == species for species in self._species], dtype=float)
        self._followed = np.flatnonzero(np.isin(names, followed))
        self._tracked = tuple(names[self._followed].tolist())
        self._masses = self._members @ np.asarray(masses, float) / self._members.sum(axis=1)
        self._interval_fs = float(interval_fs)
        self._replica, self._member = replica, member
        self._max_samples = max(64, int(max_megabytes * 1e6 / (12 * max(1, len(self._followed)))))
        self._stride = 1
        self._n_frames = 0
        self._wrapped = np.zeros((names.size, 3))
        self._displacement = np.zeros((names.size, 3))
        self._samples: dict[str, list[Any]] = {
            name: [] for name in ("collective_A", "displacements_A", "volume_A3", "temperature_K")
        }

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
    ) -> None:
        """Take in the next frame.

        Parameters
        ----------
        positions
            Positions, wrapped or not [Å], shape ``(n_atoms, 3)``, always in the order of the symbols.
        cell
            Rows are the cell vectors [Å], shape ``(3, 3)``; it may change from frame to frame.
        temperature_K
            Kinetic temperature [K], when known.
        symbols
            The frame's own symbols, checked against the first ones when given.

        Raises
        ------
        InputError
            When atoms are missing, in another order or not at finite positions, or when the cell has no volume.
        """
        where = f"frame {self._n_frames} of replica {self._replica}"
        positions, cell = np.asarray(positions, float), np.asarray(cell, float)
        if positions.shape != self._wrapped.shape:
            raise InputError(
                f"{where} has positions of shape {positions.shape}; expected {self._wrapped.shape}; "
                "keep all atoms in every frame"
            )
        if len(symbols) and not np.array_equal(symbols, self._symbols()):
            raise InputError(
                f"{where} lists its atoms in another order; expected that of the first frame; sort the frames alike"
            )
        if not np.isfinite(positions).all():
            raise InputError(
                f"{where} has positions that are not finite; expected numbers; cut the trajectory before it"
            )
        volume = abs(float(np.linalg.det(cell))) if cell.shape == (3, 3) else float("nan")
        if not volume > 0:
            raise InputError(f"{where} has no cell of positive volume; expected three cell vectors; set the cell")
        scaled = positions @ np.linalg.inv(cell)
        wrapped = (scaled - np.floor(scaled)) @ cell
        if self._n_frames:
            step = wrapped - self._wrapped
            self._displacement += step - np.rint(step @ np.linalg.inv(cell)) @ cell
        self._wrapped = wrapped
        if self._n_frames % self._stride == 0:
            self._keep(volume, temperature_K)
        self._n_frames += 1

    def _symbols(self) -> np.ndarray:
        return np.asarray(self._species)[self._members.argmax(axis=0)]

    def _keep(self, volume: float, temperature_K: float) -> None:
        if len(self._samples["volume_A3"]) >= self._max_samples:
            self._samples = {name: values[::2] for name, values in self._samples.items()}
            self._stride *= 2
            if self._n_frames % self._stride:
                return
        self._samples["collective_A"].append(self._members @ self._displacement)
        self._samples["displacements_A"].append(self._displacement[self._followed].astype(np.float32))
        self._samples["volume_A3"].append(volume)
        self._samples["temperature_K"].append(float(temperature_K))

    def _arrays(self) -> dict[str, np.ndarray]:
        shapes = {"collective_A": (-1, len(self._species), 3), "displacements_A": (-1, len(self._followed), 3)}
        n_samples = len(self._samples["volume_A3"])
        return {
            name: np.array(values, np.float32 if name == "displacements_A" else float).reshape(
                (n_samples, *shapes.get(name, (-1,))[1:])
            )
            for name, values in self._samples.items()
        }

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return all that the reduction needs to go on later, as arrays."""
        return {
            "symbols": self._symbols(),
            "interval_fs": np.array(self._interval_fs),
            "stride": np.array(self._stride),
            "n_frames": np.array(self._n_frames),
            "wrapped": self._wrapped.copy(),
            "displacement": self._displacement.copy(),
            **self._arrays(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where ``state_dict`` was taken.

        Raises
        ------
        InputError
            When the state is of other atoms or of another interval between frames.
        """
        if not np.array_equal(state["symbols"], self._symbols()) or float(state["interval_fs"]) != self._interval_fs:
            raise InputError(
                f"state of replica {self._replica} has other atoms or another interval_fs; "
                "expected those of this reducer; continue with the settings of the first run"
            )
        self._stride, self._n_frames = int(state["stride"]), int(state["n_frames"])
        self._wrapped = np.array(state["wrapped"], float)
        self._displacement = np.array(state["displacement"], float)
        self._samples = {name: list(np.asarray(state[name])) for name in self._samples}

    def finish(self) -> Series:
        """Return the series of the frames so far; more frames may follow, and a longer series after them."""
        arrays = self._arrays()
        return Series(
            replica=self._replica,
            member=self._member,
            species=self._species,
            counts=self._members.sum(axis=1).astype(int),
            masses=self._masses,
            time_fs=np.arange(len(arrays["volume_A3"])) * self._interval_fs * self._stride,
            tracked=self._tracked,
            collective_A=arrays["collective_A"],
            displacements_A=arrays["displacements_A"],
            volume_A3=arrays["volume_A3"],
            temperature_K=arrays["temperature_K"],
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
        When there is no frame, or a frame cannot follow the one before.
    """
    reducer: Reducer | None = None
    for frame in frames:
        if reducer is None:
            reducer = Reducer(frame.get_chemical_symbols(), frame.get_masses(), interval_fs, **options)
        temperature_K = frame.get_temperature() if frame.has("momenta") else float("nan")
        reducer.add(frame.positions, frame.cell.array, temperature_K, symbols=frame.get_chemical_symbols())
    if reducer is None:
        raise InputError("frames is empty; expected the frames of one trajectory in order of time")
    return reducer.finish()
