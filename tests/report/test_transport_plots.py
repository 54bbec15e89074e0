"""Pictures of an analysis, as files."""

import pytest

import aiida_elyte as elyte
from aiida_elyte.errors import InputError
from aiida_elyte.report import style
from tests.trajectories import INTERVAL_FS, write_solid


@pytest.fixture(scope="module")
def analysis(tmp_path_factory):
    path = write_solid(tmp_path_factory.mktemp("solid") / "solid.extxyz", n_frames=100)
    return elyte.analyse(path, {"Li": 1}, 600.0, timestep_fs=INTERVAL_FS)


def test_pictures_replace_those_of_an_earlier_analysis_and_nothing_else(analysis, tmp_path):
    folder = tmp_path / "new"
    elyte.plot_transport(analysis, folder)
    for name in ("onsager.png", "mine.png"):
        (folder / name).write_text("")
    assert set(elyte.plot_transport(analysis, folder)) == {folder / "msd.png", folder / "spectrum.png"}
    assert {path.name for path in folder.iterdir()} == {"msd.png", "spectrum.png", "mine.png"}


def test_a_missing_matplotlib_is_named(analysis, tmp_path, monkeypatch):
    monkeypatch.setattr(style, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"matplotlib is not installed; .* pip install 'aiida-elyte\[report\]'"):
        elyte.plot_transport(analysis, tmp_path)
    assert list(tmp_path.iterdir()) == []
