"""Ensembles of potentials, trained in this process by WorkChains of the loaded profile."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiida import orm
from aiida.common.links import LinkType
from aiida.engine import ProcessBuilder, run_get_node

from aiida_elyte.api.codes import check_runnable, find_code
from aiida_elyte.api.cores import available_cores
from aiida_elyte.api.files import write_files
from aiida_elyte.api.labels import FrameSource, LabelNames, require_files, require_trainable
from aiida_elyte.api.nodes import find_frames
from aiida_elyte.api.potentials import PotentialEnsemble, find_potentials, load_potential
from aiida_elyte.api.profile import ensure_profile
from aiida_elyte.calculations.functions.frames import merge_frames
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import load
from aiida_elyte.provenance.names import parse_call
from aiida_elyte.science.learning.error_key import ErrorKey
from aiida_elyte.workflows.protocols import recursive_merge
from aiida_elyte.workflows.train_ensemble import TrainEnsembleWorkChain

__all__ = ["TrainedEnsemble", "minutes_per_member", "train"]

_START_S = 25.0
"""Import of torch and SchNetPack, AiiDA's handling of a job, its last checkpoint."""


@dataclass(frozen=True)
class TrainedEnsemble:
    """What a training left in the database."""

    node: orm.ProcessNode
    """The WorkChain."""
    potentials: Mapping[str, PotentialData]
    """Name of each member that was trained → its node."""
    seconds: float
    """Time it took [s]."""

    @property
    def failure(self) -> str | None:
        """Why not all members were trained; ``None`` where they were."""
        if self.node.is_finished_ok:
            return None
        return self.node.exit_message or (self.node.process_state.value if self.node.process_state else "unknown")

    @property
    def error_key(self) -> ErrorKey:
        """The error that the trainer wants shown, of the errors and of the points of ``learning_curves``."""
        key: ErrorKey = load("trainers", self.node.inputs.trainer.value).status_key
        return key

    @property
    def learning_curves(self) -> dict[str, list[dict[str, Any]]]:
        """Name of each member → epochs and errors on validation frames, each with its unit in its name."""
        curves = {}
        for link in self.node.base.links.get_outgoing(link_type=LinkType.CALL_WORK).all():
            call = parse_call(link.link_label)
            if call is not None and call.kind == "member" and "results" in link.node.outputs:
                curve = link.node.outputs.results.get_dict().get("learning_curve")
                if curve:
                    curves[str(call.name)] = curve
        return dict(sorted(curves.items()))

    def describe(self) -> dict[str, Any]:
        """Return process, data set, settings, and errors, epochs and seconds of each member, as plain values."""
        return {
            "process": {
                "pk": self.node.pk,
                "uuid": self.node.uuid,
                "exit_status": self.node.exit_status,
                "exit_message": self.node.exit_message,
            },
            "dataset": {"pk": self.node.inputs.dataset.pk, "count": len(self.node.inputs.dataset)},
            "seconds": round(self.seconds, 1),
            "settings": self.node.inputs.train["settings"].get_dict(),
            "members": self.node.outputs.summary.get_dict() if "summary" in self.node.outputs else {},
        }

    def load(self) -> PotentialEnsemble:
        """Return the members, to compute with.

        Raises
        ------
        InputError
            If none was trained.
        """
        return load_potential(self.node)

    def save(self, folder: str | Path) -> None:
        """Write ``m00.pt …`` and ``summary.json`` to a folder, then remove members of another training.

        Raises
        ------
        InputError
            If a place cannot be written.
        """
        folder = Path(folder)
        files: dict[Path, str | bytes] = {
            folder / f"{name}.pt": potential.get_content(mode="rb") for name, potential in self.potentials.items()
        }
        write_files({**files, folder / "summary.json": json.dumps(self.describe(), indent=2) + "\n"})
        for stale in set(folder.glob("m[0-9][0-9].pt")).difference(files):
            stale.unlink()


