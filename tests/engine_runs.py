"""Short runs of real engines: what they print is the oracle of the readers, and the seed of the fuzzing.

python tests/engine_runs.py FOLDER      # makes tests/fuzz/seeds anew
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PSEUDOS = Path(os.environ.get("ELYTE_PSEUDOS", ""))
_ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)]),
}

_PW = """&control
 calculation='{kind}', prefix='run', outdir='./out', pseudo_dir='{pseudos}', tprnfor=.true., tstress=.true.
 {control}
/
&system
 ibrav=0, nat=2, ntyp=2, ecutwfc=20, {system}
/
&electrons
 conv_thr=1e-8, {electrons}
/
{more}
ATOMIC_SPECIES
Li 6.94 Li.upf
Cl 35.45 Cl.upf
CELL_PARAMETERS angstrom
0.0 2.55 2.57
2.53 0.0 2.56
2.55 2.54 0.0
ATOMIC_POSITIONS angstrom
Li 0.02 0.01 -0.03
Cl 2.56 2.57 2.52
K_POINTS gamma
"""

PW_RUNS = {
    "scf": {"kind": "scf"},
    "smearing": {"kind": "scf", "system": "occupations='smearing', smearing='mv', degauss=0.05, nbnd=8"},
    "not_converged": {"kind": "scf", "electrons": "electron_maxstep=3"},
    "relax": {"kind": "relax", "control": "nstep=4", "more": "&ions\n/"},
    "vc_relax": {"kind": "vc-relax", "control": "nstep=3", "more": "&ions\n/\n&cell\n/"},
    "md": {"kind": "md", "control": "nstep=4, dt=20", "more": "&ions\n ion_temperature='initial', tempw=600\n/"},
}
"""Name of a run of pw.x → what its input holds: two atoms of LiCl off their sites in a cell without symmetry."""

_CP2K = """&GLOBAL
 PROJECT run
 RUN_TYPE {kind}
 PRINT_LEVEL {level}
 &REFERENCES OFF
 &END
 &TIMINGS OFF
 &END
&END
&FORCE_EVAL
 METHOD QS
 STRESS_TENSOR ANALYTICAL
 &DFT
  BASIS_SET_FILE_NAME BASIS_MOLOPT
  POTENTIAL_FILE_NAME GTH_POTENTIALS
  &MGRID
   CUTOFF 150
   REL_CUTOFF 30
  &END
  &SCF
   EPS_SCF 1E-6
   MAX_SCF {max_scf}
   &OT
    MINIMIZER DIIS
   &END
  &END
  &XC
   &XC_FUNCTIONAL PBE
   &END
  &END
 &END
 &SUBSYS
  &CELL
   A 5.0 0.1 0.0
   B 0.0 5.2 0.2
   C 0.0 0.0 5.4
  &END
  &COORD
   H 2.0 2.1 2.2
   H 2.0 2.1 2.95
   H 4.0 4.5 0.2
   H 4.1 3.8 0.3
  &END
  &KIND H
   BASIS_SET SZV-MOLOPT-GTH
   POTENTIAL GTH-PBE-q1
  &END
 &END
 &PRINT
  &FORCES ON
  &END
  &STRESS_TENSOR ON
  &END
 &END
&END
&MOTION
 &MD
  ENSEMBLE NPT_F
  STEPS {steps}
  TIMESTEP 0.5
  TEMPERATURE 300
  &BAROSTAT
   PRESSURE 1
  &END
  &THERMOSTAT
   TYPE CSVR
  &END
 &END
 &PRINT
  &TRAJECTORY
   FORMAT {trajectory}
   &EACH
    MD 1
   &END
  &END
  &FORCES
   &EACH
    MD 1
   &END
  &END
  &VELOCITIES
  &END
  &CELL
   &EACH
    MD 1
   &END
  &END
  &STRESS
  &END
 &END
