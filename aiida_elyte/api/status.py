"""Where a street is: rounds, labelled frames, errors, boxes, what runs now, what was found."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiida_elyte.api.attendance import describe_neglect
from aiida_elyte.provenance.learning import Round, newest_dataset, read_rounds
from aiida_elyte.provenance.links import Links
from aiida_elyte.provenance.nodes import load_process
from aiida_elyte.provenance.polymer import BoxRecord, PolymerStreet
from aiida_elyte.provenance.process import Process, read_process
from aiida_elyte.provenance.progress import describe_progress
from aiida_elyte.provenance.steps import CalledProcess, descendants, read_progress, running_jobs
from aiida_elyte.provenance.street import Results, is_street, read_street, results_of_street

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["RunningJob", "Status", "status"]


@dataclass(frozen=True)
class RunningJob:
    """A job that has not ended."""

    step: CalledProcess
    """Its process, with the way from the street down to it."""
    progress: dict[str, Any]
    """What it last reported of itself; empty where it has not, or runs on another machine."""
    text: str
    """How far it is, in a few words."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        step = {"pk": self.step.pk, "what": self.step.path, "state": self.step.state}
        return step | {"progress": self.progress, "text": self.text}


@dataclass(frozen=True)
class Status:
    """Where a street is."""

    process: Process
    """The street."""
    neglected: str | None
    """Why no process works on it; ``None`` if one does, or it has ended."""
    n_labelled: int
    """Labelled frames it has."""
    rounds: tuple[Round, ...]
    """Rounds of learning."""
    boxes: tuple[BoxRecord, ...]
    """Boxes of a polymer street."""
    n_jobs_finished: int
    """Jobs that have ended."""
    running: tuple[RunningJob, ...]
    """Jobs that have not."""
    results: Results
    """What was found so far."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        process = self.process
        return {
            "pk": process.pk,
            "uuid": process.uuid,
            "process": process.label,
            "state": process.state,
            "neglected": self.neglected,
            "exit_status": process.exit_status,
            "exit_message": process.exit_message,
            "seconds": round(process.seconds, 1),
            "n_labelled": self.n_labelled,
            "rounds": [_describe_round(one) for one in self.rounds],
            "boxes": [_describe_box(one) for one in self.boxes],
            "jobs": {"finished": self.n_jobs_finished},
            "running": [job.as_dict() for job in self.running],
            "results": vars(self.results),
        }


def status(street: "orm.WorkChainNode | int | str") -> Status:
    """Return where a street is, whether it runs, has ended well or has failed.

    Parameters
    ----------
    street
        Node, PK or UUID of a WorkChain.

    Raises
    ------
    InputError
        If there is no such WorkChain.
    """
    node = load_process(street)
    links = Links(node)
    steps, dataset = descendants(node), newest_dataset(links)
    record = read_street(node) if is_street(node) else None
    learning = None if record is None else record.learning
    return Status(
        process=read_process(node),
        neglected=describe_neglect(node),
        n_labelled=0 if dataset is None else len(dataset),
        rounds=read_rounds(links) if learning is None else learning.rounds,
        boxes=record.boxes if isinstance(record, PolymerStreet) else (),
        n_jobs_finished=sum(step.is_job and step.is_terminated for step in steps),
        running=tuple(RunningJob(job, read_progress(job), describe_progress(job)) for job in running_jobs(steps)),
        results=Results({}, None, None) if record is None else results_of_street(record),
    )


def _describe_round(one: Round) -> dict[str, Any]:
    """Return what is known of a round, by the names of the columns of a table."""
    found: dict[str, Any] = {"number": one.number}
    if one.selection is not None:
        found |= {
            "n_sampled": one.selection.n_sampled,
            "n_refused": len(one.selection.refused),
            "n_uncertain": one.selection.n_uncertain,
            "n_selected": one.selection.n_selected,
        }
    if one.labels is not None:
        found["n_labelled"] = one.labels.n_labelled
    if one.training is not None:
        found |= {"n_dataset": one.training.n_frames, "members": one.training.n_members}
        if one.training.error_key is not None and one.training.error is not None:
            found[one.training.error_key.name] = one.training.error
    return found


def _describe_box(box: BoxRecord) -> dict[str, Any]:
    process, verdict = box.process, box.equilibrium
    return {
        "name": box.name,
        "pk": process.pk,
        "state": f"exit status {process.exit_status}" if process.exit_status else process.state,
        "step": box.step,
        "equilibrium": None if verdict is None else verdict["refused"] or "settled",
    }
