"""Clusters through the labelling program: charge, relaxation, heat, and DFT of molecules."""

import json
import os
import signal
import time
from importlib.util import find_spec

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from aiida_elyte.science.frames import labels_of
from aiida_elyte.science.labels.engines import build_calculator
from aiida_elyte.science.labels.single_points import compute_labels
from aiida_elyte.science.labels.state import StatefulCalculator
from tests.remote.label_jobs import finish, job, labelled, start
from tests.remote.programs import label_ase

XTB = {"calculator": "tblite", "parameters": {"method": "GFN2-xTB"}, "level_of_theory": "GFN2-xTB"}
CHARGED = {**XTB, "properties": ["charges"]}
RELAXED = {**CHARGED, "relax": {"fmax_eV_A": 0.01}}
EMT = {"calculator": "emt", "level_of_theory": "EMT"}
needs_tblite = pytest.mark.skipif(find_spec("tblite") is None, reason="needs tblite")


def water(**info):
    return Atoms("OH2", molecule("H2O").positions * 1.05, info={"origin": "water#0", **info})


def lithium_and_water(**info):
    return _with_info(Atoms("Li", [[0, 0, 2.0]]) + water(), info)


def _with_info(frame, info):
    frame.info = {"origin": "complex#0", **info}
    return frame


@needs_tblite
def test_lithium_ion_is_computed_as_an_ion(tmp_path):
    """Energy, forces and charges are those of tblite's own calculator at the charge told."""
    from tblite.ase import TBLite

    job(tmp_path, [lithium_and_water(charge=1), lithium_and_water(charge=0), lithium_and_water(charge=-1)], CHARGED)
    results = finish(tmp_path)
    assert results["refused"] == {}
    assert results["charge_method"] == "Mulliken (GFN2-xTB)"
    for frame, charge, spin in zip(labelled(tmp_path), (1, 0, -1), (1, 2, 1), strict=True):
        labels = labels_of(frame)
        assert labels["charges"].sum() == pytest.approx(charge, abs=1e-6)
        assert frame.info["charge_method"] == "Mulliken (GFN2-xTB)"
        assert frame.info["charge"] == charge
        direct = frame.copy()
        direct.calc = TBLite(method="GFN2-xTB", charge=charge, multiplicity=spin, verbosity=0)
        assert labels["energy"] == pytest.approx(direct.get_potential_energy(), abs=1e-6)
        np.testing.assert_allclose(labels["forces"], direct.get_forces(), atol=1e-5)
    ion, atom, _ = (labels_of(frame)["energy"] for frame in labelled(tmp_path))
    assert ion - atom > 3.0  # eV: losing an electron costs


@needs_tblite
def test_ion_that_tells_no_charge_is_refused(tmp_path):
    job(tmp_path, [lithium_and_water(), water()], CHARGED)
    results = finish(tmp_path)
    assert "13 electrons, an odd number, and tells no charge" in results["refused"]["0"]
    assert results["n_labelled"] == 1


@needs_tblite
def test_relaxed_frame_takes_the_place_of_the_one_given(tmp_path):
    given = lithium_and_water(charge=1, kind="complex")
    job(tmp_path, [given], RELAXED)
    finish(tmp_path)
    (found,) = labelled(tmp_path)
    assert np.linalg.norm(labels_of(found)["forces"], axis=1).max() < 0.0105
    assert found.get_distance(0, 1) == pytest.approx(1.8, abs=0.1)  # Å, Li–O
    assert np.abs(found.positions - given.positions).max() > 0.05
    assert found.info["geometry"].startswith("relaxed: bfgs, 0.0")
    assert {key: found.info[key] for key in ("origin", "kind", "charge")} == given.info


