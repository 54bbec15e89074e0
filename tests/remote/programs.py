"""The programs, loaded from their files as they are sent: ``from tests.remote.programs import run_md``."""

import sys
from importlib.util import module_from_spec, spec_from_file_location

from aiida_elyte.calculations.rooms import PROGRAMS


def __getattr__(name):
    path = PROGRAMS / f"{name}.py"
    if name.startswith("_") or not path.exists():
        raise AttributeError(name)
    spec = spec_from_file_location(f"program_{name}", path)
    program = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(program)
    globals()[name] = program
    return program
