"""How far a running job is, in a few words."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from aiida_elyte import plugins
from aiida_elyte.errors import InputError
from aiida_elyte.provenance.steps import CalledProcess, read_job_settings, read_progress
from aiida_elyte.science.learning.error_key import ErrorKey

__all__ = ["describe_progress", "span"]


def describe_progress(step: CalledProcess) -> str:
    """Return in a few words how far a running job is, and how long it will still need."""
    progress = read_progress(step)
    if not progress:
        return step.state
    settings = read_job_settings(step)
    seconds = progress.get("seconds", 0.0)
    words, left = [], None
    for done, total, unit in (
        ("done", "of", "runs" if "frames" in progress else "frames"),
        ("epoch", "max_epochs", "epochs"),
        ("step", "n_steps", "steps"),
    ):
        if done not in progress or total not in progress:
            continue
        count, wanted = progress[done], progress[total]
        words.append(f"{count} of {wanted} {unit}" if count >= 0 else f"{-count} {unit} before production")
        # MD counts from the start of production: ramp and hold come before.
        before = sum(value for name, value in (settings.get("ramp") or {}).items() if name.endswith("_steps"))
        if count + before > 0:
            left = seconds * (wanted - count) / (count + before)
    if "epoch" in progress:
        words += [f"validation {said}" for said in _errors(progress)]
    if "validation" in progress:
        error = progress["train"] if progress["validation"] is None else progress["validation"]
        words.append(f"step {progress['step']}, error {error:.2f} {progress['unit']}")
    elif "pass" in progress or "replica" in progress:
        where = f"pass {progress['pass']} of {progress['of']}" if "pass" in progress else progress["replica"]
        words.append(f"{where}, {progress['frames']} frames read")
    if progress.get("refused"):
        words.append(f"{progress['refused']} refused")
    words.append(span(seconds))
    if left is not None and settings.get("max_minutes") is not None:
        left = max(0.0, min(left, 60 * settings["max_minutes"] - seconds))
    if left:
        words.append(f"{span(left)} left at most")
    return ", ".join(words)


def _errors(progress: Mapping[str, Any]) -> Iterator[str]:
    """Yield the error that a training reports, as the trainer that reports it names it."""
    for key in _error_keys():
        error = key.of(progress)
        if error is not None:
            factor, unit, decimals = key.scale
            yield f"{key.label} {factor * error:.{decimals}f} {unit}"


@cache
def _error_keys() -> tuple[ErrorKey, ...]:
    try:
        trainers = plugins.load_all("trainers")
    except InputError:  # a clash of names is for the one who asks for a trainer, not for the status of a run
        return ()
    return tuple(dict.fromkeys(trainer.status_key for trainer in trainers.values()))


def span(seconds: float) -> str:
    """Return a time as people say it: ``1 h 05 min``, ``3 min 20 s``, ``45 s``; ``12 days``."""
    whole = round(seconds)
    if whole >= 3 * 86400:
        return f"{whole / 86400:.0f} days"
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    if whole >= 60:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole} s"
