"""Atoms and molecules as particles of species: sums over a species, and vectors of single particles."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from aiida_elyte.errors import InputError

__all__ = ["Particles"]


class Particles:
    """Atoms and molecules as particles of species."""

    def __init__(
        self,
        symbols: np.ndarray,
        masses: np.ndarray,
        molecules: Mapping[str, Sequence[np.ndarray]],
        tracked: Iterable[str] | None,
    ) -> None:
        owner = np.full(symbols.size, -1)
        names: list[str] = []
        for name, members in molecules.items():
            for atoms in members:
                if not len(atoms) or (owner[atoms] >= 0).any():
                    raise InputError(
                        f"a molecule of {name} has no atoms, or atoms of another molecule; "
                        "expected every atom in one molecule at most; correct the selections"
                    )
                owner[atoms] = len(names)
                names.append(name)
        single = np.flatnonzero(owner < 0)
        clash = sorted(set(symbols[single].tolist()) & set(molecules))
        if clash:
            raise InputError(
                f"molecules are named {', '.join(clash)}, as are atoms; expected a name of their own; rename them"
            )
        owner[single] = len(names) + np.arange(single.size)
        names += symbols[single].tolist()
        first = np.full(len(names), symbols.size)
        np.minimum.at(first, owner, np.arange(symbols.size))
        order = np.argsort(first, kind="stable")  # particles in the order of their first atoms
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        owner, of_particle = place[owner], np.array(names)[order]

        self.species = tuple(dict.fromkeys(of_particle.tolist()))
        followed = self.species if tracked is None else tuple(tracked)
        unknown = sorted(set(followed) - set(self.species))
        if unknown:
            raise InputError(f"tracked names {', '.join(unknown)}; expected species among {', '.join(self.species)}")
        total = np.bincount(owner, masses)
        is_species = np.array([of_particle == name for name in self.species])
        self.counts = is_species.sum(axis=1)
        self.masses = is_species @ total / self.counts
        self._share = masses / total[owner]
        self.weights = is_species[:, owner] * self._share
        chosen = np.isin(of_particle, followed)
        self.tracked: tuple[str, ...] = tuple(of_particle[chosen].tolist())
        self._followed = slice(None) if chosen.all() else np.flatnonzero(chosen[owner])
        self._owner = (np.cumsum(chosen) - 1)[owner[self._followed]]
        self._is_atomic = not molecules

    def follow(self, vectors: np.ndarray) -> np.ndarray:
        """Return the vectors of the tracked particles, shape ``(N, 3)``."""
        chosen = vectors[self._followed]
        if self._is_atomic:
            return chosen
        weighted = chosen * self._share[self._followed, None]
        columns = [np.bincount(self._owner, column, len(self.tracked)) for column in weighted.T]
        return np.stack(columns, axis=1)
