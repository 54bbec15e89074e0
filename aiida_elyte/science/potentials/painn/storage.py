"""``potential.pt``: a trained PaiNN as plain values and tensors, loadable without trusting code in it."""

import io
from pathlib import Path
from typing import Any

import torch

from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.family import Description
from aiida_elyte.science.potentials.painn.model import Painn

__all__ = ["describe_painn", "dump_painn", "is_painn", "load_painn", "save_painn"]

_FORMAT = "aiida-elyte potential 1"
_FAMILY = "painn"


def dump_painn(potential: Painn) -> bytes:
    """Return the content of ``potential.pt``."""
    buffer = io.BytesIO()
    torch.save(
        {
            "format": _FORMAT,
            "family": _FAMILY,
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


def save_painn(potential: Painn, path: str | Path) -> None:
    """Write ``potential.pt``."""
    Path(path).write_bytes(dump_painn(potential))


def load_painn(
    source: str | Path | bytes, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> Painn:
    """Load a PaiNN, ready for evaluation: its weights take no gradient.

    Parameters
    ----------
    source
        Path of ``potential.pt``, or its content.
    device, dtype
        As in ``Family.load``.

    Raises
    ------
    InputError
        If the file is missing or is not a PaiNN of ours.
    """
    content = _read(source)
    with torch.random.fork_rng(devices=[]):
        potential = Painn(content["architecture"], content["energy_reference"], content["scale"], content["record"])
    potential.set_precision(getattr(torch, content["dtype"]))
    potential.load_state_dict(content["weights"])
    potential.to(device).eval().requires_grad_(False)
    return potential if dtype is None else potential.set_precision(dtype)


def describe_painn(source: str | Path | bytes) -> Description:
    """Describe a PaiNN without building it.

    Raises
    ------
    InputError
        If the file is missing or is not a PaiNN of ours.
    """
    content = _read(source)
    record = content["record"]
    return Description(
        family=_FAMILY,
        elements=sorted(content["energy_reference"]),
        cutoff_A=float(content["architecture"]["cutoff_A"]),
        dtype=content["dtype"],
        n_parameters=content["n_parameters"],
        level_of_theory=record.get("level_of_theory", "unstated"),
        seed=record.get("seed"),
        training_hash=record.get("training_hash"),
        architecture=dict(content["architecture"]),
    )


def is_painn(content: bytes) -> bool:
    """Tell whether a file of this content is a PaiNN of ours; files that name no family are, for it was the first."""
    try:
        _read(content)
    except InputError:
        return False
    return True


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
            f"{name} is not a potential ({type(error).__name__}); expected a potential.pt made by train_painn"
        ) from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise InputError(f"{name} is not a potential; expected the format {_FORMAT!r}; retrain with this version")
    if content.get("family", _FAMILY) != _FAMILY:
        raise InputError(f"{name} is of the family {content['family']!r}; expected {_FAMILY}; load it by its family")
    # Files from before there were baselines have none.
    content["architecture"] = {"baseline": None, **content["architecture"]}
    return content
