"""Class-2 force fields from labelled clusters: fitted, kept in a folder, compared with labels, exported to LAMMPS."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from aiida_elyte.api.files import check_outputs, write_files
from aiida_elyte.api.labels import FrameSource, LabelNames, read_clusters
from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.continuous import ContinuousTyping
from aiida_elyte.science.forcefield.continuous_fit import fit_continuous
from aiida_elyte.science.forcefield.dataset import LabelledSystem, fit_fingerprint, group_frames, split_systems
from aiida_elyte.science.forcefield.fit import FitStep, evaluate_forces, fit_discrete
from aiida_elyte.science.forcefield.fit_settings import Target
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.frames import write_frames
from aiida_elyte.science.labels.reading import Dataset
from aiida_elyte.science.lammps.export import as_lammps_system, place_molecules
from aiida_elyte.science.lammps.system import LammpsSystem, data_file, input_file
from aiida_elyte.science.molecules.topology import Topology, topology_from_smiles
from aiida_elyte.science.molecules.typing import assign_types
from aiida_elyte.science.settings import check_count, check_flag

__all__ = [
    "FORCE_FIELD_FILE",
    "NETWORK_FILE",
    "TEST_FILE",
    "FittedForceField",
    "fit_force_field",
    "load_force_field",
    "member_file",
]

FORCE_FIELD_FILE = "forcefield.json"
NETWORK_FILE = "network.pt"
TEST_FILE = "test.extxyz"
_MEMBER_FILES = "forcefield_[0-9][0-9].json"
_MOST_MEMBERS = 99
"""Their numbers have two digits in the names of files."""


@dataclass(frozen=True)
class FittedForceField:
    """A force field as a fit leaves it."""

    force_field: ForceField
    """Parameters by type, of the molecules that were fitted."""
    network: ContinuousTyping | None = None
    """With continuous typing, what reads parameters off the graph, of other molecules too."""
    members: tuple[ForceField, ...] = ()
    """An ensemble fitted beside it: the same split, a bootstrap each."""
    test: tuple[Atoms, ...] = field(default=(), repr=False)
    """Frames held back, with their labels."""
    errors: Mapping[str, Any] | None = None
    """Errors of the forces on these, as of ``evaluate``; ``None`` where none are held back."""

    def of(self, topologies: Sequence[Topology]) -> ForceField:
        """Return the force field, with what a network reads off these molecules where there is one.

        Raises
        ------
        InputError
            If training had no such elements, bonds, angles, dihedrals or impropers.
        """
        return self.force_field if self.network is None else self.network.freeze(topologies)

    def evaluate(self, data: FrameSource, *, labels: LabelNames | None = None) -> dict[str, Any]:
        """Compare forces with labels, by system.

        Parameters
        ----------
        data
            Clusters with forces [eV/Å].
        labels
            What labels are called in the file.

        Returns
        -------
        dict
            ``overall`` and ``systems`` by name: ``n_frames``, ``force_rmse_kcal_mol_A``, ``force_mae_kcal_mol_A`` and
            ``net_force_rms_kcal_mol_A``, each with its unit in its name.

        Raises
        ------
        InputError
            If frames cannot be read or used, or the force field lacks a type of theirs.
        """
        systems = group_frames(read_clusters(data, labels).frames)
        force_field = self.of([system.topology for system in systems])
        return evaluate_forces(force_field, [system.retyped(force_field.depth) for system in systems])

    def export(self, folder: str | Path, molecules: str, *, seed: int = 0) -> LammpsSystem:
        """Write molecules as ``system.data`` and ``in.lammps``, as an isolated cluster, and return what was written.

        Parameters
        ----------
        folder
            Where to; it is made.
        molecules
            SMILES with dots between, e.g. ``"COCCOC.[Li+]"``; with continuous typing they need not be among those that
            were fitted.
        seed
            Seed of the geometry.

        Raises
        ------
        InputError
            If SMILES cannot be read, or the force field lacks a type.
        """
        folder, topology = Path(folder), topology_from_smiles(molecules)
        force_field = self.of([topology])
        types = assign_types(topology, force_field.depth)
        system = as_lammps_system(force_field, topology, types, place_molecules(molecules, seed))
        data, text = data_file(system, title=molecules), input_file(system, "system.data")
        write_files({folder / "system.data": data, folder / "in.lammps": text})
        return system

    def save(self, folder: str | Path) -> None:
        """Write the files that ``load_force_field`` reads, and remove those of another fit.

        Raises
        ------
        InputError
            If a place cannot be written.
        """
        folder = Path(folder)
        files: dict[Path, str | bytes] = {folder / FORCE_FIELD_FILE: self.force_field.to_json()}
        files |= {folder / member_file(number): member.to_json() for number, member in enumerate(self.members)}
        if self.network is not None:
            files[folder / NETWORK_FILE] = self.network.to_bytes()
        if self.test:
            files[folder / TEST_FILE] = write_frames(self.test)
        write_files(files)
        _remove_stale(folder, files)


def load_force_field(folder: str | Path) -> FittedForceField:
    """Return the force field in a folder that ``aiida-elyte forcefield fit`` or ``save`` wrote.

    Raises
    ------
    InputError
        If there is none that can be read.
    """
    folder = Path(folder)
    force_field, network = _read_force_field(folder / FORCE_FIELD_FILE), None
    if (folder / NETWORK_FILE).exists():
        try:
            network = ContinuousTyping.from_bytes((folder / NETWORK_FILE).read_bytes())
        except OSError as error:
            raise InputError(f"{folder / NETWORK_FILE} cannot be read ({error.strerror}); expected a file") from error
        except InputError as error:
            raise InputError(f"{folder / NETWORK_FILE}: {error}") from error
    return FittedForceField(force_field, network, tuple(map(_read_force_field, sorted(folder.glob(_MEMBER_FILES)))))


def fit_force_field(
    data: FrameSource,
    *,
    folder: str | Path | None = None,
    terms: str = "class2",
    typing: str = "discrete",
    seed: int = 0,
    split: Sequence[float] = (60, 20, 20),
    bootstrap: bool = False,
    members: int = 0,
    energy_error: float | None = None,
    smiles: Mapping[str, str] | None = None,
    charge_scale: float = 1.0,
    project_net_force: bool = True,
    labels: LabelNames | None = None,
    resume: bool = False,
    progress: Callable[[str], None] | None = None,
) -> FittedForceField:
    """Fit to clusters with forces [eV/Å], ``dft_charge`` or charges [e], and as info ``system`` and ``charge``.

    Parameters
    ----------
    data
        Path of the clusters, or the clusters.
    folder
        Where the best so far is written after each step, from the first on, in place of an earlier fit; nothing is
        written without it.
    terms
        ``class2``, or ``class1`` for harmonic bonds and angles without cross terms.
    typing
        ``discrete``, or ``continuous``: a network reads parameters off the graph, of molecules not in the data too.
    seed
        Seed of the split and the bootstrap.
    split
        Shares of frames to train on, to validate on and to hold back.
    bootstrap
        Whether the clusters to train on are drawn anew with replacement.
    members
        Members of an ensemble to fit too, with a bootstrap each.
    energy_error
        Error expected of energies [kcal/mol], which are fitted too up to an offset a system; forces alone without it.
    smiles
        Molecules of a system by its name; those of its first frame where not given.
    charge_scale
        What the charges of ions are multiplied by [1].
    project_net_force
        Whether the net force of a label, which no model has, is taken out of it.
    labels
        What labels are called in the file.
    resume
        Whether to go on from the force field in the folder, which was fitted alike.
    progress
        Called with a sentence after each step and member.

    Raises
    ------
    InputError
        If frames, settings or the folder cannot be used, or it holds another fit where one is to be resumed; an earlier
        fit in it is untouched then.
    """
    check_count("seed", seed, 0)
    check_count("members", members, 0, _MOST_MEMBERS)
    for name, flag in (("bootstrap", bootstrap), ("resume", resume)):
        check_flag(name, flag)
    if resume and typing == "continuous":
        raise InputError("`resume` is given for continuous typing; expected discrete; fit anew, it takes minutes")
    if resume and folder is None:
        raise InputError("a fit is to be resumed and no folder is given; expected that of the fit; give it")
    if typing not in ("discrete", "continuous"):
        raise InputError(f"typing is {typing!r}; expected discrete or continuous")
    options: dict[str, Any] = {"terms": terms, "charge_scale": charge_scale, "project_net_force": project_net_force}
    target = Target(**options, energy_error=energy_error)
    read, place = read_clusters(data, labels), None if folder is None else Path(folder)
    if place is not None:
        names = [FORCE_FIELD_FILE, NETWORK_FILE, TEST_FILE, *map(member_file, range(members))]
        check_outputs([place / name for name in names], [read.name])
    split_rng, draw_rng = np.random.default_rng(seed).spawn(2)
    train, validation, test = _split(read, split, split_rng)
    systems, held_back, unseen = (
        group_frames(part, smiles=smiles) if part else () for part in (train, validation, test)
    )
    _require_charges(read, [*systems, *held_back, *unseen])
    record = {
        "file": Path(read.name).name,
        "sha256": fit_fingerprint(read.frames),
        "split": "/".join(f"{share:g}" for share in split),
        "seed": seed,
    }
    start = None
    if resume and place is not None:
        start = _read_force_field(place / FORCE_FIELD_FILE)
        _require_same(place / FORCE_FIELD_FILE, start.record, record, {**options, "is_bootstrap": bootstrap})
    tell = progress or (lambda _: None)
    is_begun = False

    def keep(found: ForceField, name: str = FORCE_FIELD_FILE, network: ContinuousTyping | None = None) -> ForceField:
        """Write a force field; the first replaces what an earlier fit left, which no failure before it touches."""
        nonlocal is_begun
        whole = replace(found, record={**found.record, "data": record})
        if place is not None:
            files: dict[Path, str | bytes] = {place / name: whole.to_json()}
            if network is not None:
                files[place / NETWORK_FILE] = network.to_bytes()
            if test and not is_begun:
                files[place / TEST_FILE] = write_frames(test)
            write_files(files)
            if not is_begun:
                _remove_stale(place, files)
            is_begun = True
        return whole

    def on_round(number: int, train_rmse: float, validation_rmse: float | None) -> None:
        held_back = "" if validation_rmse is None else f", validation {validation_rmse:.3f}"
        tell(f"step {number}: train {train_rmse:.3f}{held_back} kcal/mol/Å")

    def on_step(step: FitStep) -> None:
        keep(step.force_field)
        on_round(step.number, step.train_rmse, step.validation_rmse)

    def learn(rng: np.random.Generator | None, is_member: bool) -> tuple[ForceField, ContinuousTyping | None]:
        if typing == "discrete":
            own = None if is_member else on_step
            return fit_discrete(systems, held_back, target, bootstrap=rng, start=start, on_step=own), None
        network = fit_continuous(systems, held_back, target, seed=seed, bootstrap=rng, on_round=on_round)
        return network.freeze([system.topology for system in systems]), network

    found, network = learn(draw_rng if bootstrap else None, is_member=False)
    fitted, ensemble = keep(found, network=network), []
    for number, rng in enumerate(draw_rng.spawn(members)):
        ensemble.append(keep(learn(rng, is_member=True)[0], member_file(number)))
        tell(f"member {number} of {members}: {member_file(number)}")
    errors = evaluate_forces(fitted, [system.retyped(fitted.depth) for system in unseen]) if unseen else None
    return FittedForceField(fitted, network, tuple(ensemble), tuple(test), errors)


def member_file(number: int) -> str:
    """Return the name of the file of a member of an ensemble."""
    return f"forcefield_{number:02d}.json"


def _split(
    read: Dataset, shares: Sequence[float], rng: np.random.Generator
) -> tuple[Sequence[Atoms], Sequence[Atoms], Sequence[Atoms]]:
    if len(shares) != 3 or not all(map(isfinite, shares)) or shares[0] <= 0 or min(shares) < 0:
        raise InputError(f"split is {tuple(shares)}; expected shares of train, validation and test; as (60, 20, 20)")
    parts = iter(split_systems(read.frames, [share for share in shares if share], rng))
    train, validation, test = (next(parts) if share else [] for share in shares)
    return train, validation, test


def _require_charges(read: Dataset, systems: Sequence[LabelledSystem]) -> None:
    for system in systems:
        if system.charges is None:
            raise InputError(f"{system.name} of {read.name} has no charges; expected dft_charge or charges; label them")


def _require_same(path: Path, found: Mapping[str, Any], data: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Reject to go on from a force field that was fitted to other data, or in another way."""
    if found.get("data") != data:
        raise InputError(f"{path} was fitted to another split of data; expected {dict(data)}; fit anew")
    for name, value in settings.items():
        before = (found.get("settings") or {}).get(name)
        if before != value:
            raise InputError(f"{path} was fitted with {name} {before}; expected that, not {value}; fit anew")


def _remove_stale(folder: Path, written: Collection[Path]) -> None:
    """Remove the network and members of an earlier fit, once another stands in its place."""
    for stale in {folder / NETWORK_FILE, *folder.glob(_MEMBER_FILES)}.difference(written):
        stale.unlink(missing_ok=True)


def _read_force_field(path: Path) -> ForceField:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read; expected what `forcefield fit` wrote; run it first") from error
    try:
        return ForceField.from_json(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
