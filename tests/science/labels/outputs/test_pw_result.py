"""pw.x output read without pw.x."""

import numpy as np
import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.labels.outputs.pw_result import read_pw_xml

XML = """<?xml version="1.0"?>
<qes:espresso xmlns:qes="http://www.quantum-espresso.org/ns/qes/qes-1.0">
  <input><dft><functional>PBE</functional></dft></input>
  <output>
    <convergence_info><scf_conv><convergence_achieved>true</convergence_achieved></scf_conv></convergence_info>
    <total_energy><etot>-2.0e0</etot></total_energy>
    <forces rank="2" dims="3 2" order="F">
      1.0e0 0.0e0 0.0e0
      0.0e0 -2.0e0 3.0e0
    </forces>
    <stress rank="2" dims="3 3" order="F">1.0 6.0 5.0 6.0 2.0 4.0 5.0 4.0 3.0</stress>
  </output>
</qes:espresso>"""


def test_atomic_units_become_ours():
    # CODATA 2018: 27.211386245988 eV, 0.529177210903 Å; later ones move the last digits only.
    hartree, bohr = 27.211386245988, 0.529177210903
    found = read_pw_xml(XML)
    assert found.level.method == "PBE"
    assert found.energy == pytest.approx(-2 * hartree, rel=1e-9)
    np.testing.assert_allclose(found.forces, np.array([[1, 0, 0], [0, -2, 3]]) * hartree / bohr, rtol=1e-8)


def test_compressed_crystal_has_negative_stress_in_voigt_order():
    hartree, bohr = 27.211386245988, 0.529177210903
    np.testing.assert_allclose(read_pw_xml(XML).stress, -np.array([1, 2, 3, 4, 5, 6]) * hartree / bohr**3, rtol=1e-8)


def test_unconverged_run_is_refused():
    with pytest.raises(InputError, match="not self-consistent"):
        read_pw_xml(XML.replace("achieved>true", "achieved>false"))


@pytest.mark.parametrize("name", ["etot", "forces", "stress"])
def test_missing_label_is_named(name):
    with pytest.raises(InputError, match=f"no .*{name}; expected energy, forces and stress"):
        read_pw_xml(XML.replace(f"<{name}", "<other").replace(f"</{name}>", "</other>"))
