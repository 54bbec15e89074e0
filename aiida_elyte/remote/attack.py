"""Adversarial attack on an ensemble: frames displaced until its members disagree, as far as the temperature allows.

In:  ``settings.json`` (see ``science/learning/attack_settings.py``; ``families`` names the family of each member, see
     ``Family.reference``), ``start.extxyz``, one potential a member (``m00.pt``, ``m01.pt`` …), and, if there are any,
     the labelled frames ``dataset.extxyz``: attacks start from those of the composition of the start, drawn by their
     probability, which their energies scale.
Out: ``sampled.extxyz`` (the frame at the end of each attack that gained), ``results.json`` (with why others were
     dropped).

Attacks run in batches; what a batch gave is on disk before the next begins, and a job that was killed goes on there.
"""

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import CHECKPOINT, Checkpoint, Job, Pace, execute
from aiida_elyte.science.dynamics.growing_file import GrowingFile
from aiida_elyte.science.frames import read_frames, write_frames
from aiida_elyte.science.learning.attack import (
    Attempt,
    EnergyScale,
    Outcome,
    attack,
    draw_starts,
    energy_scale,
    of_composition,
)
from aiida_elyte.science.learning.attack_settings import AttackSettings, read_attack_settings
from aiida_elyte.science.potentials.device import choose_device
from aiida_elyte.science.potentials.family import Family, resolve_family
from aiida_elyte.science.potentials.memory import keep_freed_memory
from aiida_elyte.science.potentials.potential import Potential

SAMPLED = "sampled.extxyz"
START = "start.extxyz"
DATASET = "dataset.extxyz"

_MOST_KNOWN = 200
"""Labelled frames that make the scale of energies; of more, so many are drawn evenly."""


def run(job: Job) -> dict[str, Any]:
    """Run the program."""
    keep_freed_memory()
    given = dict(job.settings)
    families = {name: resolve_family(reference) for name, reference in given.pop("families", {}).items()}
    settings = read_attack_settings(given)
    members = load_members(job.folder, settings, families)
    engines = {family.name: family.versions() for family in families.values()}
    return {**attack_all(job, settings, list(members.values())), "families": engines}


def load_members(folder: Path, settings: AttackSettings, families: Mapping[str, Family]) -> dict[str, Potential]:
    """Load the potentials that lie in the folder, each by its family."""
    unnamed = sorted({path.stem for path in folder.glob("*.pt")} - set(families))
    if unnamed:
        raise InputError(f"families lacks {unnamed}; expected the family of each potential, as package.module:Class")
    device = choose_device(settings.device)
    dtype = getattr(torch, settings.dtype) if settings.dtype is not None else None
    return {
        name: family.load((folder / f"{name}.pt").read_bytes(), device, dtype)
        for name, family in sorted(families.items())
    }


def attack_all(job: Job, settings: AttackSettings, members: Sequence[Potential]) -> dict[str, Any]:
    """Attack from the frames of all replicas, or go on with those that are left.

    Raises
    ------
    ProgramFailure
        ``OUT_OF_WALLTIME`` with a checkpoint left, or ``NO_FRAME`` if no attack gained.
    """
    starts = read_frames(job.folder / START)
    for member in members:
        member.require_elements(np.unique(np.concatenate([frame.numbers for frame in starts])))
    frames = _known_frames(job.folder / DATASET, starts) or starts
    scale, log_probabilities = _scale(members, frames, settings)
    attempts = list(_attempts(settings, frames, log_probabilities))

    checkpoint = Checkpoint(job.folder / CHECKPOINT, _identity(job.folder, settings))
    saved = checkpoint.load()
    none: dict[str, Any] = {"n_done": 0, "n_bytes": 0, "n_frames": 0, "dropped": {}, "gains": []}
    state: dict[str, Any] = none if saved is None else saved.state
    sampled = GrowingFile(job.folder / SAMPLED, state["n_bytes"])
    first = state["n_done"]

    def results() -> dict[str, Any]:
        return {
            "n_attacks": len(attempts),
            "n_frames": state["n_frames"],
            "dropped": state["dropped"],
            "spread_gain_median": float(np.median(state["gains"])) if state["gains"] else None,
            "resumed_from_attack": None if saved is None else first,
            "device": str(members[0].device),
        }

    pace = Pace(job, reserve=1.5)
    for begin in range(first, len(attempts), settings.batch_size):
        if pace.lap(attack=begin, n_attacks=len(attempts)):
            message = f"wall time reached after {begin} of {len(attempts)} attacks"
            raise ProgramFailure("OUT_OF_WALLTIME", message, **results())
        outcomes = attack(members, attempts[begin : begin + settings.batch_size], scale, settings)
        _note(outcomes, state, sampled)
        checkpoint.save(state)
    if not state["n_frames"]:
        reason = next(iter(state["dropped"].values()))
        raise ProgramFailure("NO_FRAME", f"all {len(attempts)} were dropped, the first because: {reason}", **results())
    return results()


def _known_frames(path: Path, starts: Sequence[Atoms]) -> list[Atoms]:
    """Return the labelled frames of the composition of the starts, of many an even choice; none without a file."""
    frames = of_composition(starts, read_frames(path)) if path.exists() else []
    if len(frames) <= _MOST_KNOWN:
        return frames
    return [frames[index] for index in np.linspace(0, len(frames) - 1, _MOST_KNOWN).round().astype(int).tolist()]


def _scale(
    members: Sequence[Potential], frames: Sequence[Atoms], settings: AttackSettings
) -> tuple[EnergyScale, list[float]]:
    """Return the scale that the members' energies of frames give, and ln p of each frame."""
    energies = []
    for begin in range(0, len(frames), settings.batch_size):
        batch = frames[begin : begin + settings.batch_size]
        energies.append(torch.stack([member.predict(batch).energy.cpu() for member in members]).mean(0))
    found = torch.cat(energies)
    scale = energy_scale(frames, found.tolist(), settings.temperature_K)
    logs = [float(scale.log_probability(scale.per_atom(frame, one))) for frame, one in zip(frames, found, strict=True)]
    return scale, logs


def _attempts(
    settings: AttackSettings, frames: Sequence[Atoms], log_probabilities: Sequence[float]
) -> Iterator[Attempt]:
    """Yield the attacks of each replica, each with a seed of its own."""
    for number, replica in enumerate(settings.replicas):
        drawn = draw_starts(frames, log_probabilities, settings.frames_per_replica, replica.seed)
        seeds = np.random.SeedSequence(replica.seed).generate_state(len(drawn)).tolist()
        for place, (frame, seed) in enumerate(zip(drawn, seeds, strict=True)):
            yield Attempt(f"r{number}a{place}", frame, seed)


def _identity(folder: Path, settings: AttackSettings) -> dict[str, Any]:
    """Return what a continued run must share with the first one."""
    files = sorted([folder / START, *folder.glob(DATASET), *folder.glob("*.pt")])
    chosen = {key: value for key, value in asdict(settings).items() if key != "device"}
    return {**chosen, "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}}


def _note(outcomes: Sequence[Outcome], state: dict[str, Any], sampled: GrowingFile) -> None:
    """Write the frames of a batch, and note why others were dropped."""
    for outcome in outcomes:
        if outcome.frame is None:
            state["dropped"][outcome.attempt.name] = outcome.reason
            continue
        sampled.write(write_frames([outcome.frame]))
        state["gains"].append(outcome.frame.info["spread_gain"])
    state["n_done"] += len(outcomes)
    state["n_frames"] = len(state["gains"])
    state["n_bytes"] = sampled.save()


def main(path: str | Path) -> int:
    """Run the program on ``settings.json``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
