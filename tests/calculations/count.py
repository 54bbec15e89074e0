"""A program that counts, slowly where asked, with a checkpoint: stands in for training and MD."""

import importlib
import os
import signal
import sys
import time

from aiida_elyte.errors import EngineMissingError, InputError, ProgramFailure
from aiida_elyte.program import Job, execute, write_atomically


def run(job: Job) -> dict:
    settings = job.settings
    if settings["n_steps"] < 0:
        raise InputError(f"n_steps is {settings['n_steps']}; expected a positive number")
    for module in settings.get("modules", ()):
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise EngineMissingError(f"{module} cannot be imported; install it where this program runs") from error
    if settings.get("explode"):
        raise ProgramFailure("EXPLODED", "temperature above 1e4 K")
    if settings.get("stumble"):
        raise ZeroDivisionError("nobody foresaw it")
    checkpoint = job.folder / "checkpoint.txt"
    first = int(checkpoint.read_text()) if checkpoint.exists() else 0
    for step in range(first, settings["n_steps"]):
        if job.should_stop():
            raise ProgramFailure("OUT_OF_WALLTIME", f"stopped at step {step}")
        if step == settings.get("die_at") and first == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(settings.get("seconds_per_step", 0))
        write_atomically(checkpoint, str(step + 1))
    return {"n_steps": settings["n_steps"], "resumed_from": first}


def main(path: str) -> int:
    return execute(run, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