@needs_tblite
def test_unconverged_relaxation_is_refused_or_kept_where_it_has_come(tmp_path):
    hasty = {"fmax_eV_A": 1e-4, "max_steps": 2}
    job(tmp_path, [water()], {**CHARGED, "relax": hasty})
    results = finish(tmp_path)
    assert results["kind"] == "ALL_LABELS_FAILED"
    assert results["refused"]["0"].startswith("relaxation not converged: ")
    assert results["refused"]["0"].endswith("eV/Å after 2 steps; expected 0.0001 eV/Å")
    kept = tmp_path / "kept"
    kept.mkdir()
    job(kept, [water()], {**CHARGED, "relax": {**hasty, "unconverged": "keep"}})
    finish(kept)
    (found,) = labelled(kept)
    assert np.abs(found.positions - water().positions).max() > 0.01
    assert found.info["geometry"].startswith("relaxed, not converged: bfgs, ")
    assert found.info["geometry"].endswith("eV/Å after 2 steps")


@needs_tblite
def test_heat_adds_geometries_of_the_same_cluster_that_any_batch_finds_again(tmp_path):
    heat = {"count": 3, "temperature_K": 500.0, "stride_fs": 20.0, "seed": 4}
    job(tmp_path, [water(charge=0), lithium_and_water(charge=1)], {**RELAXED, "heat": heat})
    results = finish(tmp_path)
    assert results["n_labelled"] == 8
    found = labelled(tmp_path)
    assert [frame.info["origin"] for frame in found[4:]] == ["complex#0", "complex#0.1", "complex#0.2", "complex#0.3"]
    assert found[5].info["geometry"] == "heated: Langevin at 500 K with GFN2-xTB"
    relaxed, *heated = (labels_of(frame)["energy"] for frame in found[4:])
    assert all(0.01 < energy - relaxed < 2.0 for energy in heated)
    assert all(labels_of(frame)["charges"].sum() == pytest.approx(1, abs=1e-6) for frame in found[4:])

    alone = tmp_path / "alone"
    alone.mkdir()
    job(alone, [lithium_and_water(charge=1)], {**RELAXED, "heat": heat})
    finish(alone)
    for frame, same in zip(labelled(alone), found[4:], strict=True):
        np.testing.assert_array_equal(frame.positions, same.positions)


def pair(length_A, **info):
    return Atoms("Cu2", [[0, 0, 0], [0, 0, length_A]], info={"origin": "pair#0", "bonds": "0-1; ", **info})


# Lennard-Jones pairs rest at 2^(1/6) σ, 3.0 and 4.5 Å; of two coppers the bond is torn from 1.4 · 2.64 = 3.7 Å on.
WHOLE, APART = ({"sigma": sigma, "epsilon": 1.0, "rc": 30.0} for sigma in (2.67, 4.0))
PAIRS = {"calculator": "lj", "level_of_theory": "LJ", "relax": {"optimizer": "fire"}}


def test_a_frame_whose_relaxation_tore_a_bond_is_set_aside(tmp_path):
    heat = {"count": 2, "stride_fs": 5.0}
    free = pair(3.4)
    del free.info["bonds"]
    job(tmp_path, [pair(3.4), free], {**PAIRS, "parameters": APART, "heat": heat})
    results = finish(tmp_path)
    assert list(results["refused"]) == ["0"]
    assert results["refused"]["0"].startswith("bond Cu0–Cu1 is 4.4")
    assert results["n_labelled"] == 3
    whole = tmp_path / "whole"
    whole.mkdir()
    job(whole, [pair(3.4)], {**PAIRS, "parameters": WHOLE})
    assert finish(whole)["refused"] == {}


def test_only_the_geometries_in_which_heat_tore_a_bond_are_set_aside(tmp_path):
    heat = {"count": 2, "stride_fs": 100.0, "calculator": "lj", "parameters": APART}
    job(tmp_path, [pair(3.0)], {**PAIRS, "parameters": WHOLE, "heat": heat})
    results = finish(tmp_path)
    assert sorted(results["refused"]) == ["0-1", "0-2"]
    assert all("it is torn" in reason for reason in results["refused"].values())
    assert labelled(tmp_path)[0].get_distance(0, 1) == pytest.approx(3.0, abs=0.01)


@needs_tblite
def test_heat_of_another_calculator(tmp_path):
    heat = {"count": 1, "stride_fs": 5.0, "calculator": "tblite", "parameters": {"method": "GFN1-xTB"}}
    job(tmp_path, [water()], {**CHARGED, "heat": heat})
    finish(tmp_path)
    given, heated = labelled(tmp_path)
    np.testing.assert_array_equal(given.positions, water().positions)
    assert heated.info["geometry"] == "heated: Langevin at 400 K with tblite"
    assert {frame.info["level_of_theory"] for frame in (given, heated)} == {"GFN2-xTB"}


