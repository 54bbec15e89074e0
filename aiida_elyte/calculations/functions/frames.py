"""calcfunctions on frames: seeds, batches, merging, selection, qualification."""

from typing import Any

import numpy as np
from aiida import orm

from aiida_elyte.calculations.uncached import uncached_calcfunction
from aiida_elyte.data.frames import FramesData
from aiida_elyte.plugins import configure, configure_all
from aiida_elyte.science.frames import round_frame
from aiida_elyte.science.learning.calibration import Calibration
from aiida_elyte.science.learning.choice import choose_frames
from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.kind import judge
from aiida_elyte.science.seeds.kind import make_seeds

__all__ = [
    "collect_refused",
    "cut_batch",
    "frame_structure",
    "make_seed_frames",
    "merge_frames",
    "qualify_frames",
    "select_frames",
]


@uncached_calcfunction
def frame_structure(structure: orm.StructureData) -> FramesData:
    """Return a structure as a set of one frame."""
    frame = round_frame(structure.get_ase())
    frame.info = {"origin": "structure#0"}
    return FramesData([frame])


@uncached_calcfunction
def make_seed_frames(start: FramesData, settings: orm.Dict) -> FramesData:
    """Return the seeds of a structure, kind by kind in the order of their names; ``settings`` are under these names."""
    structure = start.get_frames()[0]
    kinds = configure_all("seeds", settings.get_dict(), "seeds")
    return FramesData([seed for name, kind in kinds.items() for seed in make_seeds(name, kind, structure)])


@uncached_calcfunction
def cut_batch(frames: FramesData, first: orm.Int, last: orm.Int) -> FramesData:
    """Return frames ``first`` to ``last - 1``."""
    return FramesData(frames.get_frames()[first.value : last.value])


@uncached_calcfunction
def merge_frames(**sets: FramesData) -> FramesData:
    """Return the frames of several sets, in the order of their names."""
    return FramesData([frame for _, node in sorted(sets.items()) for frame in node.get_frames()])


@uncached_calcfunction
def collect_refused(**batches: orm.Dict) -> orm.Dict:
    """Return the reasons of all batches by the frames' indices in the whole set; batch ``b000040`` starts at frame 40.

    ``"7-2"`` is the second geometry that heat made of frame 7.
    """
    refused: dict[str, Any] = {}
    for name, results in sorted(batches.items()):
        for index, reason in results.get_dict().get("refused", {}).items():
            frame, *rest = index.split("-")
            refused["-".join([str(int(name[1:]) + int(frame)), *rest])] = reason
    return orm.Dict(refused)


@uncached_calcfunction
def select_frames(
    sampled: FramesData,
    dataset: FramesData,
    start: FramesData,
    settings: orm.Dict,
    calibration: orm.Dict | None = None,
    **others: FramesData,
) -> dict[str, Any]:
    """Filter sampled frames and ``others``, select those to label; record what was decided on each and why.

    Only the frames of dynamics, ``sampled``, say what the ensemble knows of them: ``judged`` counts them alone.
    """
    choices = settings.get_dict()
    sets = {"sampled": sampled, **dict(sorted(others.items()))}
    frames = [frame for node in sets.values() for frame in node.get_frames()]
    choice = choose_frames(
        frames,
        dataset.get_frames(),
        start.get_frames()[0],
        configure_all("filters", choices["filters"], "filters"),
        configure("selectors", choices["selector"], choices["selection"], "selection"),
        choices["n_select"],
        np.random.default_rng(choices["seed"]),
        choices["selector"],
        None if calibration is None else Calibration.from_dict(calibration.get_dict()),
    )
    record = choice.as_dict() | {
        "sets": {name: len(node) for name, node in sets.items()},
        "judged": choice.count(len(sampled)),
    }
    chosen = {"frames": FramesData([frames[index] for index in choice.selected])} if choice.selected else {}
    return {"record": orm.Dict(record), **chosen}


@uncached_calcfunction
def qualify_frames(sampled: FramesData, dataset: FramesData, settings: orm.Dict) -> orm.Dict:
    """Return the finding of each test of qualification on sampled frames; ``settings`` are under the tests' names.

    The finding of a test that fails is not known, with the reason.
    """
    evidence = Evidence(sampled.get_frames(), dataset.get_frames())
    tests = configure_all("qualifications", settings.get_dict(), "qualification")
    return orm.Dict({name: judge(name, test, evidence) for name, test in tests.items()})
