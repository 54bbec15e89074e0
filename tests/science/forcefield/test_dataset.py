"""Labelled frames as the systems of a fit: grouped, split, and rejected where they cannot be used."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.dataset import fit_fingerprint, group_frames, split_systems
from tests.science.forcefield.labelled_systems import WATER, frames_of, label


def test_net_force_of_labels_is_taken_in_equal_shares(systems):
    noisy = replace(systems[0], forces=torch.ones_like(systems[0].forces))
    torch.testing.assert_close(noisy.net_forces, torch.full((3, 3), 16.0).double())
    assert noisy.without_net_force().forces.abs().max() < 1e-12


def test_split_has_each_frame_once_and_each_system_everywhere():
    frames = frames_of(WATER, 10, 1, "a") + frames_of(WATER, 5, 2, "b")
    parts = split_systems(frames, (60, 20, 20), np.random.default_rng(0))
    assert [len(part) for part in parts] == [6 + 3, 2 + 1, 2 + 1]
    assert sorted(id(frame) for part in parts for frame in part) == sorted(map(id, frames))
    again = split_systems(frames, (60, 20, 20), np.random.default_rng(0))
    assert [fit_fingerprint(part) for part in again] == [fit_fingerprint(part) for part in parts]
    with pytest.raises(InputError, match="b has 1 frames, too few for 3 parts"):
        split_systems(frames[:11], (60, 20, 20), np.random.default_rng(0))


def broken(change):
    frames = frames_of(WATER, 3, 1, "water")
    frames[2] = copy.deepcopy(frames[2])
    change(frames)
    return frames


def other_order(frames):
    frames[2] = frames[2][[1, 0, 2]]
    label(frames[2], np.zeros((3, 3)))


def torn(frames):
    frames[2].positions[2] *= 10.0 / np.linalg.norm(frames[2].positions[2] - frames[2].positions[0])
    label(frames[2], np.zeros((3, 3)))


def without_charges(frames):
    for frame in frames:
        del frame.arrays["dft_charge"], frame.info["total_charge"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frames: frames.clear(), "there are no frames; expected labelled frames"),
        (
            lambda frames: setattr(frames[2], "calc", None),
            r"frame 2 \(water\) has no forces; expected those of its label",
        ),
        (other_order, r"frame 2 \(water\) is H2O, in another order"),
        (lambda frames: frames[2].set_pbc(True), r"frame 2 \(water\) is periodic; expected an isolated cluster"),
        (lambda frames: frames[2].arrays.pop("dft_charge"), "some frames of water have charges and some have none"),
        (
            lambda frames: label(frames[2], np.full((3, 3), np.nan)),
            r"frame 2 \(water\) holds a value that is not finite",
        ),
        (torn, r"frame 2 of water is torn: bond O0–H2 is .* Å long; expected the bonds of its topology whole; drop it"),
        (without_charges, "water has neither a total charge nor charges"),
    ],
)
def test_frames_that_cannot_be_used_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        group_frames(broken(change))


def test_frames_that_smiles_do_not_describe_are_refused():
    with pytest.raises(InputError, match="frame is H2O; expected"):
        group_frames(frames_of(WATER, 1, 1, "water"), smiles={"water": "CO"})


def test_frames_of_one_cluster_stay_on_one_side():
    frames = frames_of(WATER, 12, 1, "a") + frames_of(WATER, 12, 2, "b")
    for number, frame in enumerate(frames):
        frame.info["origin"] = f"{frame.info['system']}-{number // 3}#{number % 3}"
    parts = split_systems(frames, (50, 25, 25), np.random.default_rng(0), by="cluster")
    clusters = [{frame.info["origin"].split("#")[0] for frame in part} for part in parts]
    assert [len(part) for part in parts] == [12, 6, 6]
    assert [len(each) for each in clusters] == [4, 2, 2]
    assert len(set.union(*clusters)) == 8
    assert sorted(id(frame) for part in parts for frame in part) == sorted(map(id, frames))
    few = split_systems(frames[:3], (50, 50), np.random.default_rng(0), by="cluster")
    assert [len(part) for part in few] == [3, 0]
    with pytest.raises(InputError, match="split by 'atom' is unknown"):
        split_systems(frames, (50, 50), np.random.default_rng(0), by="atom")


def test_charges_and_total_charge_of_our_labels_are_those_of_published_ones():
    """A frame of our labeller carries charges in its labels and the total as ``charge``; stoichiometry names it."""
    given = frames_of(WATER, 2, 1, "1 water")
    ours = []
    for frame in given:
        one = Atoms(frame.symbols, frame.positions, info={"stoichiometry": "1 water", "charge": 0})
        one.calc = SinglePointCalculator(one, forces=frame.get_forces(), charges=frame.arrays["dft_charge"])
        ours.append(one)
    assert fit_fingerprint(ours) == fit_fingerprint(given)
    (system,), (expected,) = group_frames(ours), group_frames(given)
    assert system.name == expected.name == "1 water"
    np.testing.assert_array_equal(system.charges, expected.charges)
    ours[0].info["charge"] = 2
    assert group_frames(ours)[0].topology.formal_charges.sum() == 2
