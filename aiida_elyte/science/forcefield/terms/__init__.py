"""Families of terms, one a file: energy and derivatives by formula."""

from aiida_elyte.science.forcefield.terms.angle import Angle
from aiida_elyte.science.forcefield.terms.bond import Bond
from aiida_elyte.science.forcefield.terms.dihedral import Dihedral
from aiida_elyte.science.forcefield.terms.improper import Improper
from aiida_elyte.science.forcefield.terms.nonbonded import Coulomb, LennardJones96, nonbonded_pairs
from aiida_elyte.science.forcefield.terms.term import Parameter, Term

__all__ = [
    "Angle",
    "Bond",
    "Coulomb",
    "Dihedral",
    "Improper",
    "LennardJones96",
    "Parameter",
    "Term",
    "nonbonded_pairs",
]
