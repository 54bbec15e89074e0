"""The files that the fuzzing starts from, one or more for each text reader."""

import bz2
import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
import zstandard

from tests.fuzz import readings, structure_files, trajectory_files, vasp_files
from tests.fuzz.binary_files import BINARY
from tests.fuzz.molten_salt import CELL
from tests.fuzz.readings import Reading

__all__ = ["SEEDS", "Seed"]

_KEPT = Path(__file__).parent / "seeds"
"""Outputs of engines; see the README there."""


def _ase_data() -> Path:
    """Return the folder of the real outputs that ASE is tested with."""
    spec = find_spec("ase")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "test" / "testdata"


@dataclass(frozen=True)
class Seed:
    """One file and its reader."""

    name: str
    """What it is called in the tests."""
    file: str
    """Name of the file."""
    source: Callable[[], bytes] | Path
    """Its content, or where that is."""
    read: Callable[[Path], Reading]
    """Reads it."""
    law: str
    """``frames`` with labels, ``trajectory`` at even intervals, ``whole`` file or nothing, ``line``: messages only."""
    start: str | None = None
    """Pattern of the first line of a frame that stands for itself."""
    tells_end: bool = False
    """Whether the file tells where it ends, so that no cut may go unnoticed."""
    beside: Mapping[str, bytes] = field(default_factory=dict)
    """Other files of the folder."""
    greeting: bytes = b""
    """Line of the program's banner, which the test data of ASE lack."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What is given to the reader of a trajectory."""
    kinds: tuple[str, ...] | None = None
    """Mutations that it can stand; all if ``None``."""

    without: str | None = None
    """Lines that are taken out of the file: with them its reader rejects it."""

    @cached_property
    def content(self) -> bytes:
        """The bytes of the file."""
        found = self.source.read_bytes() if isinstance(self.source, Path) else self.source()
        return self.greeting + (found if self.without is None else re.sub(self.without.encode(), b"", found))

    @property
    def is_there(self) -> bool:
        """Whether the file can be had."""
        return not isinstance(self.source, Path) or self.source.is_file()

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where the frames that stand for themselves begin."""
        if self.start is None:
            return ()
        return tuple(match.start() for match in re.finditer(self.start.encode(), self.content, re.MULTILINE))


def _labelled(name: str, file: str, source: Callable[[], bytes] | Path, **options) -> Seed:
    level = options.pop("level", None)
    return Seed(name, file, source, readings.frames_of(level), "frames", **options)


def _moving(
    name: str, file: str, content: Callable[[], str], start: str | None, *, pack=None, beside=None, **options
) -> Seed:
    def source() -> bytes:
        plain = content().encode()
        return plain if pack is None else pack(plain)

    return Seed(
        name, file, source, readings.trajectory_of(**options), "trajectory", start, beside=beside or {}, options=options
    )


def _text(name: str) -> Callable[[], str]:
    return (_KEPT / name).read_text


_RECIPE = {
    "name": "mixture",
    "polymer": {"unit": "*CCO*", "n_units": 3, "head": "*OC", "tail": "*C"},
    "solvents": {"DME": {"smiles": "COCCOC", "parts": 0.5}},
    "salt": {"name": "LiTFSI", "ratio": 0.075},
    "n_atoms": 400,
    "temperature_K": 363.0,
}
_COUNT = r"^ *4\n"
"""A line with the number of atoms."""

_LABELLED = [
    _labelled(
        "vasprun.xml", "vasprun.xml", lambda: vasp_files.vasprun().encode(), start="^ <calculation>", tells_end=True
    ),
    _labelled("vasprun.xml of ASE", "vasprun.xml", _ase_data() / "vasp" / "vasprun_pstress.xml", tells_end=True),
    _labelled(
        "OUTCAR",
        "OUTCAR",
        lambda: vasp_files.outcar().encode(),
        start=r"^-+ Iteration +\d+\( +1\)",
        tells_end=True,
        level="PBE",
    ),
    *(
        _labelled(f"pw.x {name}", "pw.out", _KEPT / f"pw_{name}.out", tells_end=True)
        for name in ("scf", "smearing", "relax", "vc_relax", "md")
    ),
    _labelled("CP2K energy", "run.out", _KEPT / "cp2k_energy.out", tells_end=True, level="PBE"),
    _labelled(
        "CP2K md",
        "run.out",
        _KEPT / "cp2k_md.out",
        tells_end=True,
        level="PBE",
        # Without the file of forces, which has more decimals: it would give those of a step whose own were cut.
        beside={name: (_KEPT / f"cp2k_{name}").read_bytes() for name in ("run-pos-1.xyz", "run-1.cell")},
    ),
    *(
        _labelled(
            f"FHI-aims {name}",
            "aims.out",
            _ase_data() / "aims" / f"{name}.out",
            tells_end=True,
            level="PBE",
            greeting=b"          Invoking FHI-aims ...\n",
            without=r".*Found relaxation constraint.*\n",
        )
        for name in ("singlepoint", "relax", "md")
    ),
    _labelled("CASTEP md", "md.castep", _ase_data() / "castep" / "md.castep", tells_end=True, level="PBE"),
    _labelled("extxyz", "set.extxyz", lambda: trajectory_files.extxyz_frames().encode(), start=_COUNT, level="PBE"),
    _labelled(
        "extxyz of MACE",
        "set.xyz",
        lambda: trajectory_files.extxyz_frames(energy="REF_energy", forces="REF_forces", stress="REF_stress").encode(),
        start=_COUNT,
        level="PBE",
    ),
    _labelled(
        "extxyz of NEP",
        "set.xyz",
        lambda: trajectory_files.extxyz_frames(
            forces="force", lattice="lattice", columns="properties", stress="virial"
        ).encode(),
        start=_COUNT,
        level="PBE",
    ),
]

_TRAJECTORIES = [
    _moving("dump x", "x.lammpstrj", _text("lammps_x.lammpstrj"), "^ITEM: TIMESTEP", timestep_fs=2.0),
    _moving(
        "dump xu",
        "xu.lammpstrj",
        _text("lammps_xu.lammpstrj"),
        "^ITEM: TIMESTEP",
        timestep_fs=2.0,
        lammps_units="metal",
    ),
    _moving("XDATCAR", "XDATCAR", vasp_files.xdatcar, "^Direct", timestep_fs=10.0),
    _moving("XDATCAR of NPT", "XDATCAR", lambda: vasp_files.xdatcar(True), "^LiCl", timestep_fs=10.0),
    _moving("extxyz", "run.extxyz", trajectory_files.extxyz_trajectory, _COUNT),
    _moving("CP2K xyz", "run-pos-1.xyz", trajectory_files.cp2k_xyz, _COUNT, cell_A=CELL),
    _moving("i-PI xyz", "run.pos_0.xyz", trajectory_files.ipi_xyz, _COUNT, timestep_fs=0.5),
    _moving("GRO", "run.gro", trajectory_files.gro, "^molten"),
    _moving("dump.gz", "x.lammpstrj.gz", _text("lammps_x.lammpstrj"), None, pack=gzip.compress, timestep_fs=2.0),
    _moving("extxyz.bz2", "run.extxyz.bz2", trajectory_files.extxyz_trajectory, None, pack=bz2.compress),
    _moving(
        "XDATCAR.zst",
        "XDATCAR.zst",
        vasp_files.xdatcar,
        None,
        pack=zstandard.ZstdCompressor().compress,
        timestep_fs=10.0,
    ),
]

_BINARY = [
    Seed(
        name,
        file,
        content,
        readings.trajectory_of(**options),
        "trajectory",
        {"XTC": r"\x00\x00\x07\xcb", "TRR": r"\x00\x00\x07\xc9"}.get(name),
        options=options,
        # Random bytes let the libraries behind these formats write where they must not; no process survives that.
        kinds=("cut",),
    )
    for name, (file, content, options) in BINARY.items()
]

_STRUCTURES = [
    Seed("CIF", "halite.cif", lambda: structure_files.cif().encode(), readings.structure_of, "whole", tells_end=True),
    Seed("POSCAR", "POSCAR", lambda: vasp_files.poscar().encode(), readings.structure_of, "whole", tells_end=True),
    Seed(
        "LAMMPS data",
        "salt.data",
        lambda: structure_files.lammps_data().encode(),
        readings.topology_of,
        "whole",
        tells_end=True,
    ),
    Seed("PSF", "salt.psf", lambda: structure_files.psf().encode(), readings.topology_of, "whole", tells_end=True),
    # The serial numbers of PDB may be stars, and no line tells how many atoms there are.
    Seed("PDB", "salt.pdb", lambda: structure_files.pdb().encode(), readings.topology_of, "line"),
    Seed("GRO topology", "salt.gro", lambda: trajectory_files.gro().encode()[: 5 * 70], readings.topology_of, "line"),
    # Any part of a recipe may be a recipe.
    Seed("recipe", "box.yaml", lambda: yaml.safe_dump(_RECIPE, sort_keys=False).encode(), readings.recipe_of, "line"),
]

SEEDS: dict[str, tuple[Seed, ...]] = {
    "labels": tuple(_LABELLED),
    "trajectories": tuple(_TRAJECTORIES),
    "binary": tuple(_BINARY),
    "structures": tuple(_STRUCTURES),
}
"""Kind of file → its seeds."""
