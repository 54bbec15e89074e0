r"""A repulsive baseline under a trained potential: what two nuclei do that no frame of the data shows.

The screened repulsion of ``science.repulsion``, switched off smoothly between two radii of each pair:

.. math::

    E = \sum_{\mathrm{pairs}} E_\mathrm{ZBL}(r)\, S(t), \quad S(t) = 1 - 10 t^3 + 15 t^4 - 6 t^5, \quad
    t = \frac{r - r_\mathrm{in}}{r_\mathrm{out} - r_\mathrm{in}}

with t held between 0 and 1. S has no first and second derivative at either end: energy, force and curvature are
continuous. Radii are parts of the sum of covalent radii (Cordero et al. 2008, doi:10.1039/b801115j): bonds are
beyond the outer one, those of hot crystals too; what a nearer pair gets of it is taken from the labels, so nothing is
counted twice. MACE's and metatrain's ZBL end at the sum of covalent radii itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from ase import Atoms
from ase.data import covalent_radii
from torch import Tensor

from aiida_elyte.science.frames import attach_labels, labels_of
from aiida_elyte.science.potentials.neighbours import Batch
from aiida_elyte.science.repulsion import SCREENING, SCREENING_EXPONENT, SCREENING_LENGTH_A
from aiida_elyte.units import COULOMB_EV_A

__all__ = ["Repulsion", "compute_zbl", "subtract_zbl"]

_INNER, _OUTER = 0.5, 0.75
"""Parts of the sum of covalent radii [1] within which ZBL is whole, and beyond which there is none.

No contact of hot crystals may lie within: there a steep repulsion of heavy ions would have to be unlearned. The nearest
of 1790 PBE frames of LGPS, up to 1200 K, is 0.81, that of α-AgI at 700 K 0.77; with an outer part of 0.9 the force
error of α-AgI was 0.089 eV/Å, with 0.75 it is 0.032, as without a baseline (60 frames, 40 epochs, 32 × 2 features). A
potential without a baseline collapses below 0.5. The radii belong to the name ``zbl`` in files: other radii need another name.
"""


@dataclass(frozen=True)
class Repulsion:
    """What the baseline adds to some systems, in float64 whatever the precision of the vectors."""

    energy: Tensor
    """Of each system [eV], shape (n_systems,)."""
    near: Tensor
    """Places, among the pairs of the batch, of those that may repel each other, shape (n_near,)."""
    slope: Tensor
    """Derivative of the energy by the vectors of these pairs [eV/Å], shape (n_near, 3)."""


def compute_zbl(batch: Batch, vectors: Tensor, cutoff_A: float) -> Repulsion:
    """Compute energy and slope; autograd differentiates both by the vectors.

    The slope is written out, as autograd would take longer over these few pairs than the network over hundreds.

    Parameters
    ----------
    batch
        Atoms and pairs.
    vectors
        Those of the batch [Å], or equal ones to differentiate by, shape (n_pairs, 3).
    cutoff_A
        Distance within which the batch holds all pairs [Å]; every pair is switched off there at the latest.
    """
    table, decays, weights = _constants(vectors.device)
    atoms = table.index_select(1, batch.numbers)
    largest = min(2 * _OUTER * float(atoms[0].max()), cutoff_A)
    near = (torch.linalg.vector_norm(vectors.detach(), dim=1) < largest).nonzero().squeeze(1)
    first, second = batch.first.index_select(0, near), batch.second.index_select(0, near)
    ends = [atoms.index_select(1, end) for end in (first, second)]
    radii, inverse_length, _ = ends[0] + ends[1]
    between = vectors.index_select(0, near).double()
    distance = torch.linalg.vector_norm(between, dim=1)
    terms = torch.exp((distance * inverse_length).unsqueeze(1) * decays) @ weights
    coulomb = COULOMB_EV_A * ends[0][2] * ends[1][2] / distance
    screened = coulomb * terms[:, 0]
    screened_slope = coulomb * inverse_length * terms[:, 1] - screened / distance
    outer = (_OUTER * radii).clamp(max=cutoff_A)
    width = (1 - _INNER / _OUTER) * outer
    t = ((distance - outer) / width + 1).clamp(0.0, 1.0)
    rest = t * (1 - t)
    switch, switch_slope = 1 - t * t * t * (10 - t * (15 - 6 * t)), -30 * rest * rest / width
    slope = (screened_slope * switch + screened * switch_slope) / distance
    energy = slope.new_zeros(batch.n_systems).index_add(0, batch.system.index_select(0, first), screened * switch)
    return Repulsion(energy, near, slope.unsqueeze(1) * between)


@cache
def _constants(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return a table by atomic number, and the screening function and its derivative.

    Rows of the table, shape (3, n_elements): covalent radius [Å], part of 1/a [1/Å], Z. Decays have the shape (4,),
    weights of the function and of its derivative (4, 2).
    """
    numbers = torch.arange(len(covalent_radii), dtype=torch.float64)
    radii = torch.as_tensor(covalent_radii, dtype=torch.float64)
    table = torch.stack([radii, numbers**SCREENING_EXPONENT / SCREENING_LENGTH_A, numbers])
    weights, decays = torch.tensor(SCREENING, dtype=torch.float64).T
    return table.to(device), -decays.to(device), torch.stack([weights, -weights * decays], 1).to(device)


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
        found = compute_zbl(batch, batch.vectors, cutoff_A)
        forces = found.slope.new_zeros(len(frame), 3).index_add(0, batch.first[found.near], found.slope)
        forces = forces.index_add(0, batch.second[found.near], found.slope, alpha=-1)
        labels = labels_of(frame)
        rest.append(
            attach_labels(
                frame.copy(), energy=labels["energy"] - found.energy.item(), forces=labels["forces"] - forces.numpy()
            )
        )
    return rest
