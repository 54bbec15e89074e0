"""Program: train one PaiNN potential.

In: ``settings.json`` (``DEFAULTS`` of ``science.potentials.painn.training``), ``dataset.extxyz``, optional
``validation.extxyz``, optional ``initial.pt`` to start from. Out: ``potential.pt``, ``parity.npz``, ``results.json``;
``checkpoint.pt`` after every epoch.
"""

import io
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.program import Job, execute, write_atomically
from aiida_elyte.science.arrays import write_arrays
from aiida_elyte.science.frames import fingerprint, read_frames, require_labels
from aiida_elyte.science.labels.theory import require_one_level
from aiida_elyte.science.learning.split import Split, split_frames
from aiida_elyte.science.potentials.memory import keep_freed_memory
from aiida_elyte.science.potentials.painn.model import Potential, build_painn
from aiida_elyte.science.potentials.painn.storage import describe_potential, dump_potential, load_potential
from aiida_elyte.science.potentials.painn.training import (
    Trainer,
    complete_settings,
    errors_of,
    make_examples,
    predict,
)
from aiida_elyte.science.potentials.reference import fit_energy_reference, fit_scale

CHECKPOINT = "checkpoint.pt"


def run(job: Job) -> dict[str, Any]:
    """Train, resuming from a checkpoint where there is one."""
    settings = complete_settings(job.settings)
    keep_freed_memory()
    device = _choose_device(settings["device"])
    frames, split, level, warnings = _read_dataset(job.folder, settings)
    train, validation = ([frames[index] for index in side] for side in (split.train, split.validation))
    potential = _build(job.folder, settings, train, level).to(device)
    train_examples, validation_examples = (
        make_examples(side, potential.cutoff_A, potential.dtype, device) for side in (train, validation)
    )
    trainer = Trainer(potential, settings, train_examples, validation_examples)
    resumed_from = _resume(job.folder, trainer)
    _train(job, settings, trainer)
    final = trainer.finish()
    parity = {
        "train": predict(final, train_examples),
        "validation": predict(final, validation_examples),
    }
    content = dump_potential(final)
    write_atomically(job.folder / "potential.pt", content)
    write_atomically(job.folder / "parity.npz", _pack(parity))
    return {
        "learning_curve": trainer.curve,
        "errors": {side: errors_of(arrays) for side, arrays in parity.items()},
        "n_epochs": trainer.epoch,
        "best_epoch": trainer.best_epoch,
        "n_parameters": describe_potential(content)["n_parameters"],
        "potential": describe_potential(content),
        "split": split.as_dict(),
        "training_hash": final.training_hash,
        "level_of_theory": final.level_of_theory,
        "elements": final.elements,
        "energy_reference_eV": final.energy_reference,
        "device": str(device),
        "warnings": warnings,
        "seconds_trained": round(trainer.seconds, 1),
        "total_epochs_run_in_this_job": trainer.epoch - resumed_from,
        "resumed_from_epoch": resumed_from,
    }


def _choose_device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"device is {name!r}; expected 'auto', 'cpu' or 'cuda'") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device is {name!r}, but torch sees no CUDA device; use 'auto' or 'cpu'")
    return device


def _read_dataset(folder: Path, settings: Mapping[str, Any]) -> tuple[list[Atoms], Split, str, list[str]]:
    """Read and check the frames; return them with their split, their level of theory and what must be said of both."""
    frames = read_frames(folder / "dataset.extxyz")
    require_labels(frames, name="dataset.extxyz")
    n_given = len(frames)
    given = folder / "validation.extxyz"
    if given.exists():
        frames += read_frames(given)
        require_labels(frames[n_given:], name="validation.extxyz")
        indices = np.arange(len(frames))
        split = Split(indices[:n_given], indices[n_given:], "given", {"validation.extxyz": len(frames) - n_given})
    else:
        split = split_frames(frames, rng=np.random.default_rng(settings["seed"]), **settings["split"])
    if settings["allow_mixed_levels"]:
        levels = sorted({require_one_level([frame]) for frame in frames})
        warnings = [f"labels of {levels} are mixed, as allowed"] if len(levels) > 1 else []
        return frames, split, " + ".join(levels), warnings + split.warnings
    return frames, split, require_one_level(frames, name="dataset.extxyz"), list(split.warnings)


