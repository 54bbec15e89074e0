"""Whether two trees of this package compute the same numbers: what a redesign must leave alone, to the last digit.

    python examples/benchmarks/same_numbers.py run BEFORE --out before
    python examples/benchmarks/same_numbers.py run AFTER --out after --with before
    python examples/benchmarks/same_numbers.py compare before/numbers.json after/numbers.json

`run` does one fixed set of small jobs with the package that lies in a tree: transport, a force field, a training, MD, a
box until its push-off, each on one thread; `--with` also reads the potentials, force field and AiiDA archive that the
other tree wrote. `compare` exits with 1 where a number differs by more than its law allows, or has gone. A number under
a new key counts as renamed if its value is there; new keys are named and allowed, texts are not compared.

The jobs are driven through what both trees promise: the command line and the programs' `settings.json`. Entry points
are those of the tree, whatever is installed. It takes what the tests take: LAMMPS, torch, SchNetPack, RDKit, packmol.
"""

import argparse
import base64
import difflib
import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import torch

EXACT, FITTED = 0.0, 1e-10
MOVING = re.compile(r"seconds|per_second|ns_per_day|version|^pk$|^uuid$")
"""Keys of what differs from run to run, or from release to release."""

COMMAND = (
    "from importlib.metadata import entry_points as e; e(group='console_scripts', name='aiida-elyte')"
    "['aiida-elyte'].load()()"
)
VERDI = "from aiida.cmdline.commands.cmd_verdi import verdi; verdi()"
READERS = {
    "potentials of the other tree": "errors of the potentials",
    "archive of the other tree": "errors of the potentials",
    "force field of the other tree": "errors of the force field",
}
"""What is read from the files of the other tree → what that tree found for them itself."""

RECIPE = {
    "name": "tetraglyme_litfsi",
    "solvents": {"G4": {"smiles": "COCCOCCOCCOCCOC"}},
    "salt": {"name": "LiTFSI", "molality_mol_kg": 1.0},
    "n_atoms": 500,
    "temperature_K": 350,
}
MD = {
    "temperature_K": 200.0,
    "n_steps": 200,
    "timestep_fs": 1.0,
    "replicas": [{"seed": 5, "member": "m00"}, {"seed": 6, "member": "m01"}],
    "ramp": {"ramp_steps": 40, "hold_steps": 20},
    "stops": {"min_distance_factor": 0.3},
    "sample_stride": 40,
    "trajectory_stride": 50,
    "device": "cpu",
}
HEADER = "ITEM: TIMESTEP\n{}\nITEM: NUMBER OF ATOMS\n60\nITEM: BOX BOUNDS pp pp pp\n0 20\n0 20\n0 20\nITEM: ATOMS {}\n"


