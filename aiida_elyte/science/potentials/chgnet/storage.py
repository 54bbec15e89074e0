"""What a file of CHGNet holds: the name of bundled weights, or the checkpoint of a training."""

import hashlib
import io
from typing import Any

from ase.data import chemical_symbols

from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.chgnet.bundled import is_bundled, read_bundled
from aiida_elyte.science.potentials.family import Description

__all__ = ["ELEMENTS", "describe_chgnet", "is_chgnet", "read_checkpoint"]

_FAMILY = "chgnet"
_DTYPE = "float32"
_LARGEST_NUMBER = 94  # its embedding ends with plutonium
_UNSEEN = ("Po", "At", "Rn", "Fr", "Ra")
"""Elements of its embedding that no structure of its training set holds, which has 89 (MPtrj,
doi:10.1038/s42256-023-00716-3)."""

ELEMENTS = sorted(set(chemical_symbols[1 : _LARGEST_NUMBER + 1]) - set(_UNSEEN))
"""Elements it was trained for."""


def is_chgnet(content: bytes) -> bool:
    """Tell whether a file of this content is a CHGNet."""
    if is_bundled(content):
        return True
    try:
        read_checkpoint(content)
    except InputError:
        return False
    return True


def describe_chgnet(content: bytes) -> Description:
    """Describe a CHGNet without building it.

    Raises
    ------
    InputError
        If the file is not one.
    """
    if is_bundled(content):
        version, bundled = read_bundled(content)
        return Description(
            family=_FAMILY,
            elements=list(ELEMENTS),
            cutoff_A=bundled.cutoff_A,
            dtype=_DTYPE,
            n_parameters=bundled.n_parameters,
            level_of_theory=(
                f"{bundled.functional}, Materials Project, CHGNet {version} (universal potential, not DFT)"
            ),
            architecture={"model": version, "weights_sha256": bundled.sha256},
        )
    checkpoint = read_checkpoint(content)
    return Description(
        family=_FAMILY,
        elements=list(ELEMENTS),
        cutoff_A=float(checkpoint["model_args"]["atom_graph_cutoff"]),
        dtype=_DTYPE,
        n_parameters=sum(weight.numel() for weight in checkpoint["state_dict"].values()),
        architecture={"model": "checkpoint", "weights_sha256": hashlib.sha256(content).hexdigest()},
    )


def read_checkpoint(content: bytes) -> dict[str, Any]:
    """Return ``model_args`` and ``state_dict`` of a checkpoint, without trusting code in it.

    Raises
    ------
    InputError
        If it is not a checkpoint of CHGNet.
    """
    import torch

    try:
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch says of foreign bytes whatever its reader stumbles over
        raise InputError(
            f"the file is not a CHGNet ({type(error).__name__}); expected a checkpoint of its trainer, or the name of "
            "bundled weights"
        ) from error
    model = found.get("model") if isinstance(found, dict) else None
    if not isinstance(model, dict) or "atom_graph_cutoff" not in (model.get("model_args") or {}):
        raise InputError(
            "the file is not a CHGNet; expected a checkpoint of its trainer, with `model_args` and `state_dict`"
        )
    return model
