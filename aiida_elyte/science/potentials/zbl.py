r"""A repulsive baseline under a trained potential: what two nuclei do that no frame of the data shows.

The screened repulsion of ``science.repulsion``, switched off smoothly between two radii of each pair:

.. math::

    E = \sum_{\mathrm{pairs}} E_\mathrm{ZBL}(r)\, S(t), \quad S(t) = 1 - 10 t^3 + 15 t^4 - 6 t^5, \quad
    t = \frac{r - r_\mathrm{in}}{r_\mathrm{out} - r_\mathrm{in}}

with t held between 0 and 1. S has no first and second derivative at either end: energy, force and curvature are
continuous. Radii are parts of the sum of covalent radii (Cordero et al. 2008, doi:10.1039/b801115j): single bonds at
rest are beyond the outer one; what multiple bonds and hot contacts get of it is taken from the labels, so nothing is
counted twice. Potentials that sum ZBL up to covalent radii under a network: MACE-MP-0, doi:10.48550/arXiv.2401.00096.
"""

from collections.abc import Sequence
from functools import cache

import torch
from ase import Atoms
from ase.data import covalent_radii
from torch import Tensor

from aiida_elyte.science.frames import attach_labels, labels_of
from aiida_elyte.science.potentials.neighbours import Batch
from aiida_elyte.science.repulsion import SCREENING, SCREENING_EXPONENT, SCREENING_LENGTH_A
from aiida_elyte.units import COULOMB_EV_A

__all__ = ["subtract_zbl", "zbl_energy"]

_INNER, _OUTER = 0.6, 0.9
"""Parts of the sum of covalent radii [1] within which ZBL is whole, and beyond which there is none.

The nearest contact of 1790 PBE frames of LGPS, up to 1200 K, is 0.81; a potential without a baseline collapses below
0.5. The radii belong to the name ``zbl`` in files: other radii need another name.
"""


def zbl_energy(batch: Batch, vectors: Tensor, cutoff_A: float) -> Tensor:
    """Compute the repulsion of each system [eV], float64 whatever the precision of the vectors, shape (n_systems,).

    Parameters
    ----------
    batch
        Atoms and pairs.
    vectors
        Those of the batch [Å], or equal ones to differentiate by, shape (n_pairs, 3).
    cutoff_A
        Distance within which the batch holds all pairs [Å]; no pair is switched off beyond it.
    """
    radii = _covalent_radii(vectors.device).index_select(0, batch.numbers)
    with torch.no_grad():
        outer = (radii.index_select(0, batch.first) + radii.index_select(0, batch.second)).mul_(_OUTER)
        outer = outer.clamp_(max=cutoff_A)
        near = ((vectors * vectors).sum(1) < outer * outer).nonzero().squeeze(1)
    first, second = batch.first.index_select(0, near), batch.second.index_select(0, near)
    distance = torch.linalg.vector_norm(vectors.index_select(0, near).double(), dim=1)
    outer = outer.index_select(0, near)
    screened = _screened_repulsion(batch.numbers[first].double(), batch.numbers[second].double(), distance)
    pairs = screened * _switch(distance, outer * (_INNER / _OUTER), outer)
    return pairs.new_zeros(batch.n_systems).index_add(0, batch.system.index_select(0, first), pairs)


def _screened_repulsion(first: Tensor, second: Tensor, distance: Tensor) -> Tensor:
    """Compute what ``science.repulsion.screened_repulsion`` does, with a gradient by the distance."""
    reduced = distance * ((first**SCREENING_EXPONENT + second**SCREENING_EXPONENT) / SCREENING_LENGTH_A)
    weights, decays = reduced.new_tensor(SCREENING).T
    return COULOMB_EV_A * first * second / distance * (torch.exp(-reduced.unsqueeze(1) * decays) @ weights)


def _switch(distance: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
    """Compute S, one up to the inner radius and zero from the outer one on."""
    t = ((distance - inner) / (outer - inner)).clamp(0.0, 1.0)
    return 1 - t**3 * (10 - t * (15 - 6 * t))


@cache
def _covalent_radii(device: torch.device) -> Tensor:
    """Return the covalent radii by atomic number [Å], float64."""
    return torch.as_tensor(covalent_radii, dtype=torch.float64, device=device)


def subtract_zbl(frames: Sequence[Atoms], cutoff_A: float) -> list[Atoms]:
    """Return copies of labelled frames whose energies and forces are what the repulsion leaves to be learned.

    Parameters
    ----------
    frames
        With energies and forces.
    cutoff_A
        That of the potential [Å].
    """
    rest = []
    for frame in frames:
        batch = Batch.from_frames([frame], cutoff_A, torch.float64)
        vectors = batch.vectors.requires_grad_()
        energy = zbl_energy(batch, vectors, cutoff_A).sum()
        (slope,) = torch.autograd.grad(energy, vectors)
        repulsion = slope.new_zeros(len(frame), 3).index_add(0, batch.first, slope)
        repulsion = repulsion.index_add(0, batch.second, slope, alpha=-1)
        labels = labels_of(frame)
        rest.append(
            attach_labels(
                frame.copy(), energy=labels["energy"] - energy.item(), forces=labels["forces"] - repulsion.numpy()
            )
        )
    return rest
