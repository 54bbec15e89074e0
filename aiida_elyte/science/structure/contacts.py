"""Which ligands are in the shell of which ions, and when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aiida_elyte.errors import InputError
from aiida_elyte.science.structure.accumulator import Accumulator
from aiida_elyte.science.structure.pair_finder import PairFinder

__all__ = ["ContactRecorder", "Contacts"]


@dataclass(frozen=True)
class Contacts:
    """Who was in contact with whom and when, as runs of frames of the pairs that ever met.

    Runs are in the order of ion, ligand and start.
    """

    pair: tuple[str, str]
    """Species of the ions, and of the ligands."""
    ion: np.ndarray
    """Number of the ion in each run, shape ``(R,)``."""
    ligand: np.ndarray
    """Number of the ligand in each run, shape ``(R,)``."""
    start: np.ndarray
    """First frame of each run, shape ``(R,)``."""
    end: np.ndarray
    """Frame after its last one, shape ``(R,)``."""
    n_frames: int
    """Frames seen."""
    n_ions: int
    """Number of ions."""
    n_possible: int
    """Pairs of ion and ligand that there could be."""
    interval_fs: float
    """Time between two frames [fs]."""

    @classmethod
    def from_states(cls, states: np.ndarray, interval_fs: float, pair: tuple[str, str] = ("", "")) -> "Contacts":
        """Return the contacts of given states.

        Parameters
        ----------
        states
            Whether ion i and ligand j are in contact at each time, shape ``(T, n_ions, n_ligands)``.
        interval_fs
            Time between two frames [fs].
        pair
            Names of ions and ligands.
        """
        n_frames, n_ions, n_ligands = states.shape
        padded = np.zeros((n_ions, n_ligands, n_frames + 2), dtype=np.int8)
        padded[:, :, 1:-1] = np.moveaxis(states, 0, 2)
        change = np.diff(padded, axis=2)
        ion, ligand, start = np.nonzero(change == 1)
        end = np.nonzero(change == -1)[2]
        return cls(pair, ion, ligand, start, end, n_frames, n_ions, n_ions * n_ligands, float(interval_fs))


class ContactRecorder(Accumulator):
    """Records frame by frame which ligands are in the shell of which ions; memory grows with the changes only.

    A ligand enters below one distance and leaves above another, so that it does not seem to come and go when it rattles
    about one of them: the stable states of Northrup and Hynes.

    Parameters
    ----------
    species
        As in ``PairFinder``.
    centre
        Species of the ions.
    around
        Species of the ligands' atoms that touch the ion.
    cutoff_A
        Distance below which a ligand enters [Å].
    interval_fs
        Time between two frames [fs].
    leave_A
        Distance above which it leaves [Å]; ``None`` takes ``cutoff_A``.
    ligand_of
        Ligand that each atom belongs to, any number an atom, shape ``(n_atoms,)``: a ligand touches the ion when one of
        its atoms does. ``None`` makes each atom a ligand.

    Raises
    ------
    InputError
        When a species is not there, or distances, interval or ligands cannot be used.

    References
    ----------
    Northrup, Hynes, J. Chem. Phys. 73, 2700 (1980), DOI 10.1063/1.440484; Laage, Hynes, J. Phys. Chem. B 112, 7697
    (2008), DOI 10.1021/jp802033r.
    """

    def __init__(
        self,
        species: Sequence[str],
        centre: str,
        around: str,
        cutoff_A: float,
        interval_fs: float,
        *,
        leave_A: float | None = None,
        ligand_of: Sequence[int] | None = None,
    ) -> None:
        leave_A = cutoff_A if leave_A is None else leave_A
        if not leave_A >= cutoff_A:
            raise InputError(f"leave_A is {leave_A}; expected at least cutoff_A, {cutoff_A}; enlarge it")
        if not interval_fs > 0:
            raise InputError(f"interval_fs is {interval_fs}; expected the positive time between two frames [fs]")
        if ligand_of is not None and len(ligand_of) != len(species):
            raise InputError(f"ligand_of has {len(ligand_of)} entries; expected one for each of {len(species)} atoms")
        names = np.asarray(species, dtype=str)
        ligands = np.arange(len(names)) if ligand_of is None else np.asarray(ligand_of)
        self._finder = PairFinder(species, centre, around, leave_A)
        self._cutoff_A, self._interval_fs, self._pair = float(cutoff_A), float(interval_fs), (centre, around)
        self._ligand = np.unique(ligands[names == around], return_inverse=True)[1]
        self._n_ligands = int(self._ligand.max()) + 1
        # An ion is no ligand of itself; with ligands of several atoms its own one may be.
        self._n_own = int(centre == around) if ligand_of is None else 0
        self._present = np.zeros(0, dtype=np.int64)
        self._since = np.zeros(0, dtype=np.int64)
        self._runs: list[np.ndarray] = []
        self._n_frames = 0

    def add(self, positions: np.ndarray, cell: np.ndarray) -> None:  # noqa: D102 - as in Accumulator
        near: list[np.ndarray] = []
        for i, j, distance in self._finder.find(positions, cell):
            code = i * self._n_ligands + self._ligand[j]
            near.append(code[(distance < self._cutoff_A) | np.isin(code, self._present)])
        present = np.unique(np.concatenate(near))
        stays = np.isin(self._present, present, assume_unique=True)
        self._close(~stays)
        since = np.full(len(present), self._n_frames)
        since[np.isin(present, self._present, assume_unique=True)] = self._since[stays]
        self._present, self._since = present, since
        self._n_frames += 1

    def _close(self, ended: np.ndarray) -> None:
        if ended.any():
            codes = self._present[ended]
            self._runs.append(np.stack([codes, self._since[ended], np.full(len(codes), self._n_frames)]))

    def state_dict(self) -> dict[str, np.ndarray]:  # noqa: D102 - as in Accumulator
        return {
            "present": self._present,
            "since": self._since,
            "runs": np.concatenate([np.zeros((3, 0), dtype=np.int64), *self._runs], axis=1),
            "n_frames": np.array(self._n_frames),
        }

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:  # noqa: D102 - as in Accumulator
        self._present, self._since, self._runs = state["present"], state["since"], [state["runs"]]
        self._n_frames = int(state["n_frames"])

    def finish(self) -> Contacts:
        """Return the contacts over the frames so far."""
        still = np.stack([self._present, self._since, np.full(len(self._present), self._n_frames)])
        code, start, end = np.concatenate([*self._runs, still], axis=1)
        order = np.lexsort((start, code))
        return Contacts(
            pair=self._pair,
            ion=code[order] // self._n_ligands,
            ligand=code[order] % self._n_ligands,
            start=start[order],
            end=end[order],
            n_frames=self._n_frames,
            n_ions=self._finder.n_centres,
            n_possible=self._finder.n_centres * (self._n_ligands - self._n_own),
            interval_fs=self._interval_fs,
        )
