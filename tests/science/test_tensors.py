"""States of torch come back bit by bit, as plain values and arrays."""

import json
from collections import OrderedDict

import pytest
import torch

from aiida_elyte.science.tensors import join_tensors, split_tensors


def through_json(state):
    plain, arrays = split_tensors(state)
    return join_tensors(json.loads(json.dumps(plain)), arrays)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.uint8, torch.bool])
def test_tensors_keep_type_shape_and_bits(dtype):
    values = torch.rand(3, 2).mul(200).to(dtype)
    for tensor in (values, values[0, 0], values[:0], values.mT):
        (again,) = through_json([tensor])
        assert again.dtype == dtype
        assert again.shape == tensor.shape
        assert torch.equal(again, tensor)


def test_values_beside_tensors_keep_their_types():
    state = {"a": [1, 0.1, None, "m00", True], 0: (0.9, 0.999), "best": float("inf"), "empty": {}}
    again = through_json(state)
    assert again == state
    assert isinstance(again[0], tuple)


def test_an_optimiser_goes_on_as_if_it_had_not_stopped():
    def start():
        torch.manual_seed(0)
        weights = torch.nn.Linear(3, 1)
        return weights, torch.optim.AdamW(weights.parameters(), lr=0.1, amsgrad=True)

    def step(weights, optimiser, n_steps):
        for _ in range(n_steps):
            optimiser.zero_grad()
            weights(torch.ones(1, 3)).square().sum().backward()
            optimiser.step()

    whole, other = start(), start()
    step(*whole, 5)
    step(*other, 2)
    saved = through_json({"weights": OrderedDict(other[0].state_dict()), "optimiser": other[1].state_dict()})
    resumed = start()
    resumed[0].load_state_dict(saved["weights"])
    resumed[1].load_state_dict(saved["optimiser"])
    step(*resumed, 3)
    assert torch.equal(resumed[0].weight, whole[0].weight)
