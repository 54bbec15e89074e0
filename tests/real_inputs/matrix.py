"""What is read of each format, what is checked and what is rejected: found out by reading, printed as tables.

python tests/real_inputs/matrix.py > docs/formats.md
"""

import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from aiida_elyte.units import RYDBERG_EV
from tests.fuzz.laws import original_of
from tests.fuzz.seed_files import SEEDS, Seed
from tests.real_inputs.format_probes import (
    NONE,
    Probe,
    cell_of_each,
    cells_differ,
    changed,
    count,
    count_of_walk,
    cut_at,
    cut_before_its_end,
    cut_within_last_frame,
    energy_of,
    held,
    interval,
    labels,
    no_numbers_in,
    overrule,
    repeated,
    stars_in,
    velocities,
    without_cell,
)

__all__ = ["Table", "document", "tables"]


def _named(kind: str, *names: str) -> list[Seed]:
    return [seed for name in names for seed in SEEDS[kind] if seed.name == name]


@dataclass(frozen=True)
class Table:
    """Formats and what is done with them."""

    title: str
    """What it tells of."""
    text: str
    """What stands between title and table."""
    columns: Mapping[str, Mapping[str, Probe] | Probe]
    """Head of the column → the probe, or seed → its probe."""
    seeds: Sequence[Seed]
    """Formats, in order."""

    def rows(self) -> dict[str, list[str]]:
        """Return the words of each format, by running the probes."""
        found = {}
        for seed in self.seeds:
            with tempfile.TemporaryDirectory() as place:
                original = original_of(seed, Path(place))
                found[seed.name] = [_words(probe, seed, original, Path(place)) for probe in self.columns.values()]
        return found

    def markdown(self) -> str:
        """Return the table."""
        heads = ["format", *self.columns]
        text = "\n".join(textwrap.wrap(self.text, 120, break_on_hyphens=False))
        lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        lines += [f"| {' | '.join([_NAMES.get(name, name), *words])} |" for name, words in self.rows().items()]
        return f"## {self.title}\n\n{text}\n\n" + "\n".join(lines) + "\n"


_NAMES = {
    "pw.x md": "pw.x",
    "CP2K md": "CP2K",
    "FHI-aims md": "FHI-aims",
    "CASTEP md": "CASTEP",
    "dump x": "LAMMPS dump",
    "CP2K xyz": "XYZ of CP2K",
    "i-PI xyz": "XYZ of i-PI",
    "extxyz": "extended XYZ",
}
"""Seed → what the tables call its format, if otherwise."""


def _words(probe, seed, original, folder):
    if isinstance(probe, dict):
        probe = probe.get(seed.name)
    return NONE if probe is None else probe(seed, original, folder)


_NAN_FORCE = {
    "vasprun.xml": r'name="forces" >\n +<v> +(\S+)',
    "OUTCAR": r"TOTAL-FORCE.*\n -+\n(?: +\S+){3} +(\S+)",
    "pw.x md": r"^     atom .* force = +(\S+)",
    "CP2K md": r"^ +1 +1 +H +(\S+)",
    "FHI-aims md": r"unitary forces cleaned.*\n +\| +1 +(\S+)",
    "CASTEP md": r"Forces \*+\n(?:.*\n){5} \* \S+ +\d+ +(\S+)(?=[\s\S]*Forces \*+)",
    "extxyz": r"^Cl(?: +\S+){3} +(\S+)",
}
"""Format → the first number of the forces of a frame."""

_UNCONVERGED = {
    "vasprun.xml": changed(r'name="NELM"> +(60)<', b" 3"),
    "OUTCAR": changed(r"NELM   = +(60);", b" 3"),
    "pw.x md": changed(r"(convergence has been achieved in)", b"convergence NOT achieved after"),
    "CP2K md": changed(r"(\*\*\* SCF run converged in +\d+ steps \*\*\*)", b"*** WARNING SCF run NOT converged ***"),
    "FHI-aims md": changed(r"(Self-consistency cycle converged\.)", b"Self-consistency cycle not yet converged."),
    "CASTEP md": changed(
        r"(^Final energy, E  .*\n)",
        b"*Warning* max. SCF cycles performed but system has not reached the groundstate.\n"
        b"Final energy, E             =  -1351.294716003     eV\n",
    ),
}
"""Format → what its file says where electrons did not converge."""

