"""calcfunctions on frames: seeds, batches, merging, selection."""

from typing import Any

import numpy as np
from aiida import orm

from aiida_elyte.calculations.uncached import uncached_calcfunction
from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.frames import labels_of, round_frame
from aiida_elyte.science.learning.filters import filter_frames
from aiida_elyte.science.seeds.perturb import make_seeds

__all__ = ["collect_refused", "cut_batch", "frame_structure", "make_seed_frames", "merge_frames", "select_frames"]


@uncached_calcfunction
def frame_structure(structure: orm.StructureData) -> FramesData:
    """Return a structure as a set of one frame."""
    frame = round_frame(structure.get_ase())
    frame.info = {"origin": "structure#0"}
    return FramesData([frame])


@uncached_calcfunction
def make_seed_frames(start: FramesData, settings: orm.Dict) -> FramesData:
    """Return the perturbed seeds of a structure; ``settings['seed']`` seeds the randomness."""
    choices = settings.get_dict()
    rng = np.random.default_rng(choices.pop("seed"))
    return FramesData(make_seeds(start.get_frames()[0], choices, rng))


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
    """Return all refusals under the frames' indices in the whole set; batch ``b000040`` starts at frame 40.

    ``"7-2"`` is the second geometry that heat made of frame 7.
    """
    refused: dict[str, Any] = {}
    for name, results in sorted(batches.items()):
        for index, reason in results.get_dict().get("refused", {}).items():
            frame, *rest = index.split("-")
            refused["-".join([str(int(name[1:]) + int(frame)), *rest])] = reason
    return orm.Dict(refused)


@uncached_calcfunction
def select_frames(sampled: FramesData, dataset: FramesData, start: FramesData, settings: orm.Dict) -> dict[str, Any]:
    """Filter sampled frames, rank them by committee spread, take a diverse subset; tell what was refused and why."""
    from aiida_elyte.plugins import load

    choices = settings.get_dict()
    frames = sampled.get_frames()
    known, reference = dataset.get_frames(), start.get_frames()[0]
    # The crystal's own energy is unknown; the mean of the labelled frames stands for it where energies are filtered.
    mean = np.mean([labels_of(frame)["energy"] / len(frame) for frame in known])
    reference.info["potential_energy_eV"] = float(mean * len(reference))
    kept, refused = filter_frames(frames, reference, choices["filters"])
    refused |= {
        i: f"no committee spread: {frames[i].info.get('stop', 'one member')}"
        for i in kept
        if "spread_max_eV_A" not in frames[i].info
    }
    kept = [i for i in kept if i not in refused]
    spreads = np.array([frames[index].info["spread_max_eV_A"] for index in kept])
    select = load("selectors", choices["selector"])
    rng = np.random.default_rng(choices["seed"])
    chosen = select([frames[i] for i in kept], spreads, choices["n_select"], rng, known=known, **choices["selection"])
    threshold = choices["selection"]["threshold_eV_A"]
    record = {
        "n_sampled": len(frames),
        "refused": {str(index): reason for index, reason in refused.items()},
        "spreads_eV_A": np.round(spreads, 5).tolist(),
        "n_uncertain": int((spreads > threshold).sum()),
        "selected": [int(kept[index]) for index in chosen],
    }
    nodes: dict[str, Any] = {"record": orm.Dict(record)}
    if len(chosen):
        nodes["frames"] = FramesData([frames[kept[index]] for index in chosen])
    return nodes