def test_empty_settings_relax_and_heat_by_their_defaults(tmp_path):
    job(tmp_path, [Atoms("Cu4", [[0, 0, 0], [2.6, 0, 0], [0, 2.6, 0], [0, 0, 2.6]])], {**EMT, "relax": {}, "heat": {}})
    finish(tmp_path)
    assert [frame.info["geometry"].split(":")[0] for frame in labelled(tmp_path)] == ["relaxed", *["heated"] * 4]


SLOW = """
import time
from pathlib import Path
from ase.calculators.emt import EMT

class Slow(EMT):
    def calculate(self, *args, **kwargs):
        time.sleep(0.1)
        with Path("calls.txt").open("a") as handle:
            handle.write("x")
        super().calculate(*args, **kwargs)
"""


def slow_job(folder, **settings):
    frame = Atoms("Cu4", [[0, 0, 0], [2.9, 0, 0], [0, 2.9, 0], [0, 0, 2.9]])
    job(folder, [frame], {"calculator": "slow:Slow", "level_of_theory": "EMT", **settings})
    (folder / "slow.py").write_text(SLOW)


def steps_of(checkpoint):
    """Return the steps of the relaxation in work."""
    if not checkpoint.exists():
        return 0
    with np.load(checkpoint) as arrays:
        return json.loads(str(arrays["state"]))["n_steps"]


def test_killed_relaxation_goes_on_where_it_was(tmp_path):
    slow_job(tmp_path, relax={"fmax_eV_A": 1e-4, "optimizer": "fire"})
    process = start(tmp_path)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        reached = steps_of(tmp_path / "checkpoint.npz")
        if reached >= 8:
            break
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    reached = steps_of(tmp_path / "checkpoint.npz")
    (tmp_path / "calls.txt").unlink()
    finish(tmp_path)
    (found,) = labelled(tmp_path)
    n_steps = int(found.info["geometry"].split(" after ")[1].split()[0])
    assert n_steps > reached >= 8
    assert len((tmp_path / "calls.txt").read_text()) == n_steps - reached + 2  # its first point, and the label
    assert np.linalg.norm(labels_of(found)["forces"], axis=1).max() < 1.1e-4


def test_relaxation_stops_before_the_wall_and_ends_in_later_jobs(tmp_path):
    slow_job(tmp_path, relax={"fmax_eV_A": 1e-3, "optimizer": "fire"}, heat={"count": 2, "stride_fs": 1.0})
    n_jobs = 0
    (tmp_path / "limits.json").write_text(json.dumps({"max_wallclock_seconds": 4}))
    while n_jobs < 12:
        results = finish(tmp_path)
        n_jobs += 1
        if results["status"] == "ok":
            break
        assert results["kind"] == "OUT_OF_WALLTIME"
    assert n_jobs > 1
    assert results["n_labelled"] == 3
    assert [frame.info["origin"] for frame in labelled(tmp_path)] == ["b0#0", "b0#0.1", "b0#0.2"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"relax": {"fmax": 0.1}},
            "relax has 'fmax'; expected optimizer, fmax_eV_A, max_steps, unconverged; did you mean fmax_eV_A?",
        ),
        ({"relax": {"optimizer": "sella"}}, "relax: optimizer is 'sella'"),
        ({"heat": {"temperature": 300}}, "heat has 'temperature'; expected count, temperature_K"),
        ({"heat": {"calculator": "emtt"}}, "did you mean"),
    ],
)
def test_bad_settings_of_geometries_are_refused(tmp_path, settings, words):
    job(tmp_path, [water()], {**EMT, **settings})
    assert label_ase.main(str(tmp_path / "settings.json")) == 1
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["kind"] == "INVALID_INPUT"
    assert words in results["message"]