def _build(folder: Path, settings: Mapping[str, Any], train: Sequence[Atoms], level: str) -> Potential:
    """Build the potential, from ``initial.pt`` where there is one: its weights, scale and references are kept."""
    initial = load_potential(folder / "initial.pt") if (folder / "initial.pt").exists() else None
    if initial is not None and initial.architecture != settings["architecture"]:
        raise InputError(
            f"initial.pt has the architecture {initial.architecture}, the settings {settings['architecture']}; "
            "expected the same; start anew or change the settings"
        )
    known = initial.energy_reference if initial is not None else {}
    potential = build_painn(
        settings["architecture"],
        energy_reference=fit_energy_reference(train, known),
        scale=fit_scale(train) if initial is None else initial.scale,
        seed=settings["seed"],
        dtype=getattr(torch, settings["dtype"]),
        level_of_theory=level,
        training_hash=fingerprint(train),
    )
    if initial is not None:
        potential.load_state_dict(initial.state_dict())
    return potential


def _resume(folder: Path, trainer: Trainer) -> int:
    """Load the checkpoint if there is one; return the epoch it holds."""
    if not (folder / CHECKPOINT).exists():
        return 0
    state = torch.load(folder / CHECKPOINT, map_location=trainer.potential.device, weights_only=True)
    if state["training_hash"] != trainer.potential.training_hash:
        raise InputError(
            "checkpoint.pt belongs to another training set; expected that of this job; remove it to start anew"
        )
    trainer.load_state_dict(state["trainer"])
    return trainer.epoch


def _train(job: Job, settings: Mapping[str, Any], trainer: Trainer) -> None:
    """Train until epochs, patience or the time budget are used up, with a checkpoint after every epoch.

    Raises
    ------
    ProgramFailure
        ``OUT_OF_WALLTIME`` when the job's time is over before.
    """
    budget = None if settings["max_minutes"] is None else 60.0 * settings["max_minutes"]
    earlier, epoch_seconds = trainer.seconds, 0.0
    reserve = _evaluation_seconds(trainer) if budget is not None else 0.0

    def time_fraction() -> float:
        return 0.0 if budget is None else (earlier + job.seconds + reserve) / budget

    while not trainer.is_finished and (time_fraction() < 1 or trainer.epoch == 0):
        start = job.seconds
        is_whole = not job.should_stop(1.5 * epoch_seconds) and trainer.run_epoch(time_fraction, job.should_stop)
        if not is_whole:
            raise ProgramFailure(
                "OUT_OF_WALLTIME",
                f"wall time ended after epoch {trainer.epoch} of {settings['max_epochs']}; resume from {CHECKPOINT}",
                n_epochs=trainer.epoch,
                learning_curve=trainer.curve,
            )
        epoch_seconds = job.seconds - start
        trainer.seconds = earlier + job.seconds
        _write_checkpoint(job.folder, trainer)
        job.report(max_epochs=settings["max_epochs"], best_epoch=trainer.best_epoch, **trainer.curve[-1])


def _evaluation_seconds(trainer: Trainer) -> float:
    """Return the time the final look at both sides will take, measured on a few frames."""
    examples = trainer.examples + trainer.validation
    start = time.monotonic()
    predict(trainer.averaged, examples[:5])
    return (time.monotonic() - start) * len(examples) / min(5, len(examples))


def _write_checkpoint(folder: Path, trainer: Trainer) -> None:
    buffer = io.BytesIO()
    torch.save({"training_hash": trainer.potential.training_hash, "trainer": trainer.state_dict()}, buffer)
    write_atomically(folder / CHECKPOINT, buffer.getvalue())


def _pack(parity: Mapping[str, Mapping[str, np.ndarray]]) -> bytes:
    return write_arrays({f"{side}/{key}": value for side, found in parity.items() for key, value in found.items()})


def main(path: str) -> int:
    """Run the program in the folder of its settings."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
