"""Trained potentials: from a file, a folder or a node to energies, forces and their errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiida_elyte.api.identifiers import names_file
from aiida_elyte.api.labels import FrameSource, LabelNames, read_labelled_frames
from aiida_elyte.errors import EngineMissingError, InputError, suggest
from aiida_elyte.science.learning.ensemble import member_name

if TYPE_CHECKING:
    from aiida import orm
    from ase.calculators.calculator import Calculator

    from aiida_elyte.data.potential import PotentialData
    from aiida_elyte.science.potentials.potential import Potential

__all__ = ["PotentialEnsemble", "evaluate", "find_potentials", "load_potential", "pretrained"]


@dataclass(frozen=True)
class PotentialEnsemble:
    """One trained potential, or the members of an ensemble."""

    members: "Mapping[str, Potential]"
    """Name of each member → the member."""

    def calculator(self) -> "Calculator":
        """Return a calculator of ASE: the mean of the members, with their spread where there are several.

        Raises
        ------
        InputError
            If members differ in cut-off.
        """
        from aiida_elyte.science.potentials.calculators import EnsembleCalculator, PotentialCalculator

        potentials = list(self.members.values())
        return PotentialCalculator(potentials[0]) if len(potentials) == 1 else EnsembleCalculator(potentials)

    def evaluate(self, data: FrameSource, *, labels: LabelNames | None = None) -> dict[str, Any]:
        """Compare energies and forces with labels.

        Parameters
        ----------
        data
            Frames with energy [eV] and forces [eV/Å], or their file.
        labels
            What labels are called in the file.

        Returns
        -------
        dict
            ``ensemble``, the errors of the mean: ``force_mae_eV_A``, ``force_rmse_eV_A``, ``energy_mae_eV_atom``;
            ``members``, a list of the same of each with its ``name``; ``n_frames``.

        Raises
        ------
        InputError
            If frames cannot be read, lack labels, or hold an element that a member has not seen.
        """
        from aiida_elyte.science.potentials.errors import ensemble_errors

        read = read_labelled_frames(data, labels=labels, required=("energy", "forces"))
        found = ensemble_errors(list(self.members.values()), read.frames)
        named = [{"name": name, **error} for name, error in zip(self.members, found["members"], strict=True)]
        return {"ensemble": found["ensemble"], "members": named, "n_frames": len(read.frames)}


def load_potential(source: "str | Path | orm.Node") -> PotentialEnsemble:
    """Load a potential, or all members of an ensemble.

    Parameters
    ----------
    source
        A ``potential.pt``, a folder with ``m00.pt …``, or the name of a pretrained potential (see ``pretrained``),
        which need no AiiDA profile; or in the loaded profile the PK, UUID or node of a PotentialData, or of a WorkChain
        that trained some.

    Raises
    ------
    EngineMissingError
        If torch or the code of the potential is not installed.
    InputError
        If there is no potential.
    """
    contents: dict[str, bytes]
    if isinstance(source, str | Path) and names_file(source):
        contents = _read_members(source)
    else:
        contents = {name: node.get_content(mode="rb") for name, node in find_potentials(source).items()}
    try:
        from aiida_elyte.science.potentials.files import read_potential
    except ImportError as error:
        raise EngineMissingError(
            f"{error.name} is not installed; evaluate needs it; pip install 'aiida-elyte[train]'"
        ) from error
    return PotentialEnsemble({name.removesuffix(".pt"): read_potential(content) for name, content in contents.items()})


def evaluate(
    potentials: "PotentialEnsemble | str | Path | orm.Node", data: FrameSource, *, labels: LabelNames | None = None
) -> dict[str, Any]:
    """Compare potentials, as of ``load_potential``, with labels, as of ``PotentialEnsemble.evaluate``.

    Raises
    ------
    InputError
        If there is no potential, or frames cannot be used.
    """
    members = potentials if isinstance(potentials, PotentialEnsemble) else load_potential(potentials)
    return members.evaluate(data, labels=labels)


def find_potentials(source: "str | Path | orm.Node") -> "dict[str, PotentialData]":
    """Return the members in a folder, or a pretrained one, as new nodes, or those of a PotentialData or WorkChain.

    Parameters
    ----------
    source
        As of ``load_potential``; a profile has to be loaded.

    Raises
    ------
    InputError
        If there is none.
    """
    from aiida import orm

    from aiida_elyte.data.potential import PotentialData
    from aiida_elyte.provenance.learning import newest_potentials
    from aiida_elyte.provenance.nodes import load_any, require_profile

    if isinstance(source, str | Path) and names_file(source):
        from aiida_elyte.science.potentials.files import describe_potential

        require_profile()
        return {
            member_name(index): PotentialData(content, describe_potential(content), label=name)
            for index, (name, content) in enumerate(_read_members(source).items())
        }
    node = source if isinstance(source, orm.Node) else load_any(str(source))
    if isinstance(node, PotentialData):
        return {member_name(0): node}
    members = newest_potentials(node) if isinstance(node, orm.WorkChainNode) else {}
    if not members:
        raise InputError(
            f"node {node.pk} is {type(node).__name__} without potentials; expected a PotentialData, a WorkChain "
            "that trained some, or a folder with m00.pt …"
        )
    return members


def pretrained(name: str) -> "PotentialData":
    """Return a potential that comes trained with its family as a new node, to start with or to label with.

    A universal potential is no substitute for DFT of the material: see its level of theory.

    Parameters
    ----------
    name
        Its name; a profile has to be loaded.

    Raises
    ------
    InputError
        If no family that is installed has one of that name.
    """
    from aiida_elyte.data.potential import PotentialData
    from aiida_elyte.provenance.nodes import require_profile
    from aiida_elyte.science.potentials.files import describe_potential, pretrained_potentials

    require_profile()
    known = pretrained_potentials()
    if name not in known:
        raise InputError(
            f"pretrained potential {name!r} is unknown; expected one of {', '.join(sorted(known))}"
            f"{suggest(name, sorted(known))}"
        )
    return PotentialData(known[name], describe_potential(known[name]), label=name)


def _read_members(source: str | Path) -> dict[str, bytes]:
    """Return the potentials of a folder or file, or a pretrained one, by name; what exists as a file goes first."""
    from aiida_elyte.science.potentials.files import pretrained_potentials

    known = {} if _exists(Path(source)) else pretrained_potentials()
    if str(source) in known:
        return {str(source): known[str(source)]}
    return {file.name: _read(file) for file in _member_files(Path(source))}


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _member_files(path: Path) -> list[Path]:
    """Return the potentials of a folder (``*.pt``, in order), or the one file given."""
    try:
        if path.is_file():
            return [path]
        files = sorted(path.glob("*.pt"))
    except OSError as error:
        raise _unreadable(path, error) from error
    if not files:
        what = "holds no potential" if path.is_dir() else "does not exist"
        raise InputError(
            f"{path} {what}; expected a folder with m00.pt …, as `aiida-elyte train --out` writes it, or a PK"
        )
    return files


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be read ({error.strerror}); expected a potential that can; make it readable")
