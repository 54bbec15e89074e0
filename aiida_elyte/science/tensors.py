"""States of torch as plain values and arrays, and back bit by bit: what a checkpoint can hold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

__all__ = ["join_tensors", "split_tensors"]


def split_tensors(state: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """Take the tensors out of nested dictionaries, lists and tuples.

    Returns
    -------
    state
        What JSON can hold, if the values beside the tensors are numbers, strings and ``None``.
    arrays
        The tensors, by the names that stand in their places.
    """
    arrays: dict[str, np.ndarray] = {}

    def split(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            name = f"tensor_{len(arrays)}"
            arrays[name] = value.detach().cpu().numpy()
            return {"tensor": name}
        if isinstance(value, Mapping):  # as pairs, for JSON would turn the numbers among the keys into strings
            return {"pairs": [[key, split(one)] for key, one in value.items()]}
        if isinstance(value, tuple):
            return {"tuple": [split(one) for one in value]}
        return [split(one) for one in value] if isinstance(value, list) else value

    return split(state), arrays


def join_tensors(state: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Put the tensors back that ``split_tensors`` took out; all on the CPU."""

    def join(value: Any) -> Any:
        if isinstance(value, list):
            return [join(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "tensor" in value:
            return torch.from_numpy(arrays[value["tensor"]])
        if "tuple" in value:
            return tuple(join(one) for one in value["tuple"])
        return {key: join(one) for key, one in value["pairs"]}

    return join(state)
