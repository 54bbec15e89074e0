"""Program: train one PaiNN potential.

In: ``settings.json`` (``PainnSettings`` of ``science.potentials.painn.settings``), ``dataset.extxyz``, optional
``validation.extxyz``, optional ``initial.pt`` to start from. Out: ``potential.pt``, ``parity.npz``, ``results.json``;
``checkpoint.npz`` after every epoch.
"""

import sys
from collections.abc import Mapping
from typing import Any

from aiida_elyte.errors import ProgramFailure
from aiida_elyte.program import CHECKPOINT, Checkpoint, Job, execute, write_atomically
from aiida_elyte.science.arrays import write_arrays
from aiida_elyte.science.learning.training_set import read_training_set
from aiida_elyte.science.potentials.device import choose_device
from aiida_elyte.science.potentials.memory import keep_freed_memory
from aiida_elyte.science.potentials.painn.settings import complete_settings
from aiida_elyte.science.potentials.painn.start import start_painn
from aiida_elyte.science.potentials.painn.storage import describe_painn, dump_painn, load_painn
from aiida_elyte.science.potentials.painn.training import PainnTrainer, errors_of, make_examples, parity_of
from aiida_elyte.science.tensors import join_tensors, split_tensors


def run(job: Job) -> dict[str, Any]:
    """Train, resuming from a checkpoint where there is one."""
    settings = complete_settings(job.settings)
    keep_freed_memory()
    device = choose_device(settings["device"])
    split = {**settings["split"], "largest_force_eV_A": settings["loss"]["large_force_eV_A"]}
    data = read_training_set(job.folder, split, settings["seed"], settings["allow_mixed_levels"])
    start = job.folder / "initial.pt"
    initial = load_painn(start) if start.exists() else None
    potential = start_painn(settings, data.train, data.level_of_theory, initial).to(device)
    sides = {
        name: make_examples(frames, potential.cutoff_A, potential.dtype, device, settings["loss"]["large_force_eV_A"])
        for name, frames in (("train", data.train), ("validation", data.validation))
    }
    trainer = PainnTrainer(potential, settings, sides["train"], sides["validation"])
    checkpoint = Checkpoint(job.folder / CHECKPOINT, {"training_hash": potential.training_hash})
    saved = checkpoint.load()
    if saved is not None:
        trainer.load_state_dict(join_tensors(*saved))
    resumed_from = trainer.epoch
    _train(job, settings, trainer, checkpoint)
    final = trainer.finish()
    parity = {side: parity_of(final, examples) for side, examples in sides.items()}
    content = dump_painn(final)
    write_atomically(job.folder / "potential.pt", content)
    arrays = {f"{side}/{key}": value for side, found in parity.items() for key, value in found.items()}
    write_atomically(job.folder / "parity.npz", write_arrays(arrays))
    description = describe_painn(content)
    return {
        "learning_curve": trainer.curve,
        "errors": {side: errors_of(found) for side, found in parity.items()},
        "n_epochs": trainer.epoch,
        "best_epoch": trainer.best_epoch,
        "n_parameters": description.n_parameters,
        "potential": description.as_dict(),
        "split": data.split.as_dict(),
        "training_hash": final.training_hash,
        "level_of_theory": final.level_of_theory,
        "elements": final.elements,
        "energy_reference_eV": final.energy_reference,
        "device": str(device),
        "warnings": data.warnings,
        "seconds_trained": round(trainer.seconds, 1),
        "total_epochs_run_in_this_job": trainer.epoch - resumed_from,
        "resumed_from_epoch": resumed_from,
    }


def _train(job: Job, settings: Mapping[str, Any], trainer: PainnTrainer, checkpoint: Checkpoint) -> None:
    """Train until epochs, patience or the time budget are used up, with a checkpoint after every epoch.

    Raises
    ------
    ProgramFailure
        ``OUT_OF_WALLTIME`` if the job's time is over before.
    """
    budget = None if settings["max_minutes"] is None else 60.0 * settings["max_minutes"]
    earlier, epoch_seconds = trainer.seconds, 0.0
    reserve = trainer.evaluation_seconds() if budget is not None else 0.0

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
        checkpoint.save(*split_tensors(trainer.state_dict()))
        job.report(max_epochs=settings["max_epochs"], best_epoch=trainer.best_epoch, **trainer.curve[-1])


def main(path: str) -> int:
    """Run the program in the folder of its settings."""
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
