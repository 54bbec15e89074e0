"""Fit a class-2 force field to labelled clusters.

In: ``settings.json``, ``dataset.extxyz``, optional ``validation.extxyz``. Out: ``forcefield.json``; the best so far is
in ``checkpoint.npz`` after every step. Settings:

``seed``
    Of the bootstrap; members of an ensemble differ by it.
``bootstrap``
    Whether the blocks of training frames are drawn anew with replacement.
``split``
    ``by`` (``cluster`` or ``frame``), ``shares`` of training, validation and test, ``seed``. It does not depend on the
    seed of the fit: members of an ensemble are tested on the same frames. Frames that rounds of learning have sampled
    (with a ``member``) are trained on only, so that errors of one round and the next are of the same frames.
    With ``validation.extxyz`` the shares of
    validation are not used.
``fit``
    Keywords of ``fit_discrete``, e.g. ``terms``, ``charge_scale``, ``model_error``, ``n_steps``, ``depth``.
``smiles``
    SMILES of systems by name, where the first frame shall not tell the bonds.
``allow_mixed_levels``
    Whether labels of several levels of theory, or charges of several methods, are fitted together.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import CHECKPOINT, Checkpoint, Job, Pace, execute, write_atomically
from aiida_elyte.science.forcefield.dataset import LabelledSystem, fit_fingerprint, group_frames, split_systems
from aiida_elyte.science.forcefield.fit import FitStep, evaluate_forces, fit_discrete
from aiida_elyte.science.forcefield.fit_settings import FitKeywords, FitSettings, SplitSettings
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.frames import block_of, read_frames, require_labels
from aiida_elyte.science.labels.theory import require_one_level
from aiida_elyte.science.settings import read_record

__all__ = ["main"]

FORCE_FIELD = "forcefield.json"

_SIDES = ("train", "validation", "test")


def run(job: Job) -> dict[str, Any]:
    """Fit, going on from a checkpoint where there is one."""
    settings = _complete(job.settings)
    parts, data = _read(job.folder, settings)
    depth = settings["fit"].get("depth", FitKeywords.depth)
    systems = {side: group_frames(frames, depth=depth, smiles=settings["smiles"]) for side, frames in parts.items()}
    checkpoint = Checkpoint(job.folder / CHECKPOINT, {**data, **settings["fit"]})
    saved = checkpoint.load()
    curve: list[list[float | None]] = [] if saved is None else saved.state["curve"]
    start = None if saved is None else ForceField.from_json(saved.state["force_field"])
    n_before, pace = len(curve), Pace(job)
    pace.lap()

    def keep(step: FitStep) -> None:
        if n_before and step.number == 0:
            return  # the step from which this job goes on
        curve.append([step.train_rmse, step.validation_rmse])
        checkpoint.save({"curve": curve, "force_field": step.force_field.to_json()})
        job.report(step=len(curve) - 1, train=step.train_rmse, validation=step.validation_rmse, unit="kcal/mol/Å")
        if pace.lap():
            raise ProgramFailure(
                "OUT_OF_WALLTIME", f"wall time ended after step {len(curve) - 1}; go on from {CHECKPOINT}", curve=curve
            )

    keywords = FitKeywords(**settings["fit"])
    # Steps taken before count; at least one more is taken, which ends a fit that had converged.
    n_steps = max(1, keywords.n_steps - (n_before - 1)) if n_before else keywords.n_steps
    fitted = fit_discrete(
        systems["train"],
        systems.get("validation", ()),
        keywords,
        depth=keywords.depth,
        n_steps=n_steps,
        bootstrap=np.random.default_rng(settings["seed"]) if settings["bootstrap"] else None,
        start=start,
        on_step=keep,
    )
    fitted = replace(fitted, record={**fitted.record, "data": data})
    write_atomically(job.folder / FORCE_FIELD, fitted.to_json())
    found = fitted.record["errors"]
    return {
        "errors": {side: evaluate_forces(fitted, one) for side, one in systems.items()},
        "undetermined": found["undetermined"],
        "n_parameters": found["n_parameters"],
        "n_epochs": len(curve) - 1,
        "learning_curve": [{"train_rmse": train, "validation_rmse": validation} for train, validation in curve],
        "steps_run_in_this_job": len(curve) - max(1, n_before),
        "split": data["split"],
        "training_hash": data["sha256"],
        "level_of_theory": data["level_of_theory"],
        "charge_methods": data["charge_methods"],
        "net_force_rms_kcal_mol_A": fitted.record["settings"]["net_force_rms_kcal_mol_A"],
        "warnings": _warnings(systems, found, data),
    }


def _complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with what they leave out; keywords of the fit stay as they are given."""
    settings = read_record(FitSettings, given, "settings")
    return {
        **vars(settings),
        "split": asdict(read_record(SplitSettings, settings.split, "split")),
        "fit": dict(settings.fit),
    }


def _read(folder: Path, settings: Mapping[str, Any]) -> tuple[dict[str, list[Atoms]], dict[str, Any]]:
    """Read and check the frames; return the parts that are not empty, and what to record of them."""
    frames = read_frames(folder / "dataset.extxyz")
    require_labels(frames, ("forces",), name="dataset.extxyz")
    shares = list(settings["split"]["shares"])
    given = folder / "validation.extxyz"
    held_back = read_frames(given) if given.exists() else []
    if held_back:
        require_labels(held_back, ("forces",), name="validation.extxyz")
        shares[1] = 0
    rng = np.random.default_rng(settings["split"]["seed"])
    sampled = [frame for frame in frames if "member" in frame.info]
    others = [frame for frame in frames if "member" not in frame.info]
    found = iter(split_systems(others, [share for share in shares if share], rng, settings["split"]["by"]))
    parts = {side: next(found) if share else [] for side, share in zip(_SIDES, shares, strict=True)}
    parts["train"] += sampled
    parts["validation"] = parts["validation"] or held_back
    parts = {side: part for side, part in parts.items() if part}
    everything = frames + held_back
    methods = sorted({str(frame.info.get("charge_method", "unstated")) for frame in everything})
    if settings["allow_mixed_levels"]:
        level = " + ".join(sorted({require_one_level([frame]) for frame in everything}))
    else:
        level = require_one_level(everything)
        if len(methods) > 1:
            raise InputError(
                f"charges are of several methods, {methods}; expected one; make a data set of each, and fit to one"
            )
    data = {
        "sha256": fit_fingerprint(frames),
        "level_of_theory": level,
        "charge_methods": methods,
        "seed": settings["seed"],
        "is_bootstrap": settings["bootstrap"],
        "split": {
            **settings["split"],
            **{f"n_{side}": len(part) for side, part in parts.items()},
            **{f"{side}_clusters": sorted({block_of(frame) for frame in parts.get(side, [])}) for side in _SIDES[1:]},
        },
    }
    return parts, data


def _warnings(
    systems: Mapping[str, Sequence[LabelledSystem]], errors: Mapping[str, Any], data: Mapping[str, Any]
) -> list[str]:
    """Return what the reader of the errors must know."""
    said = []
    if data["split"]["by"] == "frame":
        said.append("frames of one cluster are on several sides of the split: test errors flatter the force field")
    if "validation" not in systems:
        said.append("no frames are held back: the fit ends where it fits the training frames best")
    if "test" not in systems:
        said.append("no frames are held out: no error is one of unseen clusters")
    if errors["undetermined"]:
        share = f"{len(errors['undetermined'])} of {errors['n_parameters']}"
        said.append(f"{share} parameters are not determined by the data: they are what their priors say")
    return said


def main(path: str) -> int:
    """Run the program on the settings at ``path``."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
