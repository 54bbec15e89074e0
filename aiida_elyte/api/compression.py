"""The two LAMMPS runs of a box, push-off and compression: written, run or taken up again, and judged."""

import json
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aiida_elyte.api.files import read_json, write_files
from aiida_elyte.api.programs import start_program
from aiida_elyte.errors import ElyteError, InputError
from aiida_elyte.science.electrolyte.packing import PackedBox
from aiida_elyte.science.electrolyte.recipe import Recipe
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.lammps.compression import Compression, compression_stages, push_off_stages
from aiida_elyte.science.lammps.export import as_lammps_system
from aiida_elyte.science.lammps.run import kinds_of_data, read_run_settings, run_input
from aiida_elyte.science.lammps.stages import Stage
from aiida_elyte.science.lammps.system import data_file
from aiida_elyte.science.molecules.typing import assign_types
from aiida_elyte.science.statistics.equilibration import judge_settling

__all__ = ["Equilibration", "LammpsRun", "assess_equilibrium", "run_stages", "write_runs"]

_PUSH_OFF, _COMPRESSION = "push_off", "compression"

_RESTART_STRIDE = 2000
"""Steps between restart files: as many are lost at most when a run is interrupted."""

_POLL_S = 0.5


@dataclass(frozen=True)
class LammpsRun:
    """A run that came to its end."""

    folder: Path
    """Where its files are."""
    n_steps: int
    """Steps of dynamics."""
    minutes: float | None
    """Time it took [min]; ``None`` where it was done before."""
    ns_per_day: float
    """Speed [ns/day]."""


@dataclass(frozen=True)
class Equilibration:
    """Whether a compressed box has settled."""

    verdict: Mapping[str, Any]
    """``refused``, why it has not; ``begins_ps`` and ``ends_ps`` of the part in equilibrium [ps]; ``means`` with
    ``value``, ``std``, ``n_effective``, ``drift`` and ``drift_std`` of each record, units in the names."""
    records: Mapping[str, np.ndarray]
    """Records of LAMMPS by name, and ``time_ps`` [ps], each ``shape=(n,)``; ``settle_from_ps`` [ps], a number."""


def write_runs(
    recipe: Recipe, settings: Compression, flags: Sequence[str], model: ForceField, box: PackedBox, folder: Path
) -> None:
    """Write data file, settings and input of both runs.

    Parameters
    ----------
    recipe, settings
        Temperature [K], pressure [bar] and seed; lengths and strengths of the compression.
    flags
        Words for the command line of LAMMPS.
    model, box
        The force field, and the loose box.
    folder
        Where to.

    Raises
    ------
    InputError
        If the force field lacks a type, or a run in the folder began with other settings.
    """
    whole = compression_stages(recipe.temperature_K, recipe.pressure_bar, settings)
    n_first = len(push_off_stages(recipe.temperature_K, settings))
    types = assign_types(box.topology, model.depth)
    data = data_file(as_lammps_system(model, box.topology, types, box.positions, box.cell), title=recipe.name)
    present = kinds_of_data(data.split("\n"))
    contents: dict[Path, str | bytes] = {folder / _PUSH_OFF / "system.data": data}
    for name, stages in ((_PUSH_OFF, whole[:n_first]), (_COMPRESSION, whole[n_first:])):
        given = _run_settings(stages, settings, flags, recipe.seed)
        _require_same(folder / name, given, contents)
        contents[folder / name / "settings.json"] = json.dumps(given, indent=1) + "\n"
        contents[folder / name / "in.lammps"] = run_input(read_run_settings(given), "system.data", present)
    # A data file that a run began with is not touched.
    write_files({path: text for path, text in contents.items() if not _is_same(path, text)})


def run_stages(
    folder: Path, engine: str, *, is_compressed: bool, progress: Callable[[str], None] | None = None
) -> Iterator[LammpsRun]:
    """Run what ``write_runs`` wrote, each run from where it stopped; yield it at its end.

    Parameters
    ----------
    folder
        Folder of the box.
    engine
        Shell script that starts LAMMPS.
    is_compressed
        Whether the compression follows the push-off.
    progress
        Called with a sentence as each stage begins.

    Raises
    ------
    ElyteError
        If a run fails.
    """
    yield _run(folder / _PUSH_OFF, engine, progress)
    if is_compressed:
        shutil.copyfile(folder / _PUSH_OFF / "final.data", folder / _COMPRESSION / "system.data")
        yield _run(folder / _COMPRESSION, engine, progress)


