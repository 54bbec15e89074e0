"""SMILES of molecules whose topologies are known, and what it means that two topologies are the same."""

import numpy as np

TFSI = "O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F"
PF6 = "F[P-](F)(F)(F)(F)F"
EC = "C1COC(=O)O1"
TERMS = ("bonds", "angles", "dihedrals", "impropers")


def is_same(one, other):
    """Tell whether all fields are equal."""
    arrays = ("formal_charges", "molecules", *TERMS)
    return (
        one.elements == other.elements
        and one.names == other.names
        and all(np.array_equal(getattr(one, field), getattr(other, field)) for field in arrays)
    )
