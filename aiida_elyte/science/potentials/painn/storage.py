"""``potential.pt``: a trained potential as plain values and tensors, loadable without trusting code in it."""

import io
from pathlib import Path
from typing import Any

import torch

from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.painn.model import Potential

__all__ = ["describe_potential", "dump_potential", "load_potential", "save_potential"]

_FORMAT = "aiida-elyte potential 1"


def dump_potential(potential: Potential) -> bytes:
    """Return the content of ``potential.pt``."""
    buffer = io.BytesIO()
    torch.save(
        {
            "format": _FORMAT,
            "family": "painn",
            "architecture": potential.architecture,
            "energy_reference": potential.energy_reference,
            "scale": potential.scale,
            "dtype": str(potential.dtype).removeprefix("torch."),
            "record": potential.record,
            "n_parameters": sum(parameter.numel() for parameter in potential.parameters()),
            "weights": {key: value.detach().cpu().clone() for key, value in potential.state_dict().items()},
        },
        buffer,
    )
    return buffer.getvalue()


def save_potential(potential: Potential, path: str | Path) -> None:
    """Write ``potential.pt``."""
    Path(path).write_bytes(dump_potential(potential))


def load_potential(source: str | Path | bytes, device: str | torch.device = "cpu") -> Potential:
    """Load a potential, ready for evaluation: its weights take no gradient.

    Parameters
    ----------
    source
        Path of ``potential.pt``, or its content.
    device
        Where to put it.

    Raises
    ------
    InputError
        When the file is missing or is no potential of ours.
    """
    content = _read(source)
    with torch.random.fork_rng(devices=[]):
        potential = Potential(content["architecture"], content["energy_reference"], content["scale"], content["record"])
    potential.set_precision(getattr(torch, content["dtype"]))
    potential.load_state_dict(content["weights"])
    return potential.to(device).eval().requires_grad_(False)


def describe_potential(source: str | Path | bytes) -> dict[str, Any]:
    """Return what a database should know of a potential, without building it.

    Raises
    ------
    InputError
        When the file is missing or is no potential of ours.
    """
    content = _read(source)
    return {
        "family": content["family"],
        "architecture": dict(content["architecture"]),
        "elements": sorted(content["energy_reference"]),
        "cutoff_A": float(content["architecture"]["cutoff_A"]),
        "dtype": content["dtype"],
        "n_parameters": content["n_parameters"],
        "level_of_theory": content["record"].get("level_of_theory", "unstated"),
        "seed": content["record"].get("seed"),
        "training_hash": content["record"].get("training_hash"),
    }


def _read(source: str | Path | bytes) -> dict[str, Any]:
    name = "the given content" if isinstance(source, bytes) else str(source)
    try:
        raw = source if isinstance(source, bytes) else Path(source).read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"potential {name} does not exist; give the path of a potential.pt") from error
    try:
        content = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    except Exception as error:  # torch says of damaged bytes whatever its reader stumbles over
        raise InputError(
            f"{name} is no potential ({type(error).__name__}); expected a potential.pt made by train_painn"
        ) from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise InputError(f"{name} is no potential; expected the format {_FORMAT!r}; retrain with this version")
    return content