def assess_equilibrium(folder: Path) -> Equilibration:
    """Test whether a compressed box is in equilibrium at the target, and write ``equilibration.json``.

    Raises
    ------
    InputError
        If the records of the run cannot be read.
    """
    run = folder / _COMPRESSION
    try:
        with np.load(run / "thermo.npz") as arrays:
            records = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{run / 'thermo.npz'} cannot be read ({error}); expected it whole; remove results.json "
            "beside it, and run it again"
        ) from error
    stages = _read_settings(run)["stages"]
    verdict = judge_settling(records, stages)
    write_files({folder / "equilibration.json": json.dumps(verdict, indent=1) + "\n"})
    records["time_ps"] = records["step"] * stages[-1]["timestep_fs"] / 1000
    return Equilibration(verdict, {**records, "settle_from_ps": np.array(verdict["settle_ps"])})


def _run_settings(stages: Sequence[Stage], settings: Compression, flags: Sequence[str], seed: int) -> dict[str, Any]:
    return {
        "stages": [asdict(stage) for stage in stages],
        "seed": seed + 1,
        "cutoff_A": settings.cutoff_A,
        "kspace_accuracy": settings.kspace_accuracy,
        "flags": list(flags),
        "thermo_stride": settings.record_stride,
        "restart_stride": _RESTART_STRIDE,
    }


def _require_same(folder: Path, given: Mapping[str, Any], contents: Mapping[Path, str | bytes]) -> None:
    """Reject a run that began with another force field or other settings; its end may move."""
    if not (folder / "chain.json").exists():
        return
    written = _read_settings(folder)
    before, now = (read_run_settings(one).identity for one in (written, given))
    changed = [name for name, value in now.items() if before.get(name) != value]
    data = contents.get(folder / "system.data")
    if data is not None and not _is_same(folder / "system.data", data):
        changed.append("force field")
    if changed:
        raise InputError(
            f"{folder} was run with other {' and '.join(changed)}; expected the same to go on; give another `out`"
        )


def _read_settings(folder: Path) -> dict[str, Any]:
    path = folder / "settings.json"
    content = read_json(path, "settings of a run")
    if not isinstance(content, dict) or "stages" not in content:
        raise InputError(f"{path} holds no stages; expected the settings of a run; give another folder")
    return content


def _is_same(path: Path, content: str | bytes) -> bool:
    return path.exists() and path.read_bytes() == (content.encode() if isinstance(content, str) else content)


def _run(folder: Path, engine: str, progress: Callable[[str], None] | None) -> LammpsRun:
    results = folder / "results.json"
    stages = _read_settings(folder)["stages"]
    n_steps = sum(stage["n_steps"] for stage in stages if stage["kind"] != "minimize")
    done = read_json(results, "results") if results.exists() else {}
    if done.get("status") == "ok" and done["n_steps"] == n_steps:
        return LammpsRun(folder, n_steps, None, done["ns_per_day"])
    write_files({folder / "engine.sh": engine})
    started, told = time.monotonic(), None
    child = start_program("run_lammps.py", folder)
    try:
        while child.poll() is None:
            time.sleep(_POLL_S)
            at = _read_progress(folder / "progress.json")
            if progress is not None and at is not None and at["stage"] != told:
                told = at["stage"]
                progress(f"{stages[told]['name']}: step {at['step']} of {at['n_steps']}")
    finally:
        child.terminate()
        child.wait()
    content = read_json(results, "results") if results.exists() else {}
    if content.get("status") != "ok":
        message = content.get("message", "run_lammps.py left no results")
        raise ElyteError(f"{folder}: {message}; expected a run to its end; look at its log, then run the command again")
    return LammpsRun(folder, content["n_steps"], (time.monotonic() - started) / 60, content["ns_per_day"])


def _read_progress(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return content