_ENERGIES = {
    "vasprun.xml": energy_of(
        {
            "free energy": r'e_fr_energy">(.*?)<',
            "σ → 0": r'e_0_energy">(.*?)<',
            "without entropy": r'e_wo_entrp">(.*?)<',
        }
    ),
    "OUTCAR": energy_of({"free energy": r"free  energy   TOTEN  =(.*) eV", "σ → 0": r"energy\(sigma->0\) =(.*)"}),
    "pw.x md": energy_of({"`!` (under smearing, free energy)": r"^!    total energy += +(\S+) Ry"}, RYDBERG_EV),
    "CP2K md": energy_of({"`ENERGY\\| Total FORCE_EVAL`": r"ENERGY\| .*: +(\S+)"}, 2 * RYDBERG_EV),
    "FHI-aims md": energy_of({"electronic free energy": r"Electronic free energy +: +(\S+) eV"}),
    "CASTEP md": energy_of({"free energy E − TS": r"Final free energy \(E-TS\) += +(\S+)"}),
    "extxyz": energy_of({"`energy`": r" energy=(\S+)"}),
}

_ZERO = r"\g<1>0.00000000 0.00000000 0.00000000"

_HELD = {
    "vasprun.xml": held(
        (
            r'(  <structure name="initialpos">\n(?:.*\n)*?  )(</structure>)',
            r'\1 <varray type="logical" name="selective" >\n    <v>  F  F  F </v>\n'
            + 3 * r"    <v>  T  T  T </v>\n"
            + r"   </varray>\n  \2",
        )
    ),
    "pw.x md": held(
        (r"^(Li +\S+ +\S+ +\S+)$", r"\1    0   0   0"), (r"^(     atom    1 type  1   force = +)\S+ +\S+ +\S+", _ZERO)
    ),
    "CP2K md": held((r"^( +1 +1 +H +)-?\d\S+ +\S+ +\S+$", _ZERO)),
    "FHI-aims md": held(
        (r"^(  Input geometry:)$", r"  Found relaxation constraint for atom       1: All coordinates fixed.\n\1"),
        (r"\(unitary forces cleaned\)", "(unitary forces were cleaned, then relaxation constraints were applied)"),
        (r"^(  \|    1  )(?: +\S+E\S+){3}$", r"\1 0.0E+00 0.0E+00 0.0E+00"),
    ),
    "CASTEP md": held((r"\*{5} Forces \*{5}", "***** Constrained Forces *****")),
    "extxyz": held(
        (r"forces:R:3", "forces:R:3:move_mask:L:1"),
        (r"^(Li .*)$", r"\1 F"),
        (r"^(Cl .*)$", r"\1 T"),
    ),
}
"""Format → an atom held fixed, with the forces that its program then writes."""

_LAST_OF_CELL = {
    "vasprun.xml": cell_of_each(r'name="basis" >\n +<v> +(\S+)(?=[\s\S]*name="forces")', b"5.20000000"),
    "OUTCAR": cell_of_each(r"direct lattice vectors.*\n +(\S+)", b"5.200000000"),
    "extxyz": cell_of_each(r'Lattice="(\S+)', b"5.20000000"),
    "CP2K md": cells_differ,
}
"""The last cell that a file holds."""

LABELLED = Table(
    "Frames with labels",
    "What `aiida-elyte import`, `train` and `forcefield fit` take. Energies are those of which the forces are the "
    "derivative; units and signs are those of ASE.",
    {
        "frames": count,
        "labels": labels,
        "energy": _ENERGIES,
        "electrons not converged": _UNCONVERGED,
        "cut within a frame": cut_within_last_frame,
        **no_numbers_in(_NAN_FORCE),
        "cell": _LAST_OF_CELL,
        "atoms held fixed": _HELD,
    },
    _named("labels", *_NAN_FORCE),
)

_POSITION = {
    "dump x": r"^8 \w+ (\S+)",
    "XDATCAR": r"^ +(0\.\d+)",
    "XDATCAR of NPT": r"^ +(0\.\d+)",
    "extxyz": r"^Cl +(\S+)",
    "CP2K xyz": r"^ *Cl +(\S+)",
    "i-PI xyz": r"^ *Cl +(\S+)",
    "GRO": r"^ +4CL +CL +4 +(\S+)",
}
"""Format → a position of its last frame."""

