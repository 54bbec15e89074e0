"""Where weights are put."""

import torch

from aiida_elyte.errors import InputError

__all__ = ["choose_device"]


def choose_device(name: str) -> torch.device:
    """Return the device of a setting: ``auto`` takes CUDA when present.

    Raises
    ------
    InputError
        If it is unknown, or CUDA is asked for where there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"device is {name!r}; expected 'auto', 'cpu' or 'cuda'") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device is {name!r}, but torch finds no CUDA here; expected auto, cpu or a node with a GPU")
    return device
