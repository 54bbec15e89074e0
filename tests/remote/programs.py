"""The programs, loaded from their files as they are sent: ``from tests.remote.programs import run_md``."""

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location

from aiida_elyte.calculations.rooms import PROGRAMS


def finish(program, folder):
    """Run a program on the settings in a folder; return its results, once its exit status agrees with them."""
    code = program.main(str(folder / "settings.json"))
    results = json.loads((folder / "results.json").read_text())
    assert code == (0 if results["status"] == "ok" else 1), results
    return results


def __getattr__(name):
    path = PROGRAMS / f"{name}.py"
    if name.startswith("_") or not path.exists():
        raise AttributeError(name)
    spec = spec_from_file_location(f"program_{name}", path)
    program = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(program)
    globals()[name] = program
    return program
