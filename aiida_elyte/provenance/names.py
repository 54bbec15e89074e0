"""The vocabulary of call links: made and parsed here alone."""

import re
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "BUILD",
    "CLUSTER_LABELS",
    "CONDUCTIVITY",
    "LEARNING",
    "OFFENDING",
    "PRODUCTION",
    "QUALIFICATION",
    "REDUCTION",
    "SEED_LABELS",
    "SOLVATION",
    "Call",
    "batch_call",
    "box_call",
    "frame_call",
    "frame_index",
    "is_attempt",
    "md_call",
    "member_call",
    "parse_call",
    "qualification_call",
    "round_call",
    "seeds_call",
    "settling_call",
    "temperature_name",
]

SEED_LABELS = "seeds_label"
"""Labels of the seeds of a crystal."""
CLUSTER_LABELS = "clusters_label"
"""Labels of the clusters of a polymer electrolyte."""
LEARNING = "learning"
QUALIFICATION = "qualification"
OFFENDING = "offending"
"""Frames that failed a qualification, among the candidates of the next round."""
CONDUCTIVITY = "conductivity"
BUILD = "build"
PRODUCTION = "production"
REDUCTION = "reduce"
SOLVATION = "solvation"

_STATIONS = (
    *(SEED_LABELS, CLUSTER_LABELS, LEARNING, QUALIFICATION, CONDUCTIVITY),
    *(BUILD, PRODUCTION, REDUCTION, SOLVATION),
)

Step = Literal["sample", "label", "train"]


@dataclass(frozen=True)
class Call:
    """What a call link says."""

    kind: str
    """A station by its name, or ``round``, ``member``, ``md``, ``batch``, ``frame``, ``box``, ``settling``, ``seeds``
    or ``qualification``."""
    number: int | None = None
    """Number of the round or the qualification, first frame of the batch, index of the frame, the box or the run;
    ``None`` for stations."""
    step: str | None = None
    """Step of a round: ``sample``, ``label``, ``train``."""
    name: str | None = None
    """Name of the member, as ``m00``, also of a box; of the temperature, as ``T0600_00``; of the kind of seeds; or of a
    further sampler of a round."""

    @property
    def is_labelling(self) -> bool:
        """Whether a labeller was called, for seeds, for clusters or in a round."""
        return self.kind in (SEED_LABELS, CLUSTER_LABELS) or self.step == "label"

    @property
    def temperature_K(self) -> float | None:
        """Temperature that a production run is named after; ``None`` for all other calls."""
        if self.kind != "md" or self.name is None:
            return None
        return float(self.name.removeprefix("T").replace("_", "."))


def round_call(number: int, step: Step, sampler: str | None = None) -> str:
    """Return the name of a step of a round of active learning, as ``round_03_train``.

    Samplers beside the first one are named, as ``round_03_sample_other``.
    """
    return f"round_{number:02d}_{step}" + (f"_{sampler}" if sampler else "")


def qualification_call(number: int) -> str:
    """Return the name of a qualification in the course of learning, as ``qualification_01``."""
    return f"qualification_{number:02d}"


def seeds_call(kind: str) -> str:
    """Return the name of the jobs that make seeds of a kind, as ``make_seeds_paths``."""
    return f"make_seeds_{kind}"


def member_call(member: str) -> str:
    """Return the name of the training of a member, as ``train_m00``."""
    return f"train_{member}"


def md_call(temperature_K: float, extension: int = 0) -> str:
    """Return the name of the production run at a temperature, as ``md_T0600_00``; of an extension ``…_x01``."""
    return f"md_{temperature_name(temperature_K)}" + (f"_x{extension:02d}" if extension else "")


def temperature_name(temperature_K: float) -> str:
    """Return the name of a temperature among outputs, as ``T0600_00``."""
    return f"T{temperature_K:07.2f}".replace(".", "_")


def batch_call(first: int) -> str:
    """Return the name of a batch of labels by its first frame, as ``label_b00000000``."""
    return f"label_b{first:08d}"


def frame_call(index: int) -> str:
    """Return the name of the label of one frame, as ``frame_000000``."""
    return f"frame_{index:06d}"


def frame_index(name: str) -> int:
    """Return the index of the frame of a call.

    Raises
    ------
    ValueError
        If it is not the call of a frame.
    """
    call = parse_call(name)
    if call is None or call.number is None:
        raise ValueError(f"{name!r} is not the call of a frame")
    return call.number


def box_call(member: str, index: int) -> str:
    """Return the name of a box and of the force field in it, as ``m00_b00``."""
    return f"{member}_b{index:02d}"


def settling_call(index: int) -> str:
    """Return the name of a run in which a box settles, as ``settle_00``."""
    return f"settle_{index:02d}"


def is_attempt(label: str) -> bool:
    """Return whether a call is one attempt of a restart WorkChain, or an unnamed calcfunction."""
    return label == "CALL" or re.fullmatch(r"iteration_\d+", label) is not None


_PATTERNS = {
    "round": re.compile(r"round_(?P<number>\d+)_(?P<step>sample|label|train)(_(?P<name>\w+))?"),
    "qualification": re.compile(r"qualification_(?P<number>\d+)"),
    "member": re.compile(r"train_(?P<name>m\d+)"),
    "md": re.compile(r"md_(?P<name>T\d+_\d+)(_x(?P<number>\d+))?"),
    "batch": re.compile(r"label_b(?P<number>\d+)"),
    "frame": re.compile(r"frame_(?P<number>\d+)"),
    "box": re.compile(r"(?P<name>m\d+)_b(?P<number>\d+)"),
    "seeds": re.compile(r"make_seeds_(?P<name>\w+)"),
    "settling": re.compile(r"settle_(?P<number>\d+)"),
}


def parse_call(label: str) -> Call | None:
    """Return what the label of a call link says, ``None`` for an attempt or a label from elsewhere."""
    if label in _STATIONS:
        return Call(label)
    for kind, pattern in _PATTERNS.items():
        match = pattern.fullmatch(label)
        if match is not None:
            found = match.groupdict()
            number = found.get("number")
            return Call(kind, None if number is None else int(number), found.get("step"), found.get("name"))
    return None
