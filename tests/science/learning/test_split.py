"""A split keeps frames of one trajectory on one side, or says that it does not."""

import numpy as np
import pytest
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_labels
from aiida_elyte.science.learning.split import split_frames


def frames_of(**blocks: int) -> list[Atoms]:
    return [Atoms("Li", info={"origin": f"{block}#{i}"}) for block, count in blocks.items() for i in range(count)]


def split(frames, fraction=0.1, seed=0, **kwargs):
    return split_frames(frames, fraction, np.random.default_rng(seed), **kwargs)


@pytest.mark.parametrize("seed", range(5))
def test_whole_blocks_are_set_aside(seed):
    frames = frames_of(**{f"b{index}": 7 for index in range(20)})
    found = split(frames, seed=seed)
    blocks = {
        side: {frames[i].info["origin"].split("#")[0] for i in getattr(found, side)} for side in ("train", "validation")
    }
    assert found.by == "block"
    assert not blocks["train"] & blocks["validation"]
    assert sorted([*found.train, *found.validation]) == list(range(140))
    assert len(found.validation) % 7 == 0
    assert len(found.validation) >= 7
    assert found.warnings == []


def test_few_blocks_are_cut_into_segments_with_a_warning():
    frames = frames_of(a=100, b=60, c=40)
    found = split(frames)
    assert found.by == "segment"
    assert found.blocks == {"a": 10, "b": 6, "c": 4}
    for start, stop in ((0, 100), (100, 160), (160, 200)):
        inside = found.validation[(found.validation >= start) & (found.validation < stop)]
        assert (np.diff(inside) == 1).all()
    assert "flatter" in found.warnings[0]


def test_large_blocks_are_passed_over():
    found = split(frames_of(large=900, **{f"s{index}": 10 for index in range(30)}))
    assert found.by == "block"
    assert "large" not in found.blocks


def test_frames_without_origin_are_one_block_each_only_when_each_stands_alone():
    one_block = [Atoms("Li", info={"origin": "md#0"}) for _ in range(50)]
    assert split(one_block).by == "segment"
    assert split([Atoms("Li") for _ in range(50)]).by == "block"


def test_shuffled_frames_are_warned_of():
    found = split(frames_of(a=50, b=50), by="frame")
    assert len(found.validation) == 10
    assert "flatter" in found.warnings[0]


def test_given_split_is_kept():
    frames = frames_of(a=10)
    for index, frame in enumerate(frames):
        frame.info["split"] = "validation" if index in (2, 5) else "train"
    found = split(frames)
    assert found.by == "given"
    assert found.validation.tolist() == [2, 5]


def test_seed_decides():
    frames = frames_of(**{f"b{index}": 1 for index in range(200)})
    assert (split(frames, seed=1).validation == split(frames, seed=1).validation).all()
    assert set(split(frames, seed=1).validation) != set(split(frames, seed=2).validation)


def test_two_frames_make_one_each():
    found = split(frames_of(a=2))
    assert (len(found.train), len(found.validation)) == (1, 1)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_fraction_outside_is_refused(fraction):
    with pytest.raises(InputError, match="between 0 and 1"):
        split(frames_of(a=10), fraction)


def test_bad_requests_are_refused():
    with pytest.raises(InputError, match="'random' is unknown"):
        split(frames_of(a=10), by="random")
    with pytest.raises(InputError, match="holds 1 frame"):
        split(frames_of(a=1))


@pytest.mark.parametrize("seed", range(20))
def test_frames_trained_on_never_validate_when_blocks_join(seed):
    frames = []
    trained = set()
    for index in range(40):
        frames += frames_of(**{f"b{index}": 3})
        if index < 8:
            continue
        found = split(frames, fraction=0.2, seed=seed)
        assert not trained & set(found.validation)
        trained |= set(found.train)


def test_share_set_aside_is_the_one_wanted_on_average():
    frames = frames_of(**{f"b{index}": 2 for index in range(400)})
    shares = [len(split(frames, fraction=0.2, seed=seed).validation) / 800 for seed in range(20)]
    assert np.mean(shares) == pytest.approx(0.2, abs=0.02)


def labelled(block: str, largest: list[float]) -> list[Atoms]:
    """Frames of a block with the largest force of each."""
    frames = frames_of(**{block: len(largest)})
    return [
        attach_labels(frame, energy=0.0, forces=np.array([[force, 0.0, 0.0]] * len(frame)))
        for frame, force in zip(frames, largest, strict=True)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_blocks_of_colliding_atoms_train(seed):
    ordinary = [frame for name in "abcd" for frame in labelled(name, [2.0, 12.0, 3.0])]
    colliding = [frame for name in "wxyz" for frame in labelled(name, [4.0, 40.0])]
    found = split([*ordinary, *colliding], fraction=0.2, seed=seed, largest_force_eV_A=10.0)
    assert len(found.validation)
    assert set(found.validation) < set(range(len(ordinary)))


def test_colliding_atoms_validate_where_there_is_nothing_else():
    found = split([frame for name in "wxyz" for frame in labelled(name, [40.0])], largest_force_eV_A=10.0)
    assert len(found.validation) == 1
