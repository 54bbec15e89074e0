"""calcfunctions that set up the replicas of a run."""

from aiida import orm
from aiida.engine import calcfunction

from aiida_elyte.science.ensemble import share_replicas

__all__ = ["retraining_settings", "run_settings"]


@calcfunction
def run_settings(settings: orm.Dict, conditions: orm.Dict, members: orm.List, run: orm.Int) -> orm.Dict:
    """Return the settings of one run: its conditions, and its replicas shared among the members."""
    choices = conditions.get_dict()
    replicas = share_replicas(choices.pop("n_replicas"), members.get_list(), choices.pop("seed"), run.value)
    return orm.Dict({**settings.get_dict(), **choices, "replicas": replicas})


@calcfunction
def retraining_settings(settings: orm.Dict, changes: orm.Dict) -> orm.Dict:
    """Return the trainer's settings with what changes when a training starts warm."""
    return orm.Dict({**settings.get_dict(), **changes.get_dict()})
