"""Potentials tested by dynamics of their own, in this process by a WorkChain of the loaded profile."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiida import orm
from aiida.engine import ProcessBuilder, run_get_node
from ase import Atoms

from aiida_elyte.api.codes import check_runnable, find_code
from aiida_elyte.api.labels import FrameSource, require_trainable
from aiida_elyte.api.nodes import as_node, find_frames
from aiida_elyte.api.potentials import find_potentials
from aiida_elyte.api.profile import ensure_profile
from aiida_elyte.calculations.md import MdCalculation
from aiida_elyte.errors import InputError, suggest
from aiida_elyte.provenance.links import Links
from aiida_elyte.provenance.qualification import QualificationRecord, read_qualification
from aiida_elyte.science.crystal import check_structure, require_temperatures
from aiida_elyte.science.crystal_files.read import read_crystal
from aiida_elyte.science.frames import round_frame
from aiida_elyte.workflows.qualify import QualifyWorkChain

__all__ = ["QualifiedPotentials", "qualify"]


@dataclass(frozen=True)
class QualifiedPotentials:
    """What a qualification left in the database."""

    node: orm.ProcessNode
    """The WorkChain."""
    record: QualificationRecord | None
    """Verdict, findings and conditions; ``None`` if the dynamics could not be run."""

    @property
    def failure(self) -> str | None:
        """Why the qualification gave no verdict; ``None`` if it gave one."""
        return None if self.record is not None else self.node.exit_message or "the WorkChain did not finish"

    @property
    def is_qualified(self) -> bool:
        """Whether the potentials may be used."""
        return self.record is not None and self.record.verdict.is_qualified

    def describe(self) -> dict[str, Any]:
        """Return process, potentials, verdict, findings and conditions, as plain values."""
        process = {"pk": self.node.pk, "uuid": self.node.uuid, "exit_message": self.node.exit_message}
        members = {name: node.pk for name, node in sorted(self.node.inputs.potentials.items())}
        return {"process": process, "potentials": members, **({} if self.record is None else self.record.as_dict())}


def qualify(
    potentials: "str | Path | orm.Node",
    start: str | Path | Atoms,
    temperature_K: float,
    *,
    mobile: Sequence[str] = (),
    dataset: "FrameSource | orm.Node | None" = None,
    calibration: orm.Dict | None = None,
    protocol: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    code: str = "python@localhost",
    run: Callable[[ProcessBuilder], orm.ProcessNode] | None = None,
) -> QualifiedPotentials:
    """Test potentials by dynamics of their own, in the default AiiDA profile if none is loaded.

    Parameters
    ----------
    potentials
        As of ``find_potentials``: file or folder, or PK or node of a PotentialData or of a WorkChain that trained some.
    start
        Ordered crystal that the dynamics start from, or its file.
    temperature_K
        Highest temperature of production [K].
    mobile
        Species that move; the others are the framework. Without any, whether the framework lasts is not judged, and
        the potentials do not qualify.
    dataset
        Labelled frames that the potentials were trained on; without them, tests that compare with them are not judged.
    calibration
        What the spread of the members is worth, as the learning of an ensemble leaves it.
    protocol
        ``fast``, ``balanced`` or ``stringent``.
    overrides
        What to change of the protocol.
    code
        Label of the Python with torch and the code of the potentials.
    run
        Runs a builder and returns its node; ``aiida.engine.run_get_node`` if it is not given.

    Raises
    ------
    InputError
        If potentials, structure, frames or settings cannot be used, or there is no AiiDA profile.
    """
    frame, name = _read(start)
    framework = _framework(frame, mobile)
    require_temperatures([temperature_K], "`temperature_K`")
    ensure_profile()
    members, python = find_potentials(potentials), find_code(code)
    labelled = None if dataset is None else find_frames(dataset)[0]
    if labelled is not None:
        require_trainable(labelled.get_frames(), allow_mixed_levels=True)
    frame.info = {"origin": f"{name}#0"}
    builder = QualifyWorkChain.get_builder_from_protocol(
        python,
        temperature_K,
        framework,
        start=as_node([frame], name),
        potentials=members,
        dataset=labelled,
        calibration=calibration,
        protocol=protocol,
        overrides=dict(overrides or {}),
    )
    check_runnable(python, MdCalculation.PROGRAM.needs)
    try:
        node = run_get_node(builder)[1] if run is None else run(builder)
    except ValueError as error:
        raise InputError(str(error)) from error
    return QualifiedPotentials(node, read_qualification(Links(node)) if node.is_finished_ok else None)


def _framework(start: Atoms, mobile: Sequence[str]) -> list[str]:
    """Return the species of a crystal that do not move; none if no mobile species is named."""
    species = sorted(set(start.get_chemical_symbols()))
    for name in mobile:
        if name not in species:
            expected = f"expected species of the structure, {', '.join(species)}"
            raise InputError(f"mobile names {name!r}; {expected}{suggest(name, species)}")
    return [name for name in species if name not in mobile] if mobile else []


def _read(start: str | Path | Atoms) -> tuple[Atoms, str]:
    """Return the start frame and what to call it."""
    if isinstance(start, Atoms):
        check_structure(start, "the structure")
        return round_frame(start), "structure"
    return round_frame(read_crystal(start, is_ordered=True).atoms), Path(start).name
