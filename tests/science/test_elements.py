"""Elements from labels in any case, from names with and without masses, and never from a mass that may be another's."""

import numpy as np
import pytest
from ase.data import atomic_masses, atomic_numbers

from aiida_elyte.science.elements import (
    element_of_mass,
    elements_in_residues,
    elements_of_labels,
    read_label,
)


@pytest.mark.parametrize(
    ("label", "candidates"),
    [
        ("Li", ("Li",)),
        ("LI1+", ("Li",)),
        ("NA+", ("Na", "N")),
        ("Na+", ("Na",)),
        ("CL1", ("Cl", "C")),
        ("Cl-", ("Cl",)),
        ("CA", ("Ca", "C")),
        ("Ca2+", ("Ca",)),
        ("HW1", ("H",)),
        ("HE2", ("H",)),
        ("CH3", ("C",)),
        ("1HB", ("H",)),
        ("SOD", ("Na", "S")),
        ("CLA", ("Cl", "C")),
        ("CAD", ("Cd", "Ca", "C")),
        ("D", ("H",)),
        ("CF1", ("C",)),
        ("MW", ()),
        ("7", ()),
    ],
)
def test_a_label_stands_for_one_element_or_some(label, candidates):
    assert read_label(label) == candidates


def test_labels_of_a_column_of_elements_are_taken_in_any_case():
    assert elements_of_labels(["LI", "CL", "s", "P"]) == {"LI": "Li", "CL": "Cl", "s": "S", "P": "P"}
    assert elements_of_labels(["Li1+", "CL1-"]) == {"Li1+": "Li", "CL1-": "Cl"}
    assert elements_of_labels(["1", "2"], {"1": "Li", "2": "Cl"}) == {"1": "Li", "2": "Cl"}
    assert elements_of_labels(["1", "Li"]) == {"1": "1", "Li": "Li"}  # no element: whoever asks for one says so


def test_chlorine_is_never_carbon_and_alpha_carbon_never_calcium():
    names = ["C1", "H1", "CL1", "CA", "BR"]
    symbols, said = elements_in_residues(names, [(1, "MOL")] * 5)
    assert symbols == ("C", "H", "Cl", "C", "Br")
    assert said == "read CA as C"
    names, residues = ["CA", "NA", "CL", "CLA", "SOD"], [(1, "CA"), (2, "NA+"), (3, "CL-"), (4, "CLA"), (5, "SOD")]
    assert elements_in_residues(names, residues) == (("Ca", "Na", "Cl", "Cl", "Na"), "")
    assert elements_in_residues(["CAD", "C1", "H1"], [(1, "MOL")] * 3)[0] == ("C", "C", "H")


def test_names_that_may_be_two_elements_in_an_inorganic_residue_are_unclear():
    symbols, said = elements_in_residues(["NA", "ZR", "SI", "P", "O"], [(1, "NZP")] * 5)
    assert symbols is None
    assert said == "atom names NA do not tell their elements"
    symbols, _ = elements_in_residues(["LI", "LA", "ZR", "O"], [(1, "LLZ")] * 4)
    assert symbols == ("Li", "La", "Zr", "O")


def test_masses_decide_what_a_name_means():
    names, masses = ["ca", "na", "cl", "NA", "ho", "os"], [12.01, 14.01, 35.45, 22.99, 1.008, 16.0]
    assert elements_in_residues(names, [(1, "")] * 6, masses)[0] == ("C", "N", "Cl", "Na", "H", "O")


def test_united_atoms_are_what_they_are_called_and_nothing_by_their_mass():
    masses = [15.035, 14.027, 13.019, 16.043]
    assert elements_in_residues(["CH3", "CH2", "CH", "CH4"], [(1, "")] * 4, masses)[0] == ("C",) * 4
    assert elements_in_residues(["CH2", "cyano"], [(1, "")] * 2, [14.0, 14.007])[0] == ("C", "N")
    assert elements_in_residues(["of", "carbonyl"], [(1, "")] * 2, [18.998, 15.999])[0] == ("F", "O")
    for mass in masses:
        assert element_of_mass(mass) is None
        assert elements_in_residues([""], [(1, "")], [mass])[0] is None
    assert element_of_mass(14.007) == element_of_mass(14.01) == "N"


@pytest.mark.parametrize("heavy", [3.024, 3.0, 4.0, 4.032])
def test_repartitioned_masses_are_read_by_name_only(heavy):
    excess = heavy - 1.008
    # amine, alcohol and methylene of an HMR force field: N-H may weigh what C does, O-H what N does
    masses = [14.007 - excess, 15.999 - excess, 12.011 - 2 * excess, heavy, 6.94, 18.998]
    names = ["N1", "OH", "C2", "H1", "LI", "F1"]
    assert elements_in_residues(names, [(1, "")] * 6, masses)[0] == ("N", "O", "C", "H", "Li", "F")
    assert elements_in_residues([""] * 6, [(1, "")] * 6, masses)[0] is None


def test_standard_masses_and_isotopes_of_lithium_tell_their_element():
    for symbol in ("H", "Li", "B", "C", "N", "O", "F", "Na", "Si", "P", "S", "Cl", "K", "Ge", "La", "Zr"):
        mass = atomic_masses[atomic_numbers[symbol]]
        for rounded in (mass, np.round(mass, 3), np.round(mass, 2)):
            assert element_of_mass(float(rounded)) == symbol
    assert element_of_mass(7.016) == element_of_mass(6.997) == "Li"
    assert element_of_mass(2.014) is None  # deuterium, or a heavy hydrogen
    assert element_of_mass(0.0) is None
