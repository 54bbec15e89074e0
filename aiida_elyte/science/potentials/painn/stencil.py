"""The contractions of message passing, each with its derivatives of every order, as lean as a CPU likes them.

Directions. For pairs e of owner o(e), vectors v (n_pairs, 3), features x (n_pairs, F), atoms' g (n_atoms, 3, F),
the three contractions of Σ_e Σ_a Σ_f v_ea x_ef g_o(e)af are each other's derivatives:

- ``gather_sum``: Σ_e v_ea x_ef over the pairs of an atom, shape (n_atoms, 3, F);
- ``spread``: Σ_a v_ea g_o(e)af, shape (n_pairs, F);
- ``project``: Σ_f x_ef g_o(e)af, shape (n_pairs, 3).

On a CPU with MKL they are products with a sparse matrix of rows (e) and columns (o(e), a), two to three times as fast
as the dense products of shape (n_pairs, 3, F), which is what they are elsewhere.

Filters. A pair sends messages both ways through one filter. ``weigh`` multiplies what either end sends, ``correlate``
sums its derivative over ends and components into the filter's; autograd would sum large products over strided axes,
which costs more than everything else.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

__all__ = ["Stencil", "correlate", "gather_sum", "project", "spread", "weigh"]


class Stencil:
    """The owner of every pair, and the sparse patterns made of it.

    Parameters
    ----------
    owner
        Atom that each pair belongs to, in any order, shape (n_pairs,).
    n_atoms
        Number of atoms.
    """

    def __init__(self, owner: Tensor, n_atoms: int) -> None:
        self.owner = owner
        self.n_atoms = n_atoms
        self.is_sparse = owner.device.type == "cpu" and torch.backends.mkl.is_available() and len(owner) > 0
        if self.is_sparse:
            self._make_patterns()

    def _make_patterns(self) -> None:
        """Make rows and columns of the matrix (pairs × 3 atoms) and of its transpose.

        The transpose has three rows per atom, of its pairs in order; entry (o, a, k-th pair) is number
        3 start_o + a count_o + k.
        """
        axes = torch.arange(3)
        self._row_ends = torch.arange(0, 3 * len(self.owner) + 1, 3)
        self._columns = (3 * self.owner.unsqueeze(1) + axes).view(-1)
        order = torch.argsort(self.owner, stable=True)
        count = torch.bincount(self.owner, minlength=self.n_atoms)
        start = count.cumsum(0) - count
        owner = self.owner.index_select(0, order)
        place = 2 * start.index_select(0, owner) + torch.arange(len(owner))
        entry = (place.unsqueeze(1) + count.index_select(0, owner).unsqueeze(1) * axes).view(-1)
        source = (3 * order.unsqueeze(1) + axes).view(-1)
        self._transposed_source = torch.empty_like(source).scatter_(0, entry, source)
        self._transposed_columns = self._transposed_source // 3
        self._transposed_row_ends = torch.nn.functional.pad(count.repeat_interleave(3).cumsum(0), (1, 0))

    def matrix(self, values: Tensor) -> Tensor:
        """Return the sparse matrix (n_pairs, 3 n_atoms) with ``values`` (n_pairs, 3)."""
        return _csr(self._row_ends, self._columns, values.reshape(-1), (len(self.owner), 3 * self.n_atoms))

    def transposed(self, values: Tensor) -> Tensor:
        """Return the transpose of ``matrix``."""
        values = values.reshape(-1).index_select(0, self._transposed_source)
        shape = (3 * self.n_atoms, len(self.owner))
        return _csr(self._transposed_row_ends, self._transposed_columns, values, shape)


def _csr(row_ends: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(row_ends, columns, values, shape, check_invariants=False)


def gather_sum(stencil: Stencil, vectors: Tensor, features: Tensor) -> Tensor:
    """Compute Σ_e v_ea x_ef over the pairs of each atom, shape (n_atoms, 3, F)."""
    return _Contraction.apply(vectors, features, stencil, _gather_sum, project, spread)


def spread(stencil: Stencil, vectors: Tensor, atoms: Tensor) -> Tensor:
    """Compute Σ_a v_ea g_o(e)af, shape (n_pairs, F)."""
    return _Contraction.apply(vectors, atoms, stencil, _spread, _turned(project), gather_sum)


def project(stencil: Stencil, features: Tensor, atoms: Tensor) -> Tensor:
    """Compute Σ_f x_ef g_o(e)af, shape (n_pairs, 3)."""
    return _Contraction.apply(features, atoms, stencil, _project, _turned(spread), _turned(gather_sum))


_Product = Callable[[Stencil, Tensor, Tensor], Tensor]


class _Contraction(Function):
    """A product of two tensors, and the products of the other one and a slope that are its derivatives by each."""

    @staticmethod
    def forward(
        ctx: Any,
        left: Tensor,
        right: Tensor,
        stencil: Stencil,
        product: _Product,
        on_left: _Product,
        on_right: _Product,
    ) -> Tensor:
        ctx.save_for_backward(left, right)
        ctx.stencil, ctx.on_left, ctx.on_right = stencil, on_left, on_right
        return product(stencil, left, right)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        left, right = ctx.saved_tensors
        on_left = ctx.on_left(ctx.stencil, right, slope) if ctx.needs_input_grad[0] else None
        on_right = ctx.on_right(ctx.stencil, left, slope) if ctx.needs_input_grad[1] else None
        return on_left, on_right, None, None, None, None


def _turned(product: _Product) -> _Product:
    """Return a product that takes its two tensors the other way round."""
    return lambda stencil, left, right: product(stencil, right, left)


def _gather_sum(stencil: Stencil, vectors: Tensor, features: Tensor) -> Tensor:
    if stencil.is_sparse:
        return (stencil.transposed(vectors) @ features).view(stencil.n_atoms, 3, -1)
    sums = features.new_zeros(stencil.n_atoms, 3, features.shape[1])
    return sums.index_add_(0, stencil.owner, vectors.unsqueeze(2) * features.unsqueeze(1))


def _spread(stencil: Stencil, vectors: Tensor, atoms: Tensor) -> Tensor:
    if stencil.is_sparse:
        return stencil.matrix(vectors) @ atoms.reshape(3 * stencil.n_atoms, -1)
    return (vectors.unsqueeze(2) * atoms.index_select(0, stencil.owner)).sum(1)


def _project(stencil: Stencil, features: Tensor, atoms: Tensor) -> Tensor:
    if stencil.is_sparse:
        pattern = stencil.matrix(features.new_zeros(len(features), 3))
        rows = atoms.reshape(3 * stencil.n_atoms, -1)
        return torch.sparse.sampled_addmm(pattern, features, rows.t(), beta=0.0).values().view(-1, 3)
    return (features.unsqueeze(1) * atoms.index_select(0, stencil.owner)).sum(2)


def weigh(weight: Tensor, along: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
    """Multiply what both ends of every pair send by the pair's filter.

    Parameters
    ----------
    weight
        Filters side by side, of the scalar, of ``along`` and, where vectors are sent, of the vectors, shape
        (n_pairs, 2 F) or (n_pairs, 3 F).
    along
        Sent along the direction of the pair, from all first ends and then from all second, shape (2 n_pairs, F).
    carried
        The scalar and, where they are sent, the three components of the vectors, shape (2 n_pairs, F) or
        (2 n_pairs, 4 F).

    Returns
    -------
    tuple
        Messages of the shapes of ``along`` and ``carried``.
    """
    return _Weigh.apply(weight, along, carried)


def correlate(along: Tensor, carried: Tensor, on_along: Tensor, on_carried: Tensor) -> Tensor:
    """Sum ``along * on_along`` and ``carried * on_carried`` over ends and components into the shape of the filter."""
    return _Correlate.apply(along, carried, on_along, on_carried)


class _Weigh(Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, along: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(weight, along, carried)
        n_pairs, width = len(weight), along.shape[1]
        on_scalar, on_along = weight[:, :width], weight[:, width : 2 * width]
        out_along = (along.view(2, n_pairs, width) * on_along).view_as(along)
        shape = (2, n_pairs, carried.shape[1] // width, width)
        sent, out = carried.view(shape), torch.empty_like(carried)
        target = out.view(shape)
        torch.mul(sent[:, :, 0], on_scalar, out=target[:, :, 0])
        if weight.shape[1] > 2 * width:
            torch.mul(sent[:, :, 1:], weight[:, 2 * width :].unsqueeze(1), out=target[:, :, 1:])
        return out_along, out

    @staticmethod
    def backward(ctx: Any, on_along: Tensor, on_carried: Tensor) -> tuple[Tensor | None, ...]:
        weight, along, carried = ctx.saved_tensors
        on_weight = correlate(along, carried, on_along, on_carried) if ctx.needs_input_grad[0] else None
        if not any(ctx.needs_input_grad[1:]):
            return on_weight, None, None
        return on_weight, *weigh(weight, on_along.contiguous(), on_carried.contiguous())


class _Correlate(Function):
    @staticmethod
    def forward(ctx: Any, along: Tensor, carried: Tensor, on_along: Tensor, on_carried: Tensor) -> Tensor:
        ctx.save_for_backward(along, carried, on_along, on_carried)
        n_pairs, width = len(along) // 2, along.shape[1]
        n_components = carried.shape[1] // width - 1
        shape = (2, n_pairs, n_components + 1, width)
        left, right = carried.view(shape), on_carried.reshape(shape)
        out = along.new_empty(n_pairs, (3 if n_components else 2) * width)
        parts = [(out[:, width : 2 * width], along.view(2, n_pairs, width), on_along.reshape(2, n_pairs, width))]
        parts.append((out[:, :width], left[:, :, 0], right[:, :, 0]))
        for target, one, other in parts:
            torch.mul(one[0], other[0], out=target)
            target.addcmul_(one[1], other[1])
        if n_components:
            target = out[:, 2 * width :]
            torch.mul(left[0, :, 1], right[0, :, 1], out=target)
            for end, component in ((0, 2), (0, 3), (1, 1), (1, 2), (1, 3)):
                target.addcmul_(left[end, :, component], right[end, :, component])
        return out

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        along, carried, on_along, on_carried = ctx.saved_tensors
        lefts = weigh(slope, on_along.contiguous(), on_carried.contiguous())
        rights = weigh(slope, along, carried)
        return *lefts, *rights
