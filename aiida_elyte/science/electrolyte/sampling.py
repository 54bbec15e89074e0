"""Thermal frames of clusters by LAMMPS with a committee of force fields: of a cluster alone, or cut out of a small box.

A sampler writes what LAMMPS runs, and makes clusters of the frames that the run leaves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.boxes import box_recipe, count_molecules, loose_density, pack_box
from aiida_elyte.science.electrolyte.cutouts import cut_shells
from aiida_elyte.science.electrolyte.recipe import read_recipe
from aiida_elyte.science.forcefield.committee import committee_spreads
from aiida_elyte.science.forcefield.model import ForceField
from aiida_elyte.science.frames import block_of, labels_of, name_of, round_frame, total_charge_of
from aiida_elyte.science.lammps.export import as_lammps_system
from aiida_elyte.science.lammps.run import kinds_of_data, run_input
from aiida_elyte.science.lammps.sampling import box_run, cluster_commands
from aiida_elyte.science.lammps.sampling_settings import Boxes, Sampling
from aiida_elyte.science.lammps.stages import last_steps
from aiida_elyte.science.lammps.system import data_file, input_file
from aiida_elyte.science.molecules.broken_bonds import find_broken_bond
from aiida_elyte.science.molecules.connectivity import topology_from_text
from aiida_elyte.science.molecules.perception import topology_from_frame
from aiida_elyte.science.molecules.topology import Topology
from aiida_elyte.science.molecules.typing import assign_types
from aiida_elyte.science.statistics.spread import ForceSpread

__all__ = ["BoxSampler", "ClusterSampler", "Committee", "ReplicaSampler"]

_KEPT = ("charge", "system", "stoichiometry", "kind", "bonds")
"""What a frame inherits of the cluster from which it comes."""


@dataclass(frozen=True)
class Committee:
    """The members of a committee, and the one that drives a run."""

    members: Mapping[str, ForceField]
    """All of them by name."""
    driver: str
    """Name of the one that drives."""

    @property
    def force_field(self) -> ForceField:
        """The force field that drives."""
        return self.members[self.driver]

    def spreads(self, topology: Topology, positions: np.ndarray) -> list[ForceSpread]:
        """Return the spread of each frame, ``positions`` of ``shape=(F, N, 3)`` [Å]; none if there is one member."""
        return committee_spreads(list(self.members.values()), topology, positions) if len(self.members) > 1 else []


class ReplicaSampler(Protocol):
    """A run of LAMMPS, and what becomes of its frames."""

    begin: int
    """Step at which its sampling begins."""
    nothing: str
    """What to say of a run that ended well and left no frame."""

    def write(self, data: str, dump: str) -> tuple[str, str]:
        """Return the text of the data file and of the input, given the names of the data file and of the dump."""
        ...

    def frames(self, samples: Iterable[tuple[int, np.ndarray, np.ndarray]]) -> tuple[list[Atoms], str | None]:
        """Return the clusters in the samples of a run, and the bond that ended it, if one broke.

        Parameters
        ----------
        samples
            Step, positions [Å] and cell of each frame, as of ``read_samples``.
        """
        ...


class ClusterSampler:
    """Samples a cluster by itself.

    Parameters
    ----------
    start
        The cluster, with its total charge.
    committee
        Force fields.
    settings
        Temperature, steps, stride and time step.
    seed
        Seed of velocities and collisions.

    Raises
    ------
    InputError
        If the cluster has no total charge, or the force field lacks one of its types.
    """

    begin = 0
    nothing = "the run left no frame"

    def __init__(self, start: Atoms, committee: Committee, settings: Sampling, seed: int) -> None:
        self._start, self._committee, self._settings, self._seed = start, committee, settings, seed
        self._topology = _topology_of(start)

    def write(self, data: str, dump: str) -> tuple[str, str]:
        """Return the texts of data file and input."""
        settings, force_field, positions = self._settings, self._committee.force_field, self._start.positions
        types = assign_types(self._topology, force_field.depth)
        system = as_lammps_system(force_field, self._topology, types, positions)
        commands = cluster_commands(
            positions,
            temperature_K=_given(settings.temperature_K),
            n_steps=_given(settings.n_steps),
            stride=_given(settings.sample_stride),
            timestep_fs=_given(settings.timestep_fs),
            seed=self._seed,
            dump=dump,
        )
        return data_file(system), input_file(system, data) + commands

    def frames(self, samples: Iterable[tuple[int, np.ndarray, np.ndarray]]) -> tuple[list[Atoms], str | None]:
        """Return the frames before a bond breaks, and that bond."""
        steps, positions, torn = [], [], None
        for step, place, _ in samples:
            torn = find_broken_bond(place, self._topology)
            if torn is not None:
                break
            steps.append(step)
            positions.append(place)
        if not positions:
            return [], torn
        spreads = self._committee.spreads(self._topology, np.array(positions))
        start = self._start
        kept = {key: start.info[key] for key in _KEPT if key in start.info}
        frames = []
        for number, (step, place) in enumerate(zip(steps, positions, strict=True)):
            frame = Atoms(start.symbols, place, info={**kept, "charge": _charge_of(start)})
            origin = f"{block_of(start)}-s{self._seed}#{step}"
            _note(frame, self._committee, self._settings, origin, spreads[number : number + 1])
            frames.append(round_frame(frame))
        return frames, torn


class BoxSampler:
    """Samples a small box, and cuts clusters out of its frames.

    Parameters
    ----------
    boxes
        Recipe and size of the box, and of the clusters.
    committee, settings, seed
        As of ``ClusterSampler``; the seed draws the box and the cuts too.

    Raises
    ------
    InputError
        If the box cannot be built, or the force field lacks one of its types.
    """

    nothing = "the run left no frame with more than one molecule around a centre"

    def __init__(self, boxes: Boxes, committee: Committee, settings: Sampling, seed: int) -> None:
        self._boxes, self._committee, self._settings, self._seed = boxes, committee, settings, seed
        recipe = box_recipe(read_recipe(_given(boxes.recipe)), boxes.n_atoms, boxes.n_units, seed)
        self._box = pack_box(recipe, count_molecules(recipe), boxes.density_g_cm3 or loose_density(recipe))
        self._run = box_run(
            temperature_K=_given(settings.temperature_K),
            pressure_bar=boxes.pressure_bar,
            compress_steps=boxes.compress_steps,
            n_steps=_given(settings.n_steps),
            stride=_given(settings.sample_stride),
            timestep_fs=_given(settings.timestep_fs),
            cutoff_A=boxes.cutoff_A,
            seed=seed + 1,
        )
        self.begin = last_steps(self._run.stages)[-2]

    def write(self, data: str, dump: str) -> tuple[str, str]:
        """Return the texts of data file and input; the dump has the name that ``run_input`` gives it."""
        box, force_field = self._box, self._committee.force_field
        types = assign_types(box.topology, force_field.depth)
        text = data_file(as_lammps_system(force_field, box.topology, types, box.positions, box.cell))
        return text, run_input(self._run, data, kinds_of_data(text.splitlines(keepends=True)))

    def frames(self, samples: Iterable[tuple[int, np.ndarray, np.ndarray]]) -> tuple[list[Atoms], str | None]:
        """Return the clusters cut out of the frames before a bond breaks, and that bond."""
        rng, topology, boxes = np.random.default_rng(self._seed), self._box.topology, self._boxes
        frames: list[Atoms] = []
        for step, place, cell in samples:
            torn = find_broken_bond(place, topology)
            if torn is not None:
                return frames, torn
            cuts = cut_shells(
                place,
                cell,
                topology,
                n_cuts=boxes.n_cuts,
                radius_A=boxes.radius_A,
                max_atoms=boxes.max_atoms,
                rng=rng,
            )
            for number, frame in enumerate(cuts):
                spreads = self._committee.spreads(_topology_of(frame), frame.positions[None])
                _note(frame, self._committee, self._settings, f"box-s{self._seed}-{number}#{step}", spreads)
                frames.append(round_frame(frame))
        return frames, None


def _topology_of(frame: Atoms) -> Topology:
    """Return the topology that a cluster carries, or that which its geometry has."""
    if "bonds" in frame.info:
        return topology_from_text(frame.get_chemical_symbols(), str(frame.info["bonds"]))
    return topology_from_frame(frame, _charge_of(frame))


def _charge_of(frame: Atoms) -> int:
    """Return the total charge of a cluster [e], as given or as the charges among its labels add up to."""
    total = total_charge_of(frame)
    if total is None and "charges" in labels_of(frame):
        total = round(float(labels_of(frame)["charges"].sum()))
    if total is None:
        raise InputError(f"start {name_of(frame)} tells no charge; expected its total charge in info; add it")
    return total


def _note(frame: Atoms, committee: Committee, settings: Sampling, origin: str, spreads: list[ForceSpread]) -> None:
    """Note where a frame comes from, and how unsure the committee is of it."""
    temperature_K = float(_given(settings.temperature_K))
    frame.info |= {"origin": origin, "member": committee.driver, "temperature_K": temperature_K}
    for spread in spreads:
        frame.info |= {"spread_max_eV_A": spread.maximum, "spread_mean_eV_A": spread.mean}


def _given(value: Any) -> Any:
    """Return a setting that others fill in, once they have."""
    if value is None:
        raise InputError("settings of the sampling are not complete; expected all of them before a run begins")
    return value