&END
"""

_LAMMPS = """units metal
atom_style charge
read_data run.data
pair_style born/coul/long 6.0
pair_coeff 1 1 0.421826 0.299 1.632 0.045625 0.018725
pair_coeff 1 2 0.290083 0.299 2.401 1.248302 1.498005
pair_coeff 2 2 0.158275 0.299 3.170 69.345 139.1405
kspace_style ewald 1e-5
mass 1 6.94
mass 2 35.45
velocity all create 900 4928 mom yes
fix 1 all npt temp 900 900 0.05 tri 0 0 0.5
timestep 0.002
thermo 5
thermo_modify format float %20.12g
{dumps}
run {steps}
"""

_GROMACS_TOPOLOGY = """[ defaults ]
1 2 yes 1 1
[ atomtypes ]
LI 3 6.94 1.0 A 0.21 0.7
CL 17 35.45 -1.0 A 0.44 0.4
[ moleculetype ]
LI 1
[ atoms ]
1 LI 1 LI LI 1 1.0 6.94
[ moleculetype ]
CL 1
[ atoms ]
1 CL 1 CL CL 1 -1.0 35.45
[ system ]
molten salt
[ molecules ]
LI {pairs}
CL {pairs}
"""
_GROMACS_RUN = """integrator = md
dt = 0.001
nsteps = {steps}
nstxout = {every}
nstvout = {every}
nstxout-compressed = {every}
nstenergy = {every}
nstcalcenergy = {every}
rvdw = 0.9
rcoulomb = 0.9
rlist = 0.9
coulombtype = PME
tcoupl = v-rescale
tc-grps = System
tau-t = 0.1
ref-t = 1000
gen-vel = yes
gen-temp = 1000
gen-seed = 7
ld-seed = 7
comm-mode = Linear
"""

DUMP_COLUMNS = {
    "x": "id element x y z",
    "xs": "id element xs ys zs",
    "xu": "id element xu yu zu vx vy vz",
    "xsu": "id type element xsu ysu zsu",
    "image": "id element x y z ix iy iz",
}
"""Name of a dump → its columns."""


def run_pw(folder, name, pseudos=PSEUDOS):
    """Run pw.x; return the text it wrote. Its XML is ``out/run.xml``."""
    wanted = {"control": "", "system": "", "electrons": "", "more": "", **PW_RUNS[name]}
    (folder / "pw.in").write_text(_PW.format(pseudos=os.path.relpath(pseudos, folder), **wanted))
    _call(["pw.x", "-in", "pw.in"], folder, "pw.out", may_fail=name == "not_converged")
    return folder / "pw.out"


def run_cp2k(folder, kind="MD", *, steps=3, max_scf=30, trajectory="XMOL", level="MEDIUM"):
    """Run CP2K on four atoms of hydrogen in a triclinic cell; return the text it wrote."""
    text = _CP2K.format(kind=kind, steps=steps, max_scf=max_scf, trajectory=trajectory, level=level)
    (folder / "run.inp").write_text(text)
    _call(["cp2k.psmp", "-i", "run.inp"], folder, "run.out")
    return folder / "run.out"


def run_lammps(folder, *, steps=60, every=10):
    """Run molten-hot LiCl in a triclinic box that breathes; one dump of each form, ``NAME.lammpstrj``."""
    _write_salt(folder / "run.data")
    dumps = []
    for name, columns in DUMP_COLUMNS.items():
        dumps += [
            f"dump {name} all custom {every} {name}.lammpstrj {columns}",
            f"dump_modify {name} element Li Cl sort id format float %.12g",
        ]
    dumps += [
        f"dump dcd all dcd {every} run.dcd",
        f"dump xyz all xyz {every} run.xyz",
        "dump_modify xyz element Li Cl sort id",
    ]
    (folder / "run.in").write_text(_LAMMPS.format(dumps="\n".join(dumps), steps=steps))
    _call(["lmp", "-in", "run.in", "-log", "log.lammps"], folder, "lmp.out")
    return folder


def run_gromacs(folder, *, steps=100, every=10):
    """Run 64 ions of LiCl in a triclinic box: ``traj.trr``, ``traj.xtc``, ``traj.gro`` and, as text, ``traj.txt``."""
    edge, count = 0.52, 4
    sites = [(x, y, z) for x in range(count) for y in range(count) for z in range(count)]
    sites.sort(key=lambda site: sum(site) % 2)
    rows = []
    for number, (x, y, z) in enumerate(sites, 1):
        name = "LI" if number <= len(sites) // 2 else "CL"
        place = (edge * x + 0.05 * y - 0.04 * z, edge * y + 0.03 * z, edge * z)
        columns = "".join(f"{value:8.3f}" for value in place)
        rows.append(f"{number:5d}{name:<5s}{name:>5s}{number:5d}{columns}\n")
    box = [edge * count] * 3 + [0, 0, 0.05 * count, 0, -0.04 * count, 0.03 * count]
    told = "".join(f"{value:10.5f}" for value in box)
    (folder / "start.gro").write_text(f"molten salt\n{len(sites)}\n{''.join(rows)}{told}\n")
    (folder / "run.top").write_text(_GROMACS_TOPOLOGY.format(pairs=len(sites) // 2))
    (folder / "run.mdp").write_text(_GROMACS_RUN.format(steps=steps, every=every))
    _call(["gmx", "grompp", "-f", "run.mdp", "-c", "start.gro", "-p", "run.top", "-maxwarn", "9"], folder, "grompp.out")
    _call(["gmx", "mdrun", "-s", "topol.tpr", "-deffnm", "traj", "-nt", "1", "-nb", "cpu"], folder, "mdrun.out")
    (folder / "traj.gro").unlink()  # the last frame alone
    _call(["gmx", "trjconv", "-f", "traj.trr", "-s", "topol.tpr", "-o", "traj.gro"], folder, "trjconv.out", "0\n")
    _call(["gmx", "dump", "-f", "traj.trr"], folder, "traj.txt")
    return folder


def _write_salt(path):
    """Write eight ions of rock salt in a tilted box."""
    sites = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    length, (xy, xz, yz) = 5.2, (0.4, -0.3, 0.2)
    rows = []
    for number, (x, y, z) in enumerate(sites, 1):
        ion = 1 + (x + y + z) % 2
        place = [(x * length + y * xy + z * xz) / 2, (y * length + z * yz) / 2, z * length / 2]
        rows.append(f"{number} {ion} {1 - 2 * (ion - 1)}.0 " + " ".join(f"{value:.6f}" for value in place))
    head = ["rock salt", "", "8 atoms", "2 atom types", ""]
    head += [f"0 {length} {axis}lo {axis}hi" for axis in "xyz"] + [f"{xy} {xz} {yz} xy xz yz", "", "Atoms # charge", ""]
    path.write_text("\n".join(head + rows) + "\n")


def _call(command, folder, output, answer=None, *, may_fail=False):
    with (folder / output).open("w") as handle:
        done = subprocess.run(
            command,
            check=False,
            cwd=folder,
            env=_ENVIRONMENT,
            input=answer,
            stdout=handle,
            stderr=subprocess.PIPE,
            text=True,
        )
    text = (folder / output).read_text()
    # pw.x ends with 3 where a relaxation takes all its steps, after it printed everything.
    if done.returncode and "JOB DONE" not in text and not may_fail:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-500:]} {text[-2000:]}")


def make_seeds(target):
    """Put the outputs that the fuzzing starts from into a folder, each below 30 kB."""
    with tempfile.TemporaryDirectory() as place:
        for name in PW_RUNS:
            folder = Path(place) / name
            folder.mkdir()
            shutil.copy(run_pw(folder, name), target / f"pw_{name}.out")
        for name, options in {"energy": {"kind": "ENERGY_FORCE"}, "md": {"steps": 2, "level": "LOW"}}.items():
            folder = Path(place) / f"cp2k_{name}"
            folder.mkdir()
            (target / f"cp2k_{name}.out").write_text(_shorten(run_cp2k(folder, **options).read_text()))
        for name in ("run-pos-1.xyz", "run-frc-1.xyz", "run-1.cell"):
            shutil.copy(folder / name, target / f"cp2k_{name}")
        folder = Path(place) / "lammps"
        folder.mkdir()
        run_lammps(folder, steps=40)
        for name in ("x", "xu"):
            shutil.copy(folder / f"{name}.lammpstrj", target / f"lammps_{name}.lammpstrj")


def _shorten(text):
    """Return the output of CP2K without the banner, the machine, the user and the libraries."""
    private = ("PROGRAM STARTED", "PROGRAM RAN", "PROGRAM PROCESS", "STARTED IN", "STOPPED IN", "CPU model")
    dropped = (*private, "DBCSR|", "MEMORY|", "PW_GRID|", "RS_GRID|", "ROT|")
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(" **  ") and not any(word in line for word in dropped))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make_seeds(Path(sys.argv[1]))
