"""Versions and devices that the jobs of a street report."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from aiida_elyte.provenance.links import Links
from aiida_elyte.provenance.names import parse_call
from aiida_elyte.provenance.process import load_node

__all__ = ["Environment", "load_environment"]


@dataclass(frozen=True)
class Environment:
    """What a street was computed with."""

    versions: dict[str, list[str]]
    """Versions of each engine and library."""
    devices: list[str]
    """Devices of the jobs, e.g. ``cpu``."""


def load_environment(pk: int) -> Environment:
    """Return versions and devices that the jobs below a process report, and the versions here."""
    from aiida import __version__ as aiida_version

    versions: dict[str, set[str]] = {"aiida-core": {aiida_version}, "aiida-elyte": {metadata.version("aiida-elyte")}}
    devices: set[str] = set()
    for job in _sample_jobs(Links(load_node(pk))):
        if "results" in job.outputs:
            environment = job.outputs["results"].get_dict().get("environment", {})
            for name, version in environment.get("versions", {}).items():
                versions.setdefault(name, set()).add(version)
            devices.add(environment.get("device", "unstated"))
        elif "output_parameters" in job.outputs:
            stated = job.outputs["output_parameters"].get_dict()
            if "creator_version" in stated:
                versions.setdefault(stated.get("creator_name", job.process), set()).add(stated["creator_version"])
    return Environment({name: sorted(found) for name, found in versions.items()}, sorted(devices))


def _sample_jobs(process: Links) -> Iterator[Links]:
    """Yield the jobs below a process; of a labeller only the first: they are many and alike."""
    from aiida import orm

    for name, child in process.calls.items():
        if isinstance(child.node, orm.CalcJobNode):
            yield child
        elif isinstance(child.node, orm.WorkChainNode):
            jobs, call = _sample_jobs(child), parse_call(name)
            yield from itertools.islice(jobs, 1) if call is not None and call.is_labelling else jobs
