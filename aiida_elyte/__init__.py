"""Ionic conductivity with an honest error bar, every number traceable through AiiDA."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiida_elyte.api.boxes import build_box as build_box
    from aiida_elyte.api.crystal_street import launch_crystal as launch_crystal
    from aiida_elyte.api.forcefield import fit_force_field as fit_force_field
    from aiida_elyte.api.forcefield import load_force_field as load_force_field
    from aiida_elyte.api.labels import read_labelled_frames as read_labelled_frames
    from aiida_elyte.api.nodes import import_frames as import_frames
    from aiida_elyte.api.polymer_street import launch_polymer as launch_polymer
    from aiida_elyte.api.potentials import evaluate as evaluate
    from aiida_elyte.api.potentials import load_potential as load_potential
    from aiida_elyte.api.potentials import pretrained as pretrained
    from aiida_elyte.api.qualification import qualify as qualify
    from aiida_elyte.api.resume import resume as resume
    from aiida_elyte.api.setup import setup as setup
    from aiida_elyte.api.status import status as status
    from aiida_elyte.api.training import train as train
    from aiida_elyte.api.transport import analyse as analyse
    from aiida_elyte.errors import InputError as InputError
    from aiida_elyte.report.html import write_report as write_report
    from aiida_elyte.report.transport_plots import plot_transport as plot_transport
    from aiida_elyte.science.crystal_files.read import read_crystal as read_crystal
    from aiida_elyte.science.crystal_files.summary import describe_crystal as describe_crystal
    from aiida_elyte.science.frames import read_frames as read_frames
    from aiida_elyte.science.frames import write_frames as write_frames
    from aiida_elyte.science.statistics.estimate import Estimate as Estimate
    from aiida_elyte.science.statistics.estimate import Refusal as Refusal
    from aiida_elyte.science.transport.arrhenius import fit_arrhenius as fit_arrhenius

__version__ = "0.1.0"

_HOMES = {
    "Estimate": "science.statistics.estimate",
    "InputError": "errors",
    "Refusal": "science.statistics.estimate",
    "analyse": "api.transport",
    "build_box": "api.boxes",
    "describe_crystal": "science.crystal_files.summary",
    "evaluate": "api.potentials",
    "fit_arrhenius": "science.transport.arrhenius",
    "fit_force_field": "api.forcefield",
    "import_frames": "api.nodes",
    "launch_crystal": "api.crystal_street",
    "launch_polymer": "api.polymer_street",
    "load_force_field": "api.forcefield",
    "load_potential": "api.potentials",
    "plot_transport": "report.transport_plots",
    "pretrained": "api.potentials",
    "qualify": "api.qualification",
    "read_crystal": "science.crystal_files.read",
    "read_frames": "science.frames",
    "read_labelled_frames": "api.labels",
    "resume": "api.resume",
    "setup": "api.setup",
    "status": "api.status",
    "train": "api.training",
    "write_frames": "science.frames",
    "write_report": "report.html",
}
"""Name → the module it is imported from when it is asked for, so that importing the package costs nothing."""

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
