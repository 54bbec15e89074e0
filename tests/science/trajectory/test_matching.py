"""A topology whose atoms stand in another order than those of the trajectory is told, where it can be."""

from pathlib import Path

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.matching import require_whole
from aiida_elyte.science.trajectory.readers import open_trajectory
from tests.science.trajectory import walks


def test_a_topology_in_another_order_is_told_by_the_types_of_the_dump(tmp_path):
    scaled, cells = walks.walk(), walks.cells_of(walks.CUBIC)
    (tmp_path / "dump").write_text(walks.dump(scaled, cells, columns="id type x y z"))
    numbers = {"Li": 1, "S": 2, "P": 3}
    for order in (walks.SYMBOLS, walks.SYMBOLS[::-1]):
        rows = [f"{atom + 1} {numbers[symbol]} 0 0 {atom}" for atom, symbol in enumerate(order)]
        masses = "1 6.94\n2 32.06\n3 30.974\n"
        box = "0 8 xlo xhi\n0 8 ylo yhi\n0 8 zlo zhi\n"
        text = f"data\n\n{len(order)} atoms\n3 atom types\n{box}\nMasses\n\n{masses}\nAtoms # atomic\n\n"
        (tmp_path / "s.data").write_text(text + "\n".join(rows) + "\n")
        (tmp_path / "s.xyz").write_text(f"{len(order)}\n\n" + "".join(f"{symbol} 0 0 0\n" for symbol in order))
        for name, words in (
            ("s.data", r"^atom \d is of type \d in "),
            ("s.xyz", r"^type \d of .* expected one element"),
        ):
            known = {"topology": tmp_path / name, "timestep_fs": 1.0}
            if order is walks.SYMBOLS:
                assert open_trajectory(tmp_path / "dump", **known).symbols == tuple(walks.SYMBOLS)
                continue
            with pytest.raises(InputError, match=words):
                open_trajectory(tmp_path / "dump", **known)


@pytest.mark.parametrize("knows_bonds", [True, False])
def test_molecules_whose_atoms_are_far_apart_are_rejected(knows_bonds):
    cell = 20.0 * np.eye(3)
    starts = np.random.default_rng(5).uniform(0, 20, (8, 1, 3))
    positions = (starts + np.array([[0, 0, 0], [1.5, 0, 0], [0, 1.5, 0]])).reshape(-1, 3) % 20  # across the faces too
    molecules = np.arange(24).reshape(8, 3)
    bonds = np.concatenate([molecules[:, [0, 1]], molecules[:, [0, 2]]]) if knows_bonds else np.empty((0, 2), int)
    require_whole(Path("a.xtc"), positions, cell, bonds, {"A": list(molecules)})
    require_whole(Path("a.xtc"), positions + 20 * molecules.reshape(-1, 1), cell, bonds, {"A": list(molecules)})
    with pytest.raises(InputError, match=r"^atom \d+ of a.xtc is \S+ Å from those that its topology puts into its"):
        require_whole(Path("a.xtc"), np.roll(positions, 1, axis=0), cell, bonds, {"A": list(molecules)})