_CELLS = {
    "dump x": cell_of_each(r"BOX BOUNDS.*\n\S+ (\S+)", b"5.9000000000000000e+00"),
    "XDATCAR of NPT": cell_of_each(r"^LiCl\n.*\n +(\S+)", b"5.200000"),
    "extxyz": cell_of_each(r'Lattice="(\S+)', b"5.20000000"),
    "i-PI xyz": cell_of_each(r"CELL\(abcABC\): +(\S+)", b"5.20000"),
    "GRO": cell_of_each(r"^ +(0\.51000) ", b"0.52000"),
}

TRAJECTORIES = Table(
    "Trajectories as text",
    "What `aiida-elyte transport` takes, plain or compressed (gzip, bzip2, xz, zstd). A file whose frames are not "
    "evenly spaced in time is rejected: a frame lost in the middle would shift all that follow.",
    {
        "frames": count,
        "time": interval,
        "another `--timestep-fs`": overrule,
        "cells": without_cell,
        "a cell that changes": _CELLS,
        "velocities": velocities,
        "cut within a frame": cut_within_last_frame,
        **no_numbers_in(_POSITION),
        "a frame that stands twice": repeated,
    },
    _named("trajectories", *_POSITION),
)

BINARY = Table(
    "Trajectories in binary files",
    "The atoms of DCD, XTC, TRR and NetCDF are named by `--topology`. A file of torch-sim is kept up to its last whole "
    "chunk; the one tried here has a single one.",
    {
        "frames": count_of_walk,
        "time": interval,
        "another `--timestep-fs`": overrule,
        "cells": without_cell,
        "velocities": velocities,
        "cut within a frame": cut_before_its_end,
    },
    SEEDS["binary"],
)

STRUCTURES = Table(
    "Structures and topologies",
    "One crystal, as `aiida-elyte launch crystal` takes it, or the atoms and bonds of a trajectory (`--topology`).",
    {
        "cut": {
            "CIF": cut_at(r"^(Cl4 .*)$"),
            "POSCAR": cut_at(r"^ +\S+ +\S+ +(\S+) .*T$"),
            "LAMMPS data": cut_at(r"(\S+)\n\Z"),
            "PSF": cut_at(r"(\S+)\s*\Z"),
        },
        "overflow (`****`)": {
            "CIF": stars_in(r"^Cl4 Cl1- (\S+)"),
            "POSCAR": stars_in(r"^ +(\S+) .*T$"),
            "LAMMPS data": stars_in(r"^1 (6\.94)$"),
            "PSF": stars_in(r"Cl +\S+ +(35\.4500)"),
        },
        "another formula": {"CIF": changed(r"_chemical_formula_sum '(Cl1 Na1)'", b"Cl2 Na1")},
        "partial occupancy": {"CIF": changed(r"^Cl4 .* (1\.0)$", b"0.5")},
        "atoms on top of each other": {
            "CIF": changed(r"^Cl4 Cl1- (0\.0000 0\.0000 0\.5000)", b"0.0000 0.0000 0.0100"),
            "POSCAR": changed(r"  (.*)   T   T   T\n\Z", b"0.7127 0.2775 0.8001"),
        },
        "labels in capitals": {"CIF": changed(r"^(Cl4 Cl1-)", b"CL4 CL1-")},
    },
    _named("structures", "CIF", "POSCAR", "LAMMPS data", "PSF"),
)


def tables() -> list[Table]:
    """Return the tables in order."""
    return [LABELLED, TRAJECTORIES, BINARY, STRUCTURES]


def document() -> str:
    """Return the page."""
    head = """# Formats: what is read, checked and rejected

Every word of these tables was found by reading a file, whole or changed as the head of the column says:
`python tests/real_inputs/matrix.py > docs/formats.md` writes this page, and a test compares it.

- *read*: as before, to the last digit.
- *left out*: the frame that was hit is missing, the others are as before, and a note or warning names it.
- *rejected*: nothing is read; one line names the file, what was expected and what to do, exit code 2. So it is where
  the change hits every frame, as a lower `NELM` of VASP does, or an atom that is fixed.
- *with a note*, *with a warning*: a sentence says so.
- –: the format has nothing of the kind, or the file tried has none.

"""
    return head + "\n".join(table.markdown() for table in tables())


if __name__ == "__main__":
    click.echo(document(), nl=False)