def train(
    *data: FrameSource | orm.Node,
    members: int = 4,
    max_minutes: float | None = None,
    protocol: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 0,
    max_in_flight: int | None = None,
    allow_mixed_levels: bool = False,
    validation: FrameSource | orm.Node | None = None,
    labels: LabelNames | None = None,
    code: str = "python@localhost",
    run: Callable[[ProcessBuilder], orm.ProcessNode] | None = None,
    progress: Callable[[str], None] | None = None,
) -> TrainedEnsemble:
    """Train an ensemble on labelled frames in this process, in the default AiiDA profile if none is loaded.

    Parameters
    ----------
    *data
        Frames with energy [eV] and forces [eV/Å]: files, lists of frames, or PKs or nodes of FramesData.
    members
        Members of the ensemble.
    max_minutes
        Wall time of all trainings together [min]; none if it is not given.
    protocol
        ``fast``, ``balanced`` or ``stringent``.
    overrides
        What to change of the protocol.
    seed
        Seed of the first member; the others count up.
    max_in_flight
        Trainings side by side; the number of cores if it is not given.
    allow_mixed_levels
        Whether to train on labels of several levels of theory.
    validation
        Frames to validate on, instead of blocks set aside.
    labels
        What labels are called in files.
    code
        Label of the Python with torch and the code of the potential.
    run
        Runs a builder and returns its node; ``aiida.engine.run_get_node`` if it is not given.
    progress
        Called with a sentence before the training.

    Raises
    ------
    InputError
        If frames or settings cannot be used, or there is no AiiDA profile.
    """
    began = time.monotonic()
    ensure_profile()
    side_by_side = min(members, max_in_flight if max_in_flight is not None else available_cores())
    for name, value in (("members", members), ("max_in_flight", side_by_side), ("max_minutes", max_minutes)):
        if value is not None and value <= 0:
            raise InputError(f"{name} is {value:g}; expected a positive number")
    require_files(labels, [source for source in (*data, validation) if source is not None])
    dataset = _merge([find_frames(source, _of_file(source, labels))[0] for source in data])
    require_trainable(dataset.get_frames(), allow_mixed_levels)
    python = find_code(code)
    settings: dict[str, Any] = {"seed": seed}
    if max_minutes is not None:
        left = max_minutes - (time.monotonic() - began) / 60
        settings["max_minutes"] = minutes_per_member(left, members, side_by_side)
    if allow_mixed_levels:
        settings["allow_mixed_levels"] = True
    asked = {"n_members": members, "max_in_flight": side_by_side, "train": {"settings": settings}}
    try:
        builder: Any = TrainEnsembleWorkChain.get_builder_from_protocol(
            python, dataset, protocol=protocol, overrides=recursive_merge(dict(overrides or {}), asked)
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    check_runnable(python, load("trainers", builder.trainer.value).needs)
    if validation is not None:
        held_out, read = find_frames(validation, _of_file(validation, labels))
        require_trainable(held_out.get_frames(), allow_mixed_levels, str(validation) if read is None else read.name)
        builder.validation = held_out
    if progress is not None:
        each = f", {60 * settings['max_minutes']:.0f} s each" if max_minutes is not None else ""
        progress(f"Training {members} members on {len(dataset)} frames, {side_by_side} side by side{each}")
    try:
        node = run_get_node(builder)[1] if run is None else run(builder)
    except ValueError as error:
        raise InputError(str(error)) from error
    potentials = find_potentials(node) if "potentials" in node.outputs else {}
    return TrainedEnsemble(node, potentials, time.monotonic() - began)


def minutes_per_member(minutes: float, members: int, side_by_side: int) -> float:
    """Return the time of one member [min] such that all of them, some side by side, need ``minutes``.

    Raises
    ------
    InputError
        If nothing is left beside the start of the jobs.
    """
    waves = -(-members // side_by_side)
    each = minutes / waves - _START_S / 60
    if each <= 0:
        raise InputError(
            f"`max_minutes` leaves {max(0.0, 60 * minutes):.0f} s for {waves} trainings one after the other; "
            f"expected more than {_START_S:.0f} s each; give more time or fewer members"
        )
    return each


def _of_file(source: FrameSource | orm.Node, labels: LabelNames | None) -> LabelNames | None:
    return labels if isinstance(source, str | Path) else None


def _merge(nodes: Sequence[FramesData]) -> FramesData:
    """Return one node of all; several are merged by a calcfunction, so that their origin stays on record."""
    if not nodes:
        raise InputError("no frames are given; expected labelled frames; name a file or a PK")
    if len(nodes) == 1:
        return nodes[0]
    merged: FramesData = merge_frames(**{f"set_{index:03d}": node for index, node in enumerate(nodes)})
    return merged
