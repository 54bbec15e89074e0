r"""Adversarial attack on a committee: displacements that make it disagree and that the material may still reach.

From each start frame the displacements δ of all atoms follow the gradient of

.. math::

    \ln L(\delta) = \ln \sigma_F^2(\delta) + \ln p(\delta), \quad
    \sigma_F^2 = \frac{1}{N (M-1)} \sum_{m,i} |\mathbf{F}_{mi} - \bar{\mathbf{F}}_i|^2, \quad
    p = \frac{e^{-\varepsilon(\delta) / kT}}{\langle e^{-\varepsilon_d / kT} \rangle_d}

with the forces of M members on N atoms, the mean energy ε over the members per atom, what its elements explain taken
off, and the same ε_d of the labelled frames d. The logarithm has the maximum of L, and a slope where p is small.
Energies are taken per atom because the energy of a frame grows with N and the variance does not: the total energy over
kT would allow a few kT for all atoms together, when a crystal at T holds 3/2 kT in each; energies per atom let ε rise
by kT for each factor of e in the variance, whatever the size of the cell. Without p nothing holds the energy back.

References
----------
Schwalbe-Koda, Tan, Gómez-Bombarelli, *Differentiable sampling of molecular geometries with uncertainty-based
adversarial attacks*, Nature Communications 12, 5104 (2021), doi:10.1038/s41467-021-25342-8.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from torch import Tensor

from aiida_elyte.errors import InputError
from aiida_elyte.science.contact import closest_contact
from aiida_elyte.science.frames import attach_committee, attach_labels
from aiida_elyte.science.learning.attack_settings import AttackSettings
from aiida_elyte.science.potentials.potential import Potential
from aiida_elyte.science.potentials.reference import fit_energy_reference
from aiida_elyte.science.statistics.spread import force_spread
from aiida_elyte.units import BOLTZMANN_EV_K

__all__ = [
    "Appraisal",
    "Attempt",
    "EnergyScale",
    "Outcome",
    "appraise",
    "attack",
    "draw_starts",
    "energy_scale",
    "of_composition",
]

_SMALLEST_STEP = 1e-2
"""A frame whose step has shrunk to this part of the first one is at its maximum."""
_GROWTH = 1.2
"""Factor of a step that went uphill; one that did not is halved."""
_LEAST_VARIANCE = 1e-24
"""Variance of members that agree to the last digit [(eV/Å)²], so that it has a logarithm."""


@dataclass(frozen=True)
class EnergyScale:
    """What energies of the data make of an energy: its probability."""

    references: Mapping[str, float]
    """Energy of each element in the data [eV]."""
    log_partition: float
    """ln ⟨exp(−ε/kT)⟩ over the data [1]."""
    thermal_eV: float
    """kT [eV]."""

    def per_atom(self, frame: Atoms, energy: Tensor) -> Tensor:
        """Return ε [eV], what the elements explain of the energy [eV] taken off."""
        explained = sum(self.references.get(symbol, 0.0) for symbol in frame.get_chemical_symbols())
        return (energy - explained) / len(frame)

    def log_probability(self, energy_per_atom: Tensor) -> Tensor:
        """Return ln p [1] of ε [eV]: 0 for what is as probable as the data are on average."""
        return -energy_per_atom / self.thermal_eV - self.log_partition


def energy_scale(frames: Sequence[Atoms], energies_eV: Sequence[float], temperature_K: float) -> EnergyScale:
    """Return the scale that energies of frames give.

    Parameters
    ----------
    frames
        The labelled frames, or starts where there are none.
    energies_eV
        Mean of the members on each [eV].
    temperature_K
        Temperature of the probability [K].

    Raises
    ------
    InputError
        If there is no frame.
    """
    if not frames:
        raise InputError("no frame gives a scale of energies; expected at least one; give labelled frames or starts")
    labelled = [attach_labels(frame.copy(), energy=energy) for frame, energy in zip(frames, energies_eV, strict=True)]
    thermal = BOLTZMANN_EV_K * temperature_K
    scale = EnergyScale(fit_energy_reference(labelled), 0.0, thermal)
    exponents = np.array(
        [
            -float(scale.per_atom(frame, torch.tensor(float(energy), dtype=torch.float64))) / thermal
            for frame, energy in zip(frames, energies_eV, strict=True)
        ]
    )
    return EnergyScale(scale.references, float(np.logaddexp.reduce(exponents) - math.log(len(frames))), thermal)


@dataclass(frozen=True)
class Appraisal:
    """The objective at some frames, and its parts."""

    objective: Tensor
    """ln L of each frame [1], float64, shape (n_frames,)."""
    log_probability: Tensor
    """ln p of each frame [1], shape (n_frames,)."""
    variance: Tensor
    """σ_F² of each frame [(eV/Å)²], shape (n_frames,)."""
    energy: Tensor
    """Mean energy over the members [eV], shape (n_frames,)."""
    slope: Tensor
    """Gradient of the objective with the displacements [1/Å], float64, shape (n_atoms, 3)."""


def appraise(
    potentials: Sequence[Potential], frames: Sequence[Atoms], scale: EnergyScale, weighs_energy: bool = True
) -> Appraisal:
    """Compute the objective of frames and its gradient with the displacements of their atoms.

    Parameters
    ----------
    potentials
        The members, at least two, of families that differentiate their forces.
    frames
        Frames without collisions.
    scale
        Makes energies probabilities.
    weighs_energy
        Whether ln p is part of the objective.

    Raises
    ------
    InputError
        If there are fewer than two members, or a family does not differentiate its forces.
    """
    if len(potentials) < 2:
        raise InputError(
            f"a committee of {len(potentials)} has no spread to attack; expected at least two members; give more, or "
            "sample otherwise"
        )
    counts = [len(frame) for frame in frames]
    home = potentials[0].device
    displacements = torch.zeros(sum(counts), 3, dtype=torch.float64, device=home, requires_grad=True)
    system = torch.repeat_interleave(torch.arange(len(frames)), torch.tensor(counts)).to(home)
    found = [potential.predict_displaced(frames, displacements) for potential in potentials]
    forces = torch.stack([one.forces.double() for one in found])
    energy = torch.stack([one.energy for one in found]).mean(0)
    deviations = ((forces - forces.mean(0)) ** 2).sum((0, 2)) / (len(potentials) - 1)
    sums = deviations.new_zeros(len(frames)).index_add(0, system, deviations)
    variance = sums / torch.tensor(counts, dtype=torch.float64, device=home)
    per_atom = torch.stack([scale.per_atom(frame, one) for frame, one in zip(frames, energy, strict=True)])
    log_probability = scale.log_probability(per_atom)
    objective = torch.log(variance + _LEAST_VARIANCE)
    if weighs_energy:
        objective = objective + log_probability
    (slope,) = torch.autograd.grad(objective.sum(), displacements)
    return Appraisal(objective.detach(), log_probability.detach(), variance.detach(), energy.detach(), slope)


@dataclass(frozen=True)
class Attempt:
    """One frame that is attacked."""

    name: str
    """Name of the attempt."""
    start: Atoms
    """Frame that it starts from."""
    seed: int
    """Seed of its first displacements."""


@dataclass(frozen=True)
class Outcome:
    """What an attempt came to."""

    attempt: Attempt
    """The attempt."""
    frame: Atoms | None
    """The frame at the end, with what the committee says of it; ``None`` if it was dropped."""
    reason: str | None = None
    """Why it was dropped."""


def attack(
    potentials: Sequence[Potential], attempts: Sequence[Attempt], scale: EnergyScale, settings: AttackSettings
) -> list[Outcome]:
    """Attack from several frames side by side; each follows its own gradient, uninfluenced by the others.

    A step moves the atom of the steepest slope by the step length of its frame and the others in proportion; it is
    taken if the objective grows and no two atoms come too near, and the length is halved if not. Displacements end at
    the largest allowed.

    Parameters
    ----------
    potentials
        As of ``appraise``.
    attempts
        What to start from.
    scale
        Makes energies probabilities.
    settings
        Lengths and limits.
    """
    climbs = [_Climb(attempt, settings) for attempt in attempts]
    _judge(potentials, [climb for climb in climbs if climb.reason is None], scale, settings, is_first=True)
    for _ in range(settings.n_steps):
        trials = [climb for climb in climbs if climb.propose()]
        if trials:
            _judge(potentials, trials, scale, settings, is_first=False)
    return [climb.outcome(potentials) for climb in climbs]


class _Climb:
    """An attempt on its way uphill."""

    def __init__(self, attempt: Attempt, settings: AttackSettings) -> None:
        self._attempt, self._settings, self._step_A = attempt, settings, settings.step_A
        rng = np.random.default_rng(attempt.seed)
        self._moved = self._limit(settings.rattle_A * rng.normal(size=(len(attempt.start), 3)))
        self.trial = self._moved
        self._slope = np.zeros_like(self._moved)
        self._objective = self._first_variance = self._variance = self._log_probability = self._energy_eV = math.nan
        self._n_steps = 0
        contact = closest_contact(self.frame(self._moved), settings.min_distance_factor)
        self.reason = None if contact is None else f"start too close: {contact}, below {settings.min_distance_factor:g}"

    def _limit(self, moved: np.ndarray) -> np.ndarray:
        """Shorten the displacements beyond the largest allowed [Å]."""
        lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        return moved * np.minimum(1.0, self._settings.max_displacement_A / np.maximum(lengths, 1e-12))

    def frame(self, moved: np.ndarray) -> Atoms:
        """Return the bare start with its atoms displaced [Å]."""
        start = self._attempt.start
        return Atoms(start.numbers, start.positions + moved, cell=start.cell, pbc=start.pbc)

    def propose(self) -> bool:
        """Set the next trial; return whether there is one to be judged."""
        steepest = np.linalg.norm(self._slope, axis=1).max()
        if self.reason is not None or self._step_A < _SMALLEST_STEP * self._settings.step_A or not steepest > 0:
            return False
        self.trial = self._limit(self._moved + self._step_A / steepest * self._slope)
        if closest_contact(self.frame(self.trial), self._settings.min_distance_factor) is not None:
            self._step_A /= 2
            return False
        return True

    def hear(self, values: Sequence[float], slope: np.ndarray, is_first: bool) -> None:
        """Take the trial if it is uphill; values are objective, ln p, variance and energy."""
        objective, log_probability, variance, energy_eV = values
        is_finite = bool(np.isfinite(values).all() and np.isfinite(slope).all())
        if is_first:
            self._first_variance = variance
            self.reason = None if is_finite else "not finite: energy, forces or their slope at the start"
        if not is_finite or not (is_first or objective > self._objective):
            self._step_A /= 2
            return
        self._moved, self._slope, self._objective = self.trial, slope, objective
        self._log_probability, self._variance, self._energy_eV = log_probability, variance, energy_eV
        if not is_first:
            self._n_steps += 1
            self._step_A *= _GROWTH

    def outcome(self, potentials: Sequence[Potential]) -> Outcome:
        """Return the frame at the end, or why there is none."""
        if self.reason is None and not self._variance > self._first_variance:
            self.reason = "no gain: the committee's spread did not grow"
        if self.reason is not None:
            return Outcome(self._attempt, None, self.reason)
        frame = self.frame(self._moved)
        spread = force_spread(np.stack([one.predict([frame]).forces.double().cpu().numpy() for one in potentials]))
        frame.info = {
            "origin": f"{self._attempt.name}#{self._n_steps}",
            "attacked_from": str(self._attempt.start.info.get("origin", "unstated")),
            "temperature_K": self._settings.temperature_K,
            "potential_energy_eV": self._energy_eV,
            "log_probability": self._log_probability,
            "spread_gain": math.sqrt(self._variance / self._first_variance) if self._first_variance > 0 else math.inf,
            "spread_max_eV_A": spread.maximum,
            "spread_mean_eV_A": spread.mean,
        }
        attach_committee(frame, spread.mean_forces, spread.per_atom)
        return Outcome(self._attempt, frame)


def _judge(
    potentials: Sequence[Potential],
    climbs: Sequence[_Climb],
    scale: EnergyScale,
    settings: AttackSettings,
    is_first: bool,
) -> None:
    """Appraise the trials of several attempts, and tell each."""
    if not climbs:
        return
    frames = [climb.frame(climb.trial) for climb in climbs]
    found = appraise(potentials, frames, scale, settings.weighs_energy)
    parts = torch.stack([found.objective, found.log_probability, found.variance, found.energy], 1).cpu().tolist()
    slopes = found.slope.cpu().split([len(frame) for frame in frames])
    for climb, values, slope in zip(climbs, parts, slopes, strict=True):
        climb.hear(values, slope.numpy(), is_first)


def of_composition(starts: Sequence[Atoms], known: Sequence[Atoms]) -> list[Atoms]:
    """Return the periodic frames of the composition of a start: those of others, as clusters, are no state of it."""
    formulas = {_formula(frame) for frame in starts}
    return [frame for frame in known if frame.pbc.all() and _formula(frame) in formulas]


def draw_starts(frames: Sequence[Atoms], log_probabilities: Sequence[float], n_starts: int, seed: int) -> list[Atoms]:
    """Draw frames to attack from, each as probable as its energy makes it: distorted ones have no weight.

    Parameters
    ----------
    frames
        Labelled frames of the composition of the start, or the start alone.
    log_probabilities
        ln p of each of them [1].
    n_starts
        Number to draw; more than have a weight repeats some.
    seed
        Seed of the draw.
    """
    weights = np.exp(np.asarray(log_probabilities) - np.max(log_probabilities))
    is_enough = np.count_nonzero(weights) >= n_starts
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(frames), size=n_starts, replace=not is_enough, p=weights / weights.sum())
    return [frames[index] for index in drawn.tolist()]


def _formula(frame: Atoms) -> str:
    return str(frame.symbols.formula.reduce()[0].format("hill"))