@pytest.mark.engine("pyscf")
class TestDft:
    """DFT of molecules by PySCF: published charges and dipole, derivatives, charge and spin, whole jobs."""

    @staticmethod
    def label(frame, **parameters):
        engine = StatefulCalculator(build_calculator("pyscf", {"xc": "pbe", **parameters}), "pyscf")
        labels = compute_labels(frame, engine, ["energy", "forces", "charges"])
        assert not isinstance(labels, str), labels
        return labels

    def test_resp_charges_of_water_are_those_of_the_field(self):
        """HF/6-31G*, as AMBER has it: oxygen −0.80; the charges carry the dipole of the density, 2.20 D (CCCBDB)."""
        frame = Atoms("OH2", [[0, 0, 0], [0.7572, 0.5865, 0], [-0.7572, 0.5865, 0]])
        charges = self.label(frame, xc="hf", basis="6-31g*")["charges"]
        assert charges[0] == pytest.approx(-0.80, abs=0.03)
        assert charges.sum() == pytest.approx(0, abs=1e-9)
        dipole_D = (charges @ frame.positions)[1] * 4.80320
        assert dipole_D == pytest.approx(2.2, abs=0.1)

    def test_forces_are_minus_the_gradient(self):
        frame = water(charge=0)
        forces = self.label(frame, xc="r2scan-d4", grid_level=4)["forces"]
        step, energies = 2e-3, []
        for sign in (1, -1):
            moved = frame.copy()
            moved.positions[1, 1] += sign * step
            energies.append(self.label(moved, xc="r2scan-d4", grid_level=4)["energy"])
        assert forces[1, 1] == pytest.approx(-(energies[0] - energies[1]) / (2 * step), abs=2e-3)

    def test_ionisation_energy_of_lithium(self):
        """5.39 eV (NIST): charge and spin of each frame reach the engine."""
        atom, ion = (
            self.label(Atoms("Li", info={"charge": charge}), xc="pbe0", basis="def2-tzvp") for charge in (0, 1)
        )
        assert ion["energy"] - atom["energy"] == pytest.approx(5.39, abs=0.3)
        assert ion["charges"] == pytest.approx([1.0])
        assert atom["charges"] == pytest.approx([0.0], abs=1e-9)

    def test_methylene_is_a_triplet_when_told(self):
        """The triplet is the ground state, 0.39 eV below the singlet, and more at its own geometry (134°)."""
        frame = Atoms("CH2", [[0, 0, 0], [0.994, 0.422, 0], [-0.994, 0.422, 0]])
        singlet, triplet = (
            self.label(_with_info(frame.copy(), {"charge": 0, "multiplicity": spin}))["energy"] for spin in (1, 3)
        )
        assert 0.4 < singlet - triplet < 2.0

    def test_whole_job_relaxes_and_names_its_charges(self, tmp_path):
        settings = {
            "calculator": "pyscf",
            "parameters": {"xc": "r2scan-d4", "charges": "lowdin"},
            "level_of_theory": "r2SCAN-D4/def2-SVP",
            "properties": ["charges"],
            "relax": {"fmax_eV_A": 0.05},
        }
        periodic = water(charge=0)
        periodic.set_cell([8, 8, 8])
        periodic.set_pbc(True)
        job(tmp_path, [water(charge=0), periodic], settings)
        results = finish(tmp_path)
        assert "for molecules" in results["refused"]["1"]
        assert "pyscf" in results["environment"]["versions"]
        (found,) = labelled(tmp_path)
        assert found.get_distance(0, 1) == pytest.approx(0.96, abs=0.02)
        assert found.get_angle(1, 0, 2) == pytest.approx(104, abs=3)
        assert found.info["charge_method"] == "meta-Löwdin (r2scan-d4/def2-svp)"
        assert labels_of(found)["charges"][0] < -0.2


def test_missing_dft_is_told_before_any_frame(tmp_path):
    job(tmp_path, [water()], {"calculator": "pyscf", "level_of_theory": "x"})
    (tmp_path / "pyscf.py").write_text("raise ImportError('No module named pyscf')")
    results = finish(tmp_path)
    assert results["kind"] == "ENGINE_MISSING"
    assert "'pyscf' cannot be imported (No module named pyscf)" in results["message"]