class Tree:
    """One tree of the package, and the folder for what it computes."""

    def __init__(self, path: Path, out: Path) -> None:
        self.path, self.out = path.resolve(), out.resolve()
        if self.out.exists():
            raise SystemExit(f"{out} exists; expected a new folder, without old results; give another --out")
        # The tree's entry points, where they are found ahead of the installed ones.
        project = tomllib.loads((self.path / "pyproject.toml").read_text())["project"]
        folder = self.out / "metadata" / "aiida_elyte-0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: aiida-elyte\nVersion: 0\n")
        groups = {**project["entry-points"], "console_scripts": project["scripts"]}
        lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in groups.items()]
        (folder / "entry_points.txt").write_text("\n".join(lines))
        found = self.python("-c", "import aiida_elyte; print(aiida_elyte.__file__)").strip()
        if not Path(found).is_relative_to(self.path):
            raise SystemExit(f"{found} is imported; expected the package in {path}; give the root of a tree")

    def python(self, *arguments: Any, folder: Path | None = None, profile: str = "aiida") -> str:
        """Run Python with this tree in front, on one thread; return what it prints."""
        setting = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIIDA")},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "PYTHONPATH": os.pathsep.join([str(self.out / "metadata"), str(self.path)]),
            "AIIDA_PATH": str(self.out / profile),
            **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
        }
        words = [sys.executable, *map(str, arguments)]
        done = subprocess.run(words, cwd=folder or self.out, env=setting, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{arguments} failed in {folder or self.out}\n{(done.stdout + done.stderr)[-3000:]}")
        return done.stdout

    def command(self, text: str, *arguments: Any, profile: str = "aiida") -> str:
        """Run `aiida-elyte` with the words of a text and further arguments."""
        return self.python("-c", COMMAND, *text.split(), *arguments, profile=profile)

    def json(self, text: str, *arguments: Any, profile: str = "aiida") -> Any:
        """Run a command for JSON: of a file or of the standard output, as `--json` of this tree has it."""
        if not re.search(r"--json [A-Z]", self.command(text.partition(" --")[0], "--help")):  # a flag: no value follows
            return json.loads(self.command(text, *arguments, "--json", profile=profile))
        path = self.out / "answer.json"
        self.command(text, *arguments, "--json", path, profile=profile)
        return json.loads(path.read_text())


def leaves(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and value of each number, array and tensor; that a quantity is refused counts as a number."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            if key == "refused" and value is not None:
                yield f"{path}/{key}", True
            elif not MOVING.search(str(key)):
                yield from leaves(value, f"{path}/{key}")
    elif isinstance(content, list | tuple):
        for index, value in enumerate(content):
            yield from leaves(value, f"{path}/{index}")
    elif isinstance(content, torch.Tensor):
        yield from leaves(content.detach().numpy(), path)
    elif isinstance(content, np.ndarray) and content.dtype.kind in "biuf":
        packed = base64.b64encode(np.ascontiguousarray(content).tobytes()).decode()
        yield path, {"dtype": content.dtype.str, "shape": list(content.shape), "bytes": packed}
    elif isinstance(content, bool | int | float | np.number | np.bool_):
        yield path, content.item() if isinstance(content, np.generic) else content


def read_data_file(path: Path) -> dict[str, np.ndarray]:
    """Return the numbers of a LAMMPS data file by section; its first line is a title."""
    found, section = {}, "header"
    for line in path.read_text().splitlines()[1:]:
        words = line.partition("#")[0].split()
        if words and words[0][0].isalpha():
            section = " ".join(words)
        numbers = (word for word in words if re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", word))
        found.setdefault(section, []).extend(map(float, numbers))
    return {name: np.array(values) for name, values in found.items() if values}


def read_frames(path: Path) -> list[dict[str, Any]]:
    """Return the numbers of an extended XYZ file, frame by frame."""
    return [
        {"cell": one.cell.array, "info": one.info, "arrays": one.arrays, "labels": one.calc and one.calc.results}
        for one in ase.io.read(path, ":", format="extxyz")
    ]


def every(source: Path, target: Path, stride: int, first: int = 0) -> Path:
    """Copy every so many frames of an extended XYZ file as they stand."""
    lines = source.read_text().splitlines(keepends=True)
    place, frames = 0, []
    while place < len(lines):
        end = place + 2 + int(lines[place])
        frames.append("".join(lines[place:end]))
        place = end
    target.write_text("".join(frames[first::stride]))
    return target


def write_salt(folder: Path) -> list[Path]:
    """Write two LAMMPS dumps of Brownian Li+ and Cl- in a solvent at rest; pairs of ions share part of their motion."""
    rng = np.random.default_rng(12)
    paths = [folder / f"salt_{replica}.lammpstrj" for replica in range(2)]
    for path in paths:
        own, shared = rng.normal(0, 0.25, (1000, 2, 20, 3)), rng.normal(0, 0.2, (1000, 1, 20, 3))
        ions = np.cumsum(own + shared, axis=0).reshape(1000, 40, 3)
        walk = np.concatenate([ions, np.zeros((1000, 20, 3))], axis=1) + rng.uniform(0, 20, (60, 3))
        with path.open("w") as handle:
            for number, positions in enumerate(walk):
                handle.write(HEADER.format(100 * number, "id type xu yu zu"))
                rows = np.column_stack([np.arange(1, 61), np.repeat([1, 2, 3], 20), positions])
                np.savetxt(handle, rows, fmt="%d %d %.5f %.5f %.5f")
    return paths


def simulate(tree: Tree, members: list[Path], start: Path) -> dict[str, Any]:
    """Run MD by its program, each replica driven by its own member."""
    folder = tree.out / "md"
    folder.mkdir()
    for member in members:
        (folder / member.name).write_bytes(member.read_bytes())
    every(start, folder / "start.extxyz", stride=1000)
    project = tomllib.loads((tree.path / "pyproject.toml").read_text())["project"]
    families = project["entry-points"].get("aiida_elyte.families", {})  # the older tree knows one and asks for none
    family = {"families": {path.stem: families["painn"] for path in members}} if families else {}
    (folder / "settings.json").write_text(json.dumps(MD | family))
    tree.python(tree.path / "aiida_elyte" / "remote" / "run_md.py", "settings.json", folder=folder)
    return {
        "series": dict(np.load(folder / "series.npz")),
        **{path.stem: read_frames(path) for path in folder.glob("*xyz")},
        "results": json.loads((folder / "results.json").read_text()),
    }


def build_box(tree: Tree, force_field: Path) -> dict[str, Any]:
    """Build a box and push its atoms off each other."""
    folder = tree.out / "box"
    (tree.out / "recipe.yaml").write_text(json.dumps(RECIPE))
    words = "box build --protocol fast --until push_off --set push_off_ps=0.4 --set loose_ps=0.4"
    tree.command(words, tree.out / "recipe.yaml", "--out", folder, "--forcefield", force_field)
    return {
        "loose": read_frames(folder / "box.extxyz"),
        **{name: read_data_file(folder / "push_off" / f"{name}.data") for name in ("system", "final")},
        "thermo": dict(np.load(folder / "push_off" / "thermo.npz")),
    }


def evaluate_archive(tree: Tree, other: Path, test: Path) -> Any:
    """Import the other tree's archive into a new profile, and evaluate its potentials."""
    profile = "aiida_of_other"
    tree.command("setup", profile=profile)
    tree.python("-c", VERDI, "archive", "import", other / "train.aiida", profile=profile)
    uuid = json.loads((other / "train" / "summary.json").read_text())["process"]["uuid"]
    ask = f"from aiida import load_profile, orm; load_profile(); print(orm.load_node({uuid!r}).pk)"
    pk = tree.python("-c", ask, profile=profile).split()[-1]
    return tree.json("evaluate", pk, test, profile=profile)


def run(tree: Tree, data: Path, other: Path | None) -> None:
    """Do all jobs and write `numbers.json`."""
    out, jobs = tree.out, {}
    lgps, glyme = data / "lgps_pbe_50atoms.extxyz", data / "glyme_litfsi_clusters_dft.extxyz"
    learnt, test = every(lgps, out / "train.extxyz", 60), every(lgps, out / "test.extxyz", 90, 7)
    clusters, force_field, models = every(glyme, out / "clusters.extxyz", 4), out / "forcefield", out / "train"
    (out / "overrides.yaml").write_text('{"train": {"settings": {"max_epochs": 10}}}')

    def keep(name: str, law: float, work: Any) -> None:
        started = time.monotonic()
        jobs[name] = {"law": law, "numbers": dict(leaves(work()))}
        count = len(jobs[name]["numbers"])
        print(f"{name}: {count} numbers or arrays in {time.monotonic() - started:.1f} s", flush=True)

    def fit() -> Any:
        tree.command("forcefield fit", clusters, "--out", force_field)
        return json.loads((force_field / "forcefield.json").read_text())

    def evaluate(folder: Path) -> Any:
        return tree.json("forcefield evaluate", folder, folder / "test.extxyz")

    def train() -> Any:
        words = "train --members 2 --max-in-flight 1 --seed 1 --protocol fast"
        tree.command(words, learnt, "--out", models, "--overrides", out / "overrides.yaml")
        tree.python("-c", VERDI, "archive", "create", "--all", out / "train.aiida")
        return {path.stem: torch.load(path, weights_only=True) for path in sorted(models.glob("m[0-9][0-9].pt"))}

    salt = "--charges Li=1,Cl=-1 --elements Li,Cl,O --temperature-K 400 --timestep-fs 1 --viscosity-mPa-s 2"
    crystal = "--charges Li=1 --temperature-K 500 --timestep-fs 100"
    argyrodite = data / "trajectories" / "Li6PS5Cl_XDATCAR"
    keep("transport of Li6PS5Cl", EXACT, lambda: tree.json(f"transport {crystal}", argyrodite))
    keep("transport of a salt", EXACT, lambda: tree.json(f"transport {salt}", *write_salt(out)))
    keep("force field", FITTED, fit)
    keep("errors of the force field", FITTED, lambda: evaluate(force_field))
    keep("weights", EXACT, train)
    keep("errors of the potentials", EXACT, lambda: tree.json("evaluate", models, test))
    keep("MD", EXACT, lambda: simulate(tree, sorted(models.glob("m[0-9][0-9].pt")), learnt))
    keep("box until push-off", EXACT, lambda: build_box(tree, force_field))
    if other is not None:
        theirs, (potentials, archive, fitted) = other.resolve(), READERS
        keep(potentials, EXACT, lambda: tree.json("evaluate", theirs / "train", test))
        keep(archive, EXACT, lambda: evaluate_archive(tree, theirs, test))
        keep(fitted, EXACT, lambda: evaluate(theirs / "forcefield"))
    (out / "numbers.json").write_text(json.dumps({"tree": str(tree.path), "jobs": jobs}, indent=1) + "\n")


def difference(before: Any, after: Any) -> float:
    """Return by how much a leaf differs, relative to its largest number; infinite if kind or shape does."""
    one, two = (
        np.frombuffer(base64.b64decode(leaf["bytes"]), leaf["dtype"]).reshape(leaf["shape"])
        if isinstance(leaf, dict)
        else np.array(leaf, float)
        for leaf in (before, after)
    )
    if one.dtype != two.dtype or one.shape != two.shape:
        return np.inf
    if one.tobytes() == two.tobytes():
        return 0.0
    one, two = one.astype(float), two.astype(float)
    found = np.abs(one - two).max() / (max(np.abs(one).max(), np.abs(two).max()) or 1.0)
    return max(float(found), np.finfo(float).tiny) if np.isfinite(found) else np.inf  # -0 is not 0


def compare_job(before: Mapping[str, Any], after: Mapping[str, Any], law: float) -> tuple[bool, list[str]]:
    """Return whether the numbers of a job agree, and what to tell of them; the first line goes into the table."""
    lost, new = ([path for path in one if path not in two] for one, two in ((before, after), (after, before)))
    renamed = []
    for path in list(lost):
        same = [name for name in new if difference(before[path], after[name]) <= law]
        if same:
            name = max(same, key=lambda one: difflib.SequenceMatcher(None, path, one).ratio())
            lost.remove(path)
            new.remove(name)
            renamed.append(f"{path} → {name}")
    apart = {path: difference(before[path], after[path]) for path in before if path in after}
    worst, beyond = max(apart, key=lambda path: apart[path], default=""), sum(value > law for value in apart.values())
    lines = ["equal" if apart else "nothing in common"]
    if apart.get(worst):
        lines = [f"largest relative difference {apart[worst]:.1e} at {worst}; {beyond} of {len(apart)} beyond the law"]
    lines[0] += f"; {len(lost)} of {len(before)} lost" if lost else ""
    for kind, paths in (("lost", lost), ("renamed", renamed), ("new", new)):
        lines += [f"{kind}: {path}" for path in paths[:10]]
        lines += [f"{kind}: … and {len(paths) - 10} more"] if len(paths) > 10 else []
    return bool(before) and not lost and not beyond, lines


def compare(paths: list[Path]) -> bool:
    """Print how the numbers of two files compare; return whether all of them agree."""
    before, after = (json.loads(path.read_text())["jobs"] for path in paths)
    print("| what | leaves | how compared | found |\n|---|---|---|---|")
    are_same, notes = True, []
    pairs = {name: name for name in before if name not in READERS}
    read = {name: origin for name, origin in READERS.items() if name in after}
    for name, origin in (pairs | read).items():
        old, new = before[origin]["numbers"], after.get(name, {"law": EXACT, "numbers": {}})
        is_same, lines = compare_job(old, new["numbers"], new["law"])
        are_same &= is_same
        how = f"relative, {new['law']:.0e}" if new["law"] else "to the last bit"
        print(f"| {name} | {len(old)} | {how} | {lines[0]}{'' if is_same else ': NOT THE SAME'} |")
        notes += [f"{name}: {line}" for line in lines[1:]]
    if not read:
        notes.append("the second tree has read no files of the first; expected them; run it --with the first's folder")
    print("\n".join(["", *notes, "the same numbers" if are_same else "NOT the same numbers"]))
    return are_same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    runs = verbs.add_parser("run", help="compute the numbers of a tree")
    runs.add_argument("tree", type=Path)
    runs.add_argument("--out", type=Path, required=True, help="a new folder")
    runs.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    runs.add_argument("--with", dest="other", type=Path, metavar="DIR", help="what the other tree wrote")
    compares = verbs.add_parser("compare", help="compare the numbers of two trees")
    compares.add_argument("numbers", type=Path, nargs=2, metavar="NUMBERS.json")
    given = parser.parse_args()
    if given.verb == "compare":
        sys.exit(0 if compare(given.numbers) else 1)
    run(Tree(given.tree, given.out), given.data.resolve(), given.other)


if __name__ == "__main__":
    main()
