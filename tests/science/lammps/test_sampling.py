import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.boxes import box_recipe, count_molecules
from aiida_elyte.science.electrolyte.recipe import read_recipe
from aiida_elyte.science.lammps.sampling import box_run, cluster_commands, read_samples
from aiida_elyte.science.lammps.stages import last_steps


def test_the_wall_lets_no_atom_feel_it_at_the_start():
    positions = np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [1.0, 3.0, 0.0]])
    text = cluster_commands(positions, temperature_K=400.0, n_steps=100, stride=10, seed=7, dump="d")
    words = next(line for line in text.splitlines() if line.startswith("region")).split()
    centre, radius = np.array(words[3:6], float), float(words[6])
    reach = float(next(line for line in text.splitlines() if "wall/region" in line).split()[-1])
    assert (np.linalg.norm(positions - centre, axis=1) < radius - reach).all()


def test_seeds_are_positive_whatever_is_given():
    for seed in (0, 2**31 - 2, 2**40):
        text = cluster_commands(np.zeros((2, 3)), temperature_K=400.0, n_steps=10, stride=5, seed=seed, dump="d")
        given = int(next(line for line in text.splitlines() if line.startswith("velocity")).split()[4])
        assert 0 < given < 2**31


def test_a_run_without_a_frame_is_refused():
    with pytest.raises(InputError, match="stride is 20 of 10 steps"):
        cluster_commands(np.zeros((2, 3)), temperature_K=400.0, n_steps=10, stride=20, seed=1, dump="d")
    with pytest.raises(InputError, match="temperature_K"):
        cluster_commands(np.zeros((2, 3)), temperature_K=-1.0, n_steps=10, stride=5, seed=1, dump="d")


def dump_of(steps, places):
    """Return a dump of two atoms as ``dump custom id xu yu zu`` writes it."""
    text = ""
    for step, place in zip(steps, places, strict=True):
        text += f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS ss ss ss\n" + "-1.0 9.0\n" * 3
        text += f"ITEM: ATOMS id xu yu zu\n1 {place} 0.0 0.0\n2 1.0 2.0 3.0\n"
    return text


@pytest.mark.parametrize(("begin", "n_steps", "stride"), [(2500, 400, 150), (2400, 300, 150), (0, 400, 100), (7, 5, 9)])
def test_steps_of_samples_count_from_where_the_run_began(tmp_path, begin, n_steps, stride):
    dumped = [step for step in range(begin, begin + n_steps + 1) if step % stride == 0]
    (tmp_path / "d").write_text(dump_of(dumped, dumped))
    samples = list(read_samples(tmp_path / "d", n_steps, stride, begin))
    assert [step for step, _, _ in samples] == [step - begin for step in dumped if step > begin]
    for step, positions, cell in samples:
        np.testing.assert_array_equal(positions, [[begin + step + 1, 1, 1], [2, 3, 4]])  # from the corner of the cell
        np.testing.assert_array_equal(cell, 10 * np.eye(3))


def test_samples_end_before_a_frame_that_is_torn_or_not_finite(tmp_path):
    whole = dump_of([0, 10, 20, 30], [0.0, 0.1, 0.2, 0.3])
    (tmp_path / "torn").write_text(whole[:-30])
    assert [step for step, _, _ in read_samples(tmp_path / "torn", 30, 10)] == [10, 20]
    (tmp_path / "wild").write_text(whole.replace("1 0.2", "1 nan"))
    assert [step for step, _, _ in read_samples(tmp_path / "wild", 30, 10)] == [10]
    (tmp_path / "empty").write_text("")
    for name in ("empty", "absent"):
        assert list(read_samples(tmp_path / name, 30, 10)) == []


def test_a_small_box_holds_short_chains_and_one_of_each_molecule():
    recipe = read_recipe(
        {
            "name": "peo",
            "polymer": {"unit": "*CCO*", "n_units": 50, "head": "C*", "tail": "*C"},
            "salt": {"name": "LiTFSI", "ratio": 0.02},
            "n_atoms": 20000,
            "temperature_K": 350,
        }
    )
    small = box_recipe(recipe, n_atoms=100, n_units=6, seed=8)
    assert small.polymer.n_units == 6
    assert small.seed == 8
    # Half a cation, rounded up from 25 sites on: 4 chains of 52 atoms and one salt of 16.
    assert 100 < small.n_atoms <= 800
    assert count_molecules(small).molecules["[Li+]"] >= 1
    with pytest.raises(InputError, match=r"too few|no salt"):
        box_recipe(recipe, n_atoms=10, n_units=6, seed=8)


def test_a_small_box_is_sampled_last_at_the_volume_it_was_compressed_to():
    run = box_run(
        temperature_K=400.0,
        pressure_bar=3000.0,
        compress_steps=500,
        n_steps=300,
        stride=50,
        timestep_fs=0.5,
        cutoff_A=9.0,
        seed=4,
    )
    assert [stage.kind for stage in run.stages] == ["minimize", "push_off", "npt", "nvt"]
    assert [stage.is_production for stage in run.stages] == [False, False, False, True]
    assert run.stages[2].pressure_bar == (3000.0, 3000.0)
    assert last_steps(run.stages)[-2:] == (2500, 2800)
    assert {stage.timestep_fs for stage in run.stages if stage.kind != "minimize"} == {0.5}
