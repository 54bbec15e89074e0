"""The command in a profile of its own: in this process where none is opened, in a child where one is."""

import numpy as np
import pytest
from ase.build import bulk

from aiida_elyte.science.frames import attach_labels, write_frames
from tests.cli.commandline import one_line, run_in_process


@pytest.fixture
def refuse():
    """Return a function that runs a command expected to be refused, and gives its one line."""

    def run(*words):
        result = run_in_process(*words)
        return one_line(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture(scope="session")
def crystal():
    """Rock salt."""
    return bulk("LiCl", "rocksalt", a=5.13, cubic=True)


@pytest.fixture(scope="session")
def cif(tmp_path_factory, crystal):
    path = tmp_path_factory.mktemp("cif") / "licl.cif"
    crystal.write(path)
    return path


@pytest.fixture
def frames_file(tmp_path, crystal):
    """Return a function that writes frames and gives their path."""

    def write(name="frames.extxyz", count=4, level="toy", labelled=True, symbols=None):
        rng = np.random.default_rng(0)
        frames = []
        for index in range(count):
            frame = crystal.copy()
            if symbols:
                frame.symbols[:] = symbols
            frame.rattle(0.05, seed=index)
            frame.info = {"origin": f"{name}-{index // 2}#{index}"}
            if labelled:
                attach_labels(frame, energy=-1.0 * index, forces=rng.normal(size=(len(frame), 3)))
                if level:
                    frame.info["level_of_theory"] = level
            frames.append(frame)
        path = tmp_path / name
        write_frames(frames, path)
        return path

    return write
