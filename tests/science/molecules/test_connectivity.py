import re

import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.molecules.connectivity import topology_from_text, write_bonds
from aiida_elyte.science.molecules.topology import topology_from_bonds, topology_from_smiles
from tests.science.molecules.topologies import TFSI, is_same


def test_ammonium_is_four_bonds_and_one_charge():
    assert write_bonds(topology_from_smiles("[NH4+]")) == "0-1 0-2 0-3 0-4; 0:+1"


def test_text_keeps_all_but_names():
    topology = topology_from_smiles(f"COCCOC.{TFSI}.[Mg+2]")
    unnamed = topology_from_bonds(topology.elements, topology.bonds, topology.formal_charges)
    assert is_same(topology_from_text(topology.elements, write_bonds(topology)), unnamed)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0-1 0-2", "bonds is '0-1 0-2'; expected pairs of atoms and charges"),
        ("0-1 0-2; 0:plus", "bonds is '0-1 0-2; 0:plus'"),
        ("0-1 0-2; 3:+1", "bonds names a charge of an atom beyond 3"),
        ("0-1 0-3; ", "bond (0, 3) is invalid; expected two different atoms of 0 … 2"),
    ],
)
def test_text_of_another_frame_is_refused(text, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        topology_from_text(["O", "H", "H"], text)
