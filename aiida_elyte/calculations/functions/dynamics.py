"""calcfunctions that set up the replicas of a run."""

from collections.abc import Mapping

from aiida import orm

from aiida_elyte.calculations.uncached import uncached_calcfunction
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.science.learning.ensemble import replica_settings
from aiida_elyte.science.structure.supercell import Supercell, choose_supercell, without_choice

__all__ = ["retraining_settings", "run_settings", "supercell_of", "with_supercell"]


@uncached_calcfunction
def run_settings(settings: orm.Dict, conditions: orm.Dict, members: orm.List, run: orm.Int) -> orm.Dict:
    """Return the settings of one run: its conditions, and its replicas shared among the members."""
    return orm.Dict(replica_settings(settings.get_dict(), conditions.get_dict(), members.get_list(), run.value))


@uncached_calcfunction
def retraining_settings(settings: orm.Dict, changes: orm.Dict) -> orm.Dict:
    """Return the trainer's settings with what changes when a training starts warm."""
    return orm.Dict({**settings.get_dict(), **changes.get_dict()})


@uncached_calcfunction
def supercell_of(start: FramesData, conditions: orm.Dict, **potentials: PotentialData) -> orm.Dict:
    """Return the repeats of the start frame that the conditions ask for, by number or as ``auto``, with the reason."""
    return orm.Dict(_choose(start, conditions, potentials).as_dict())


@uncached_calcfunction
def with_supercell(start: FramesData, conditions: orm.Dict, **potentials: PotentialData) -> orm.Dict:
    """Return conditions with the repeats of the start frame by number where they ask for ``auto``."""
    repeats = list(_choose(start, conditions, potentials).repeats)
    return orm.Dict(without_choice(conditions.get_dict()) | {"supercell": repeats})


def _choose(start: FramesData, conditions: orm.Dict, potentials: Mapping[str, PotentialData]) -> Supercell:
    asked = conditions.get_dict()
    cutoff_A = max(float(node.base.attributes.get("cutoff_A")) for node in potentials.values())
    return choose_supercell(start.get_frames()[0], asked.get("supercell", [1, 1, 1]), cutoff_A, asked.get("max_atoms"))
