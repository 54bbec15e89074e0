"""Go on with a street: with one that runs, or with what an ended one has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiida_elyte.api.streets import Launch, attend, launch
from aiida_elyte.errors import InputError
from aiida_elyte.provenance.learning import learning_of, newest_dataset, newest_potentials, read_rounds
from aiida_elyte.provenance.links import Links
from aiida_elyte.provenance.nodes import load_process

if TYPE_CHECKING:
    from aiida import orm

    from aiida_elyte.data.frames import FramesData
    from aiida_elyte.data.potential import PotentialData

__all__ = ["Restart", "prepare_restart", "resume"]

_GOES_ON = ("CrystalWorkChain", "ActiveLearningWorkChain")
"""WorkChains whose newest labels and potentials take the place of the first; all else relies on the cache."""


@dataclass(frozen=True, kw_only=True)
class Restart(Launch):
    """A street to be launched again."""

    notes: tuple[str, ...]
    """What is reused, in words."""


def resume(
    street: "orm.WorkChainNode | int | str", *, run: bool = False, progress: Callable[[str], None] | None = None
) -> "orm.WorkChainNode":
    """See to it that a process works on a street that has not ended; start an ended one again with what it has.

    Parameters
    ----------
    street
        Node, PK or UUID of the WorkChain.
    run
        Compute in this process and return at the end; else the daemon computes, and the call returns at once.
    progress
        Called with a sentence as something happens.

    Returns
    -------
    aiida.orm.WorkChainNode
        The street, or the one that goes on with what it has.

    Raises
    ------
    InputError
        If there is no such WorkChain, or ``run`` is given for one that the daemon has.
    """
    node = load_process(street)
    if not node.is_terminated:
        attend(node, run=run, progress=progress)
        return node
    restart = prepare_restart(node)
    for note in restart.notes:
        if progress is not None:
            progress(note)
    started: Any = launch(restart, run=run, is_new=True, progress=progress).node
    new: orm.WorkChainNode = started
    return new


def prepare_restart(street: "orm.WorkChainNode | int | str") -> Restart:
    """Return the inputs of a street that goes on with what an ended one has.

    The newest labelled set takes the place of the first; potentials trained on it take the place of the first training;
    a street that was killed gets the rounds and labels it has not spent, one that had finished, well or not, gets all
    of them again. Jobs whose inputs have not changed come from the cache.

    ``street`` is its node, PK or UUID.

    Raises
    ------
    InputError
        If there is no such WorkChain, or it has not ended.
    """
    from aiida import orm

    node = load_process(street)
    if not node.is_terminated:
        raise InputError(
            f"{node.process_label} {node.pk} has not ended; expected an ended WorkChain; "
            f"follow it with `aiida-elyte resume {node.pk}`"
        )
    builder = node.get_builder_restart()
    notes = [f"{node.process_label} {node.pk}: finished jobs with the same inputs are taken from the cache."]
    if node.process_label not in _GOES_ON:
        return Restart(builder=builder, notes=tuple(notes))
    links = Links(node)
    dataset, potentials = newest_dataset(links), newest_potentials(node)
    if dataset is not None:
        builder.dataset = dataset
        notes.append(f"Goes on with {len(dataset)} labelled frames (FramesData {dataset.pk}).")
    if potentials and _trained_on(potentials, dataset):
        builder.potentials = potentials
        names = ", ".join(str(member.pk) for member in potentials.values())
        notes.append(f"Goes on with {len(potentials)} potentials (PotentialData {names}).")
    elif dataset is not None:
        notes.append("No ensemble was trained on all of them: one is trained first.")
    rounds = [one for one in read_rounds(learning_of(links)) if one.number > 0]
    if rounds:
        place: Any = builder["active_learning"] if node.process_label == "CrystalWorkChain" else builder
        learning = place.learning.get_dict()
        learning["sampling"]["seed"] += 1000 * len(rounds)
        if not node.is_finished:
            spent = sum(one.selection.n_selected for one in rounds if one.selection is not None)
            learning["max_rounds"] = max(0, learning["max_rounds"] - len(rounds))
            learning["label_budget"] = max(0, learning["label_budget"] - spent)
            notes.append(f"{len(rounds)} rounds and {spent} labels are spent.")
        notes.append(f"Up to {learning['max_rounds']} rounds and {learning['label_budget']} labels are ahead.")
        place.learning = orm.Dict(learning)
    return Restart(builder=builder, notes=tuple(notes))


def _trained_on(potentials: "Mapping[str, PotentialData]", dataset: "FramesData | None") -> bool:
    """Tell whether the potentials were trained on a data set, or nothing is known against it."""
    if dataset is None:
        return True
    for member in potentials.values():
        job: Any = member.creator
        if job is not None and "dataset" in job.inputs and job.inputs.dataset.uuid != dataset.uuid:
            return bool(job.inputs.dataset.base.caching.get_hash() == dataset.base.caching.get_hash())
    return True
