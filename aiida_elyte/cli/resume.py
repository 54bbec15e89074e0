"""``aiida-elyte resume``."""

from typing import TYPE_CHECKING, Any

import click

from aiida_elyte.cli.profile import load_process, open_profile

if TYPE_CHECKING:
    from aiida import orm
    from aiida.engine import ProcessBuilder

__all__ = ["command", "restart"]


@click.command("resume")
@click.argument("pk")
@click.option("--detach", is_flag=True, help="Do not follow.")
@click.option("--run", "in_process", is_flag=True, help="Compute in this process, without the daemon.")
@click.pass_context
def command(ctx: click.Context, pk: str, detach: bool, in_process: bool) -> None:
    """Go on with a street: follow one that runs; start a finished, failed or killed one again with what it has."""
    open_profile()
    node = load_process(pk)
    from aiida_elyte.cli.launch import finish, go_on, launch

    if node.is_terminated:
        builder, reused = restart(node)
        for line in reused:
            click.echo(line, err=True)
        node = launch(builder, in_process=in_process, detach=detach, is_new=True)
    else:
        go_on(node, detach, in_process)
    finish(ctx, node)


def restart(node: "orm.WorkChainNode") -> "tuple[ProcessBuilder, list[str]]":
    """Return the inputs of a street that goes on with what an ended one has, and what is reused in words.

    The newest labelled set takes the place of the first; potentials trained on it take the place of the first training;
    a street that was killed gets the rounds and labels it has not spent, one that had finished, well or not, gets all
    of them again. Jobs whose inputs have not changed come from the cache.
    """
    from aiida import orm

    from aiida_elyte.cli.street import descendants, find_rounds, newest_dataset, newest_potentials

    builder = node.get_builder_restart()
    steps = descendants(node)
    told = [f"{node.process_label} {node.pk}: finished jobs with the same inputs are taken from the cache."]
    if node.process_label not in ("CrystalWorkChain", "ActiveLearningWorkChain"):
        return builder, told
    dataset, potentials = newest_dataset(node, steps), newest_potentials(node, steps)
    if dataset is not None:
        builder.dataset = dataset
        told.append(f"Goes on with {len(dataset)} labelled frames (FramesData {dataset.pk}).")
    if potentials and _trained_on(potentials, dataset):
        builder.potentials = potentials
        names = ", ".join(str(member.pk) for member in potentials.values())
        told.append(f"Goes on with {len(potentials)} potentials (PotentialData {names}).")
    elif dataset is not None:
        told.append("No ensemble was trained on all of them: one is trained first.")
    rounds = [entry for entry in find_rounds(node, steps) if entry["number"] > 0]
    if rounds:
        place: Any = builder.active_learning if node.process_label == "CrystalWorkChain" else builder
        learning = place.learning.get_dict()
        learning["sampling"]["seed"] += 1000 * len(rounds)
        if not node.is_finished:
            spent = sum(entry.get("n_selected", 0) for entry in rounds)
            learning["max_rounds"] = max(0, learning["max_rounds"] - len(rounds))
            learning["label_budget"] = max(0, learning["label_budget"] - spent)
            told.append(f"{len(rounds)} rounds and {spent} labels are spent.")
        told.append(f"Up to {learning['max_rounds']} rounds and {learning['label_budget']} labels are ahead.")
        place.learning = orm.Dict(learning)
    return builder, told


def _trained_on(potentials: dict[str, Any], dataset: Any) -> bool:
    """Tell whether the potentials were trained on a data set, or nothing is known against it."""
    if dataset is None:
        return True
    for member in potentials.values():
        job = member.creator
        if job is not None and "dataset" in job.inputs and job.inputs.dataset.uuid != dataset.uuid:
            return job.inputs.dataset.base.caching.get_hash() == dataset.base.caching.get_hash()
    return True
