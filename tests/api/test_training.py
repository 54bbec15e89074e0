"""Training from the library: what is rejected before anything runs, and how members share the time."""

from types import SimpleNamespace

import pytest
from aiida import orm

from aiida_elyte.api.training import TrainedEnsemble, minutes_per_member, train
from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_labels
from tests.salt import rattled_salt


@pytest.fixture
def frames():
    return [attach_labels(frame, energy=-1.0, forces=frame.positions) for frame in rattled_salt(6)]


def test_members_that_train_one_after_the_other_share_the_time():
    assert minutes_per_member(40, 4, 2) == pytest.approx(20, abs=0.5)
    assert minutes_per_member(40, 4, 4) == pytest.approx(40, abs=0.5)
    with pytest.raises(InputError, match="expected more than"):
        minutes_per_member(0.5, 4, 2)
    with pytest.raises(InputError, match="`max_minutes` leaves 0 s for 2 trainings"):
        minutes_per_member(-0.03, 4, 2)


def test_what_is_asked_for_reaches_the_builder(frames, aiida_profile_clean, python_code):
    builders, told = [], []

    def run(builder):
        builders.append(builder)
        return SimpleNamespace(outputs={}, is_finished_ok=True)

    train(
        frames[:2],
        frames[2:5],
        members=3,
        seed=7,
        max_in_flight=2,
        validation=frames[5:],
        code=python_code.full_label,
        overrides={"train": {"settings": {"max_epochs": 5}}},
        run=run,
        progress=told.append,
    )
    (builder,) = builders
    assert builder.n_members == orm.Int(3)
    settings = builder.train["settings"].get_dict()
    assert (settings["seed"], settings["max_epochs"]) == (7, 5)
    assert len(builder.dataset) == 5
    assert builder.dataset.creator.process_label == "merge_frames"
    assert len(builder.validation) == 1
    assert told == ["Training 3 members on 5 frames, 2 side by side"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"members": 0}, "members is 0; expected a positive number"),
        ({"max_in_flight": 0}, "max_in_flight is 0"),
        ({"max_minutes": -1}, "max_minutes is -1"),
        ({"code": "python@moon"}, "code 'python@moon' is unknown"),
    ],
)
def test_settings_that_cannot_be_are_rejected(frames, aiida_profile_clean, options, said):
    with pytest.raises(InputError, match=said):
        train(frames, **options)


def test_frames_that_cannot_be_trained_on_are_rejected(frames, aiida_profile_clean):
    frames[1].calc = None
    with pytest.raises(InputError, match="frame 1 has no energy and no forces"):
        train(frames)
    with pytest.raises(InputError, match="no frames are given"):
        train()


def test_members_of_another_training_stay_until_the_new_ones_are_written(tmp_path, monkeypatch):
    def broken(mode):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(TrainedEnsemble, "describe", lambda self: {})
    (tmp_path / "m00.pt").write_bytes(b"old")
    (tmp_path / "m07.pt").write_bytes(b"old")
    with pytest.raises(OSError, match="Input/output error"):
        TrainedEnsemble(None, {"m00": SimpleNamespace(get_content=broken)}, 1.0).save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"m00.pt": b"old", "m07.pt": b"old"}
    TrainedEnsemble(None, {"m00": SimpleNamespace(get_content=lambda mode: b"new")}, 1.0).save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"m00.pt", "summary.json"}
    assert (tmp_path / "m00.pt").read_bytes() == b"new"


def test_names_of_labels_are_rejected_where_no_file_is_read(frames, aiida_profile_clean):
    with pytest.raises(InputError, match="`labels` is given beside frames"):
        train(frames[:3], frames[3:], labels="energy=E,forces=F")
