"""calcfunctions around the training of an ensemble."""

from aiida import orm

from aiida_elyte.calculations.uncached import uncached_calcfunction

__all__ = ["member_settings", "summarise_training"]


@uncached_calcfunction
def member_settings(settings: orm.Dict, member: orm.Int) -> orm.Dict:
    """Return the trainer's settings with the member's own seed: the ensemble's plus the member's number."""
    return orm.Dict({**settings.get_dict(), "seed": settings.get_dict().get("seed", 0) + member.value})


@uncached_calcfunction
def summarise_training(**results: orm.Dict) -> orm.Dict:
    """Return errors, epochs and seconds of each member."""
    keys = ("errors", "n_epochs", "split", "seconds", "warnings", "n_parameters", "training_hash")
    return orm.Dict({name: {key: node.get(key) for key in keys} for name, node in sorted(results.items())})
