"""The teacher of the benchmarks: its labels are what LAMMPS runs."""

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def silver_iodide(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples" / "benchmarks")
    import silver_iodide

    return silver_iodide


def test_forces_and_stress_are_slopes_of_the_energy(silver_iodide) -> None:
    atoms = silver_iodide.crystal(2, seed=0)
    atoms.rattle(0.1, seed=1)
    atoms.calc = silver_iodide.SilverIodide()
    force, stress = atoms.get_forces()[3, 1], atoms.get_stress()[0]
    moved, strained = [], []
    for step in (1e-4, -1e-4):
        other = atoms.copy()
        other.calc = silver_iodide.SilverIodide()
        other.positions[3, 1] += step
        moved.append(other.get_potential_energy())
        other = atoms.copy()
        other.calc = silver_iodide.SilverIodide()
        other.set_cell(atoms.cell.array @ np.diag([1 + step, 1, 1]), scale_atoms=True)
        strained.append(other.get_potential_energy())
    assert force == pytest.approx(-(moved[0] - moved[1]) / 2e-4, abs=1e-6)
    assert stress == pytest.approx((strained[0] - strained[1]) / 2e-4 / atoms.get_volume(), abs=1e-6)


@pytest.mark.engine("lmp")
def test_lammps_computes_the_same(silver_iodide, tmp_path: Path) -> None:
    atoms = silver_iodide.crystal(2, seed=0)
    atoms.rattle(0.1, seed=1)
    atoms.calc = silver_iodide.SilverIodide()
    engine = silver_iodide.start_lammps()
    for command in [*silver_iodide.lammps_commands(atoms, tmp_path), "thermo_style custom step pe", "run 0"]:
        engine.command(command)
    assert engine.get_thermo("pe") == pytest.approx(atoms.get_potential_energy(), abs=1e-3)
    assert np.array(engine.numpy.extract_atom("f"))[: len(atoms)] == pytest.approx(atoms.get_forces(), abs=1e-4)
