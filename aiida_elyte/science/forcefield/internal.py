"""Internal coordinates of clusters, with their derivatives by the positions.

No parameter enters: coordinates and Jacobians are computed once for a data set, and forces are linear algebra,
F = −Σ_q dE/dq · dq/dx.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aiida_elyte.errors import InputError

__all__ = ["COORDINATES", "InternalCoordinates", "angles", "bond_lengths", "dihedrals", "wilson_angles"]

COORDINATES = {
    "bonds": ("r_ij",),
    "angles": ("r_ij", "r_jk", "theta_ijk"),
    "dihedrals": ("r_ij", "r_jk", "r_kl", "theta_ijk", "theta_jkl", "phi_ijkl"),
    "impropers": ("chi", "theta_ijk", "theta_ijl", "theta_kjl"),
    "pairs": ("r_ij",),
}
"""What a row of each kind is described by: lengths [Å] and angles [rad]."""

_ATOMS = {"bonds": 2, "angles": 3, "dihedrals": 4, "impropers": 4, "pairs": 2}
"""Atoms in a row of each kind."""

_PARTS = {
    "angles": (("bonds", (0, 1)), ("bonds", (1, 2))),
    "dihedrals": (
        ("bonds", (0, 1)),
        ("bonds", (1, 2)),
        ("bonds", (2, 3)),
        ("angles", (0, 1, 2)),
        ("angles", (1, 2, 3)),
    ),
    "impropers": (("angles", (0, 1, 2)), ("angles", (0, 1, 3)), ("angles", (2, 1, 3))),
}
"""Bonds and angles that a row is made of, in the order of ``COORDINATES``: kind, and places of their atoms."""


def bond_lengths(positions: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    r"""Compute distances :math:`r = |x_j - x_i|`.

    Parameters
    ----------
    positions
        Positions of each frame [Å], shape ``(F, N, 3)``.
    rows
        Atoms i and j of each distance, shape ``(n, 2)``.

    Returns
    -------
    tuple
        Distances [Å], shape ``(F, n)``, and their derivatives by the positions of i and j, shape ``(F, n, 2, 3)``.
    """
    length, direction = _polar(positions, rows[:, 0], rows[:, 1])
    return length, torch.stack([-direction, direction], 2)


def angles(positions: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    r"""Compute angles at the second of three atoms.

    .. math:: \theta = \mathrm{atan2}(|u \times v|, u \cdot v)

    with the unit vectors u and v from j to i and to k. At exactly 0° and 180°, where the derivative has no direction,
    it is zero.

    Parameters
    ----------
    positions
        Positions of each frame [Å], shape ``(F, N, 3)``.
    rows
        Atoms i, j, k of each angle, shape ``(n, 3)``.

    Returns
    -------
    tuple
        Angles [rad], shape ``(F, n)``, and their derivatives [rad/Å], shape ``(F, n, 3, 3)``.
    """
    i, j, k = rows.unbind(1)
    r_u, u = _polar(positions, j, i)
    r_v, v = _polar(positions, j, k)
    normal = torch.linalg.cross(u, v)
    sine = normal.norm(dim=-1)
    theta = torch.atan2(sine, (u * v).sum(-1))
    normal = normal / _positive(sine).unsqueeze(-1)
    on_i = torch.linalg.cross(u, normal) / r_u.unsqueeze(-1)
    on_k = torch.linalg.cross(normal, v) / r_v.unsqueeze(-1)
    return theta, torch.stack([on_i, -on_i - on_k, on_k], 2)


def dihedrals(positions: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    r"""Compute dihedral angles, trans at 180°.

    .. math:: \varphi = \mathrm{atan2}(|b| \, a \cdot (b \times c), (a \times b) \cdot (b \times c))

    with a, b and c from i to j, j to k and k to l. The derivative diverges as i, j, k or j, k, l become straight:
    such dihedrals are not for a force field.

    Parameters
    ----------
    positions
        Positions of each frame [Å], shape ``(F, N, 3)``.
    rows
        Atoms i, j, k, l of each dihedral, shape ``(n, 4)``.

    Returns
    -------
    tuple
        Angles between −π and π [rad], shape ``(F, n)``, and their derivatives [rad/Å], shape ``(F, n, 4, 3)``.

    References
    ----------
    A. Blondel and M. Karplus, J. Comput. Chem. 17, 1132 (1996),
    doi:10.1002/(SICI)1096-987X(19960715)17:9<1132::AID-JCC5>3.0.CO;2-T
    """
    x_i, x_j, x_k, x_l = (positions[:, atom] for atom in rows.unbind(1))
    a, b, c = x_j - x_i, x_k - x_j, x_l - x_k
    m, n = torch.linalg.cross(a, b), torch.linalg.cross(b, c)
    length = b.norm(dim=-1)
    phi = torch.atan2(length * (a * n).sum(-1), (m * n).sum(-1))
    length = length.unsqueeze(-1)
    on_i = -length * m / _positive(_dot(m, m))
    on_l = length * n / _positive(_dot(n, n))
    along_a, along_c = _dot(a, b) / length**2, _dot(c, b) / length**2
    on_j = -(1 + along_a) * on_i + along_c * on_l
    on_k = -(1 + along_c) * on_l + along_a * on_i
    return phi, torch.stack([on_i, on_j, on_k, on_l], 2)


def wilson_angles(positions: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    r"""Compute the mean of the three signed angles between a bond of the centre and the plane of the other two.

    .. math:: \chi = \frac{1}{3} \sum_{uvw} \mathrm{atan2}(u \cdot n, |u \times n|), \quad n = v \times w

    over the cyclic orders of the unit vectors from the centre, the second atom, to the first, third and fourth. Its
    sign is that of the triple product: exchange of two neighbours turns it. Where asin loses its digits near 90°,
    atan2 keeps them.

    Parameters
    ----------
    positions
        Positions of each frame [Å], shape ``(F, N, 3)``.
    rows
        Atoms i, j, k, l of each improper with j the centre, shape ``(n, 4)``.

    Returns
    -------
    tuple
        Angles [rad], shape ``(F, n)``, and their derivatives [rad/Å], shape ``(F, n, 4, 3)``.
    """
    i, j, k, l = rows.unbind(1)  # noqa: E741 - the letters of the formula
    lengths, arms = zip(*(_polar(positions, j, atom) for atom in (i, k, l)), strict=True)
    triple = _dot(arms[0], torch.linalg.cross(arms[1], arms[2]))
    eps = torch.finfo(positions.dtype).eps  # below it, sines of unit vectors are noise
    chi: Any = 0.0
    slopes: list[Any] = [0.0, 0.0, 0.0]
    for first in range(3):
        order = [first, (first + 1) % 3, (first + 2) % 3]
        u, v, w = (arms[each] for each in order)
        normal = torch.linalg.cross(v, w)
        square = _positive(_dot(normal, normal), eps**2)
        tilt = torch.linalg.cross(u, normal).norm(dim=-1, keepdim=True)
        cosine = _dot(v, w)
        chi = chi + torch.atan2(triple, tilt).squeeze(-1) / 3
        on_u = normal - triple * u
        on_v = torch.linalg.cross(w, u) - triple * (v - cosine * w) / square
        on_w = torch.linalg.cross(u, v) - triple * (w - cosine * v) / square
        for place, slope in zip(order, (on_u, on_v, on_w), strict=True):
            slopes[place] = slopes[place] + slope / (3 * lengths[place].unsqueeze(-1) * _positive(tilt, eps))
    on_i, on_k, on_l = slopes
    return chi, torch.stack([on_i, -on_i - on_k - on_l, on_k, on_l], 2)


class InternalCoordinates:
    """Internal coordinates of frames of one cluster, each computed once, and the way back to forces.

    A row of a kind is described by the ``COORDINATES`` of that kind: a dihedral also by its bonds and angles, which
    cross terms need.

    Parameters
    ----------
    positions
        Positions of each frame, in double precision, molecules whole [Å], shape ``(F, N, 3)``.
    bonds, angles, dihedrals, impropers, pairs
        Atoms of each row, shapes ``(n, 2)``, ``(n, 3)``, ``(n, 4)``, ``(n, 4)`` with the centre second, ``(n, 2)``.

    Raises
    ------
    InputError
        If positions or rows have another shape, a row names an atom that is not there, or an angle, dihedral or
        improper is made of a bond or angle that is not listed.
    """

    def __init__(
        self,
        positions: Tensor,
        *,
        bonds: Any = (),
        angles: Any = (),
        dihedrals: Any = (),
        impropers: Any = (),
        pairs: Any = (),
    ) -> None:
        if positions.dim() != 3 or positions.shape[2] != 3 or positions.dtype != torch.float64:
            raise InputError(
                f"positions is {positions.dtype} of shape {tuple(positions.shape)}; expected torch.float64 of shape "
                "(F, N, 3); stack the frames of one cluster"
            )
        self.positions = positions
        given = {"bonds": bonds, "angles": angles, "dihedrals": dihedrals, "impropers": impropers, "pairs": pairs}
        self.rows = {kind: _as_rows(kind, rows, positions) for kind, rows in given.items()}
        """Atoms of the rows of each kind."""
        self._members = self._find_members()
        computed = {kind: compute(positions, self.rows[kind]) for kind, compute in _COMPUTE.items()}
        self._own = {kind: values for kind, (values, _) in computed.items()}
        self._jacobian = {kind: jacobian for kind, (_, jacobian) in computed.items()}

    def _find_members(self) -> dict[str, list[tuple[str, Tensor]]]:
        """Return, for the rows of each kind, in the order of ``COORDINATES``: kind of the coordinate, and its row."""
        members = {}
        for kind, rows in self.rows.items():
            own = (kind, torch.arange(len(rows), device=rows.device))
            found = [
                (part, _lookup(rows[:, list(atoms)], self.rows[part], part, kind))
                for part, atoms in _PARTS.get(kind, ())
            ]
            members[kind] = [own, *found] if kind == "impropers" else [*found, own]
        return members

    def values(self, kind: str) -> Tensor:
        """Return the coordinates of the rows of a kind, in the order of ``COORDINATES``, shape ``(Q, F, n)``."""
        return torch.stack([self._own[part][:, row] for part, row in self._members[kind]])

    def jacobian(self, kind: str) -> Tensor:
        """Return the derivative of the own coordinate of each row of a kind by its k atoms, shape ``(F, n, k, 3)``."""
        return self._jacobian[kind]

    def row_jacobian(self, kind: str) -> Tensor:
        """Return the derivatives of all coordinates of each row by its k atoms, shape ``(F, n, Q, k, 3)``."""
        rows = self.rows[kind]
        blocks = []
        for part, row in self._members[kind]:
            place = (self.rows[part][row].unsqueeze(2) == rows.unsqueeze(1)).int().argmax(2)
            own = self._jacobian[part][:, row]
            block = own.new_zeros(*own.shape[:2], rows.shape[1], 3)
            blocks.append(block.scatter_(2, place[None, :, :, None].expand_as(own), own))
        return torch.stack(blocks, 2)

    def forces(self, slopes: Mapping[str, Tensor]) -> Tensor:
        """Compute forces from derivatives of the energy by the coordinates.

        Parameters
        ----------
        slopes
            For each kind dE/dq in the order of ``values``, shape ``(Q, F, n)``.

        Returns
        -------
        Tensor
            Forces in units of the energy per Å, shape ``(F, N, 3)``.
        """
        total: dict[str, Tensor] = {}
        for kind, each in slopes.items():
            for (part, row), slope in zip(self._members[kind], each, strict=True):
                before = total[part] if part in total else torch.zeros_like(self._own[part])
                total[part] = before.index_add(1, row, slope)
        forces = torch.zeros_like(self.positions)
        for kind, slope in total.items():
            pulls = slope[..., None, None] * self._jacobian[kind]
            forces = forces.index_add(1, self.rows[kind].reshape(-1), pulls.flatten(1, 2), alpha=-1)
        return forces


_COMPUTE = {
    "bonds": bond_lengths,
    "angles": angles,
    "dihedrals": dihedrals,
    "impropers": wilson_angles,
    "pairs": bond_lengths,
}


def _polar(positions: Tensor, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Return lengths and unit vectors."""
    vector = positions[:, end] - positions[:, start]
    length = vector.norm(dim=-1)
    return length, vector / length.unsqueeze(-1)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1, keepdim=True)


