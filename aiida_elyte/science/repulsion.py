r"""How two nuclei repel each other once they are nearer than a bond: the universal screened Coulomb repulsion.

.. math::

    E(r) = k \frac{Z_1 Z_2}{r} \phi(r / a), \quad
    a = \frac{0.8854\, a_0}{Z_1^{0.23} + Z_2^{0.23}}, \quad \phi(x) = \sum_k c_k \mathrm{e}^{-d_k x}

References
----------
Ziegler, Biersack, Littmark, *The Stopping and Range of Ions in Solids*, Pergamon, New York (1985); formula and
constants as in Ziegler, Ziegler, Biersack, Nucl. Instrum. Methods B 268, 1818 (2010), doi:10.1016/j.nimb.2010.02.091,
and in LAMMPS' ``pair_style zbl``.
"""

import numpy as np

from aiida_elyte.units import COULOMB_EV_A

__all__ = ["SCREENING", "SCREENING_EXPONENT", "SCREENING_LENGTH_A", "screened_repulsion"]

SCREENING = ((0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162))
"""Weight c_k and decay d_k of each term of the universal screening function [1]; the weights sum to one."""
SCREENING_EXPONENT = 0.23
"""Power of the atomic numbers in the screening length [1]."""
SCREENING_LENGTH_A = 0.46850
"""0.8854 Bohr radii [Å], with the digits of LAMMPS."""


def screened_repulsion(first: np.ndarray, second: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Compute E(r) of pairs of nuclei [eV].

    Parameters
    ----------
    first, second
        Atomic numbers Z_1 and Z_2, shape ``(n_pairs,)``.
    distance
        r [Å], shape ``(n_pairs,)``.
    """
    charges = np.asarray(first, float), np.asarray(second, float)
    length = SCREENING_LENGTH_A / (charges[0] ** SCREENING_EXPONENT + charges[1] ** SCREENING_EXPONENT)
    reduced = np.asarray(distance, float) / length
    screening = sum(weight * np.exp(-decay * reduced) for weight, decay in SCREENING)
    return COULOMB_EV_A * charges[0] * charges[1] / distance * screening
