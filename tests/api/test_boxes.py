"""Boxes from the library: planned before anything is built, the same when built again."""

import numpy as np
import pytest
from ase.io import write

from aiida_elyte.api.boxes import build_box, plan_box
from aiida_elyte.errors import InputError

PEO = {"name": "peo", "polymer": {"unit": "*CCO*", "n_units": 10}, "n_atoms": 200}


def test_the_box_of_a_second_call_is_that_of_the_first(tmp_path):
    first, second = (build_box(PEO, folder=tmp_path, density_g_cm3=0.1) for _ in range(2))
    np.testing.assert_array_equal(first.box.positions, second.box.positions)
    np.testing.assert_array_equal(first.box.cell, second.box.cell)
    assert first.box.topology.elements == second.box.topology.elements
    assert len(first.atoms) == first.plan.amounts.n_atoms
    assert first.runs == ()
    assert first.equilibration is None


def test_density_is_the_one_asked_for(tmp_path):
    atoms = build_box(PEO, folder=tmp_path, density_g_cm3=0.1).atoms
    grams = atoms.get_masses().sum() * 1.66053907e-24
    assert grams / (atoms.get_volume() * 1e-24) == pytest.approx(0.1, rel=1e-3)


def test_a_folder_with_another_box_is_rejected(tmp_path):
    build_box(PEO, folder=tmp_path, density_g_cm3=0.1)
    with pytest.raises(InputError, match="holds the box of another recipe"):
        build_box({**PEO, "seed": 1}, folder=tmp_path, density_g_cm3=0.1)


@pytest.mark.parametrize("content", [b"", b'{"recipe": {', b"\xff\xfe\x00", b"[]"])
def test_a_broken_record_is_said_and_kept(tmp_path, content):
    build_box(PEO, folder=tmp_path, density_g_cm3=0.1)
    (tmp_path / "box.json").write_bytes(content)
    with pytest.raises(InputError, match=r"box\.json cannot be read|holds the box of another recipe") as caught:
        build_box(PEO, folder=tmp_path, density_g_cm3=0.1)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "box.json").read_bytes() == content


def test_a_box_with_other_atoms_than_its_record_is_rejected(tmp_path):
    atoms = build_box(PEO, folder=tmp_path, density_g_cm3=0.1).atoms
    for wrong in (atoms[1:], [atoms, atoms]):
        write(tmp_path / "box.extxyz", wrong, format="extxyz")
        with pytest.raises(InputError, match="has other atoms than its recipe"):
            build_box(PEO, folder=tmp_path, density_g_cm3=0.1)


@pytest.mark.parametrize("scale", [-1, 0, 1e300, "half"])
def test_a_scale_of_charges_that_none_is_is_rejected(scale):
    with pytest.raises(InputError, match=r"charge_scale is .*; expected a positive number from 0\.01 to 10"):
        plan_box({**PEO, "charge_scale": scale})


def test_a_file_as_folder_is_rejected(tmp_path):
    (tmp_path / "text.txt").write_text("mine")
    with pytest.raises(InputError, match="cannot be written"):
        build_box(PEO, folder=tmp_path / "text.txt")


def test_stages_last_as_long_as_the_protocol_and_its_changes_say():
    plan = plan_box(PEO, protocol="fast", changes={"settling_ps": 12})
    assert plan.stages[-1].n_steps * plan.stages[-1].timestep_fs == pytest.approx(12000)
    assert len(plan.schedule) == 1 + len(plan.stages)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"until": "pushed"}, "until is 'pushed'; expected one of loose, push_off, compressed"),
        ({"until": "push_off"}, "needs a force field"),
        ({"protocol": "fats"}, "protocol is 'fats'.*did you mean fast"),
        ({"changes": {"loose": 3}}, "names no setting"),
        ({"density_g_cm3": 0}, "density_g_cm3 is 0; expected a positive number"),
        ({"density_g_cm3": 1e-300}, "density_g_cm3 is 1e-300"),
        ({"force_field": "nowhere"}, "expected what `forcefield fit` wrote"),
    ],
)
def test_plans_that_cannot_be_are_rejected(options, said):
    with pytest.raises(InputError, match=said):
        plan_box(PEO, **options)
