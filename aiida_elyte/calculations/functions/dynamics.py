"""calcfunctions that set up the replicas of a run."""

from aiida import orm

from aiida_elyte.calculations.uncached import uncached_calcfunction
from aiida_elyte.science.learning.ensemble import replica_settings

__all__ = ["retraining_settings", "run_settings"]


@uncached_calcfunction
def run_settings(settings: orm.Dict, conditions: orm.Dict, members: orm.List, run: orm.Int) -> orm.Dict:
    """Return the settings of one run: its conditions, and its replicas shared among the members."""
    return orm.Dict(replica_settings(settings.get_dict(), conditions.get_dict(), members.get_list(), run.value))


@uncached_calcfunction
def retraining_settings(settings: orm.Dict, changes: orm.Dict) -> orm.Dict:
    """Return the trainer's settings with what changes when a training starts warm."""
    return orm.Dict({**settings.get_dict(), **changes.get_dict()})