def _positive(values: Tensor, floor: float = 1e-300) -> Tensor:
    """Keep a denominator from zero; what it divides is as small there."""
    return values.clamp_min(floor)


def _as_rows(kind: str, rows: Any, positions: Tensor) -> Tensor:
    array = np.asarray(rows, dtype=np.int64)
    width = _ATOMS[kind]
    if array.size == 0:
        array = array.reshape(0, width)
    if array.ndim != 2 or array.shape[1] != width:
        raise InputError(f"{kind} has shape {array.shape}; expected (n, {width}); give {width} atoms a row")
    n_atoms = positions.shape[1]
    if array.size and not 0 <= array.min() <= array.max() < n_atoms:
        raise InputError(
            f"{kind} names atoms {array.min()} to {array.max()}; expected 0 to {n_atoms - 1}; count atoms from 0"
        )
    return torch.as_tensor(array, device=positions.device)


def _lookup(sought: Tensor, among: Tensor, part: str, kind: str) -> Tensor:
    """Return the row in which each sought bond or angle is listed, forwards or backwards."""
    place = {}
    for row, atoms in enumerate(among.tolist()):
        place[tuple(atoms)] = place[tuple(reversed(atoms))] = row
    missing = [atoms for atoms in sought.tolist() if tuple(atoms) not in place]
    if missing:
        raise InputError(
            f"{kind} are made of atoms {missing[0]}, which are not among the {part}; expected every one listed; "
            f"add it to the {part}"
        )
    return torch.tensor([place[tuple(atoms)] for atoms in sought.tolist()], dtype=torch.int64, device=among.device)
