"""The contractions of message passing against plain sums, and their derivatives of first and second order."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from aiida_elyte.science.potentials.painn.stencil import Stencil, correlate, gather_sum, project, spread, weigh


def random(*shape: int) -> torch.Tensor:
    return torch.randn(
        *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape))
    ).requires_grad_()


@pytest.fixture(params=[True, False], ids=["sparse", "dense"])
def stencil(request) -> Stencil:
    """Owners in no order; atom 2 owns no pair."""
    found = Stencil(torch.tensor([3, 0, 1, 1, 3, 0, 4]), 5)
    if request.param and not found.is_sparse:
        pytest.skip("this torch has no MKL")
    found.is_sparse = request.param
    return found


def test_directions_against_plain_sums(stencil):
    vectors, features, atoms = random(7, 3), random(7, 2), random(5, 3, 2)
    sums = torch.zeros(5, 3, 2, dtype=torch.float64)
    for pair, owner in enumerate(stencil.owner.tolist()):
        sums[owner] += torch.outer(vectors[pair], features[pair])
    assert gather_sum(stencil, vectors, features).detach() == pytest.approx(sums.detach(), abs=1e-14)
    at_pairs = atoms[stencil.owner]
    assert spread(stencil, vectors, atoms).detach() == pytest.approx(
        torch.einsum("ea,eaf->ef", vectors, at_pairs).detach(), abs=1e-14
    )
    assert project(stencil, features, atoms).detach() == pytest.approx(
        torch.einsum("ef,eaf->ea", features, at_pairs).detach(), abs=1e-14
    )


def test_directions_have_right_derivatives(stencil):
    vectors, features, atoms = random(7, 3), random(7, 2), random(5, 3, 2)
    for function, arguments in (
        (gather_sum, (vectors, features)),
        (spread, (vectors, atoms)),
        (project, (features, atoms)),
    ):
        assert gradcheck(lambda *args, f=function: f(stencil, *args), arguments)
        assert gradgradcheck(lambda *args, f=function: f(stencil, *args), arguments)


@pytest.mark.parametrize("has_vectors", [True, False])
def test_filters_against_plain_products(has_vectors):
    n_parts = 4 if has_vectors else 1
    weight, along, carried = random(3, 6 if has_vectors else 4), random(6, 2), random(6, 2 * n_parts)
    parts = weight.split(2, 1)
    filters = torch.cat([parts[0]] + [parts[-1]] * (n_parts - 1), 1)
    expected = carried * filters.repeat(2, 1)
    got_along, got_carried = weigh(weight, along, carried)
    assert got_carried.detach() == pytest.approx(expected.detach(), abs=1e-14)
    assert got_along.detach() == pytest.approx((along * parts[1].repeat(2, 1)).detach(), abs=1e-14)


@pytest.mark.parametrize("has_vectors", [True, False])
def test_filters_have_right_derivatives(has_vectors):
    n_parts = 4 if has_vectors else 1
    weight, along, carried = random(3, 6 if has_vectors else 4), random(6, 2), random(6, 2 * n_parts)
    assert gradcheck(weigh, (weight, along, carried))
    assert gradgradcheck(weigh, (weight, along, carried))
    arguments = (along, carried, random(6, 2), random(6, 2 * n_parts))
    assert gradcheck(correlate, arguments)
    assert gradgradcheck(correlate, arguments)


def test_no_pairs_make_zero():
    stencil = Stencil(torch.empty(0, dtype=torch.int64), 2)
    assert torch.equal(gather_sum(stencil, torch.empty(0, 3), torch.empty(0, 4)), torch.zeros(2, 3, 4))
