"""SchNetPack as it is imported here: the one place that knows its quirks.

SchNetPack 2.1.1 imports everything it has (PyTorch Lightning, its data sets, its MD) with its first import, which costs
seconds, and stops on a name that torch has dropped. A potential needs its layers only.
"""

import importlib
import importlib.util
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

from aiida_elyte.errors import EngineMissingError

__all__ = ["import_layers", "import_schnetpack"]

_NAME = "schnetpack"


def import_layers() -> SimpleNamespace:
    """Import the layers of SchNetPack that make a PaiNN potential, and nothing else.

    Returns
    -------
    SimpleNamespace
        ``nn`` (the module ``schnetpack.nn``) and ``PaiNN`` (the representation).

    Raises
    ------
    InputError
        If SchNetPack is not installed.
    """
    if _NAME not in sys.modules:
        spec = importlib.util.find_spec(_NAME)
        if spec is None or spec.submodule_search_locations is None:
            raise EngineMissingError("SchNetPack is not installed; PaiNN potentials need it; install the extra `train`")
        # A bare package in its place keeps schnetpack/__init__.py from running; it is taken away again, so that a
        # later `import schnetpack` still finds the real one.
        bare = ModuleType(_NAME)
        bare.__path__ = list(spec.submodule_search_locations)
        sys.modules[_NAME] = bare
        try:
            return _layers()
        finally:
            del sys.modules[_NAME]
    return _layers()


def _layers() -> SimpleNamespace:
    layers = importlib.import_module(f"{_NAME}.nn")
    painn = importlib.import_module(f"{_NAME}.representation.painn")
    return SimpleNamespace(nn=layers, PaiNN=painn.PaiNN)


def import_schnetpack() -> Any:
    """Import the whole of SchNetPack, for comparison with its own model, trainer and calculator."""
    dataloader: Any = importlib.import_module("torch.utils.data.dataloader")
    if not hasattr(dataloader, "T_co"):
        dataloader.T_co = dataloader._T_co  # the name SchNetPack 2.1.1 imports; torch has renamed it
    return importlib.import_module(_NAME)
