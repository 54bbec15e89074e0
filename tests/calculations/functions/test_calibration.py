"""What a round of labels says of the committee, and what the next one buys by it."""

import numpy as np
import pytest
from aiida import orm
from ase.build import bulk

from aiida_elyte.calculations.functions.calibration import calibrate
from aiida_elyte.calculations.functions.frames import select_frames
from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.frames import attach_committee, attach_labels, drop_committee

CHOICES = {"selector": "calibrated", "selection": {"tolerance_eV_A": 0.3}, "filters": {}, "n_select": 3, "seed": 1}


@pytest.fixture(autouse=True)
def profile(aiida_profile_clean):
    return aiida_profile_clean


def salt(seed):
    frame = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    frame.positions += np.random.default_rng(seed).normal(0, 0.1, frame.positions.shape)
    frame.info["origin"] = f"salt#{seed}"
    return frame


def sample(n, first=0, has_committee=True):
    """Frames with spreads of 0.1 eV/Å on the average."""
    frames = [salt(seed) for seed in range(first, first + n)]
    for seed, frame in enumerate(frames, start=first):
        spread = np.random.default_rng(seed).uniform(0.02, 0.18, 8)
        frame.info["spread_max_eV_A"] = float(spread.max())
        if has_committee:
            attach_committee(frame, np.zeros((8, 3)), spread)
    return frames


def label(frame, factor):
    """Labels that differ from the committee by a factor times the spread, each in a direction of its own."""
    directions = np.random.default_rng(frame.numbers.size).normal(size=(8, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    forces = factor * frame.arrays["forces_spread_eV_A"][:, None] * directions
    return attach_labels(drop_committee(frame.copy()), energy=-8.0, forces=forces)


def test_labels_of_two_rounds_calibrate_what_the_third_buys():
    known = FramesData([attach_labels(salt(99), energy=-8.0, forces=np.zeros((8, 3)))])
    sampled = sample(10)
    first = calibrate(
        FramesData([label(frame, 4.0) for frame in sampled[:6]]), FramesData(sampled), known, orm.Dict({})
    )
    found = first["calibration"].get_dict()
    assert (found["n_frames"], found["n_atoms"], found["reliability"]) == (6, 48, [])
    assert found["factor"] == pytest.approx(4.0, rel=1e-3)
    again = sample(5, first=20)
    second = calibrate(
        FramesData([label(frame, 8.0) for frame in again]),
        FramesData(again),
        known,
        orm.Dict({"rounds": 2}),
        first["observations"],
        first["calibration"],
    )
    found = second["calibration"].get_dict()
    assert found["n_frames"] == 11
    assert 4.0 < found["factor"] < 8.0
    assert [one["observed"] for one in found["reliability"]] == [0.0] * 4  # twice as wrong as the round before
    sets = FramesData(sample(4, first=40)), known, FramesData([salt(98)])
    calibrated = select_frames(*sets, orm.Dict(CHOICES), second["calibration"])
    bare = select_frames(*sets, orm.Dict(CHOICES))
    # errors of 0.3 to 0.6 eV/Å are expected of a factor of 6, and 0.2 of one of 2
    assert calibrated["record"]["n_uncertain"] == 4
    assert len(calibrated["frames"]) == 3
    assert calibrated["record"]["fallback"] is None
    ours, theirs = ([one["probability"] for one in chosen["record"]["decisions"]] for chosen in (calibrated, bare))
    assert min(ours) > max(theirs)
    assert bare["record"]["fallback"].startswith("no label of an earlier round has calibrated the spread")


def test_without_the_committee_on_each_atom_the_calibration_says_what_it_falls_back_to():
    known = FramesData([attach_labels(salt(99), energy=-8.0, forces=np.zeros((8, 3)))])
    sampled = sample(6)
    labelled = FramesData([label(frame, 4.0) for frame in sampled])
    found = calibrate(labelled, FramesData(sample(6, has_committee=False)), known, orm.Dict({}))
    assert found["calibration"]["fallback"].startswith("0 labelled frames have a committee spread")
    later = calibrate(labelled, FramesData(sampled), known, orm.Dict({}), found["observations"], found["calibration"])
    assert later["calibration"]["n_frames"] == 6
    assert len(later["calibration"]["reliability"]) == 4


@pytest.mark.parametrize("selector", ["random", "novelty", "spread"])
def test_one_word_chooses_another_selector(selector):
    settings = {**CHOICES, "selector": selector, "selection": {"threshold_eV_A": 0.05} if selector == "spread" else {}}
    known = FramesData([attach_labels(salt(99), energy=-8.0, forces=np.zeros((8, 3)))])
    found = select_frames(FramesData(sample(5)), known, FramesData([salt(98)]), orm.Dict(settings))
    assert len(found["frames"]) > 0
    assert {one["probability"] for one in found["record"]["decisions"]} == {None}
