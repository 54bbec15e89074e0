"""What a street will cost, estimated before anything runs.

Rates are CPU times of one core (single runs, ±40 %): PaiNN 32 × 2 on 50 atoms made 4 500 atom-steps/s and trained on
a frame in 23 ms; PaiNN 64 × 3 on LGPS of 50–400 atoms made 2 600 atom-steps/s and trained on a 64-atom frame in 54 ms.
Labellers know their own.
"""

from dataclasses import dataclass

__all__ = [
    "Cost",
    "LabelRate",
    "Plan",
    "estimate_cost",
    "seconds_per_atom_step",
    "seconds_per_training_atom",
]


@dataclass(frozen=True)
class LabelRate:
    """Time of a single point: ``seconds * (n_atoms / n_atoms_measured) ** exponent``."""

    seconds: float
    """Time of one frame of the measured size [s]."""
    n_atoms_measured: int
    """Its size [1]."""
    exponent: float
    """Growth with size [1]."""

    def of(self, n_atoms: int) -> float:
        """Return the time of one frame of ``n_atoms`` [s]."""
        return self.seconds * (n_atoms / self.n_atoms_measured) ** self.exponent


_JOB_START_S = 10.0
"""Import of torch and SchNetPack (7 s) and AiiDA's handling of the job."""
_TRAJECTORY_BYTES_PER_ATOM = 90.0
"""One line of a trajectory: symbol, wrapped and unwrapped digits."""
_FRAME_BYTES_PER_ATOM = 150.0
"""One line of a labelled frame: positions and forces with all digits."""
_WEIGHT_BYTES = 4.0 * 12
"""float32 weights, their optimiser and their checkpoints, per squared feature and layer."""


@dataclass(frozen=True)
class Plan:
    """The work of a street."""

    n_atoms: int
    """Atoms of the cell that is labelled and sampled [1]."""
    n_atoms_production: int
    """Atoms of the production cell [1]."""
    n_seeds: int
    """Seeds to label [1]; 0 with a data set."""
    label_budget: int
    """Labels all rounds together may add [1]."""
    n_rounds: int
    """Rounds of active learning at most [1]."""
    n_members: int
    """Members of the ensemble [1]."""
    n_known: int
    """Frames of the data set given [1]."""
    epochs_first: int
    """Epochs of the first training at most [1]; 0 with potentials."""
    epochs_again: int
    """Epochs of a retraining at most [1]."""
    n_features: int
    """Features of the network [1]."""
    n_layers: int
    """Interaction layers of the network [1]."""
    sampling_steps: int
    """MD steps of one round, all replicas [1]."""
    production_steps: int
    """MD steps of all temperatures and replicas [1]."""
    trajectory_frames: int
    """Frames that production writes to its trajectories [1]."""
    label_s: float | None
    """Time of one label on one core [s]; ``None`` if the labeller does not know."""
    cores: int
    """Jobs that run side by side [1]."""


@dataclass(frozen=True)
class Cost:
    """What a plan costs at most."""

    labels: int
    """Single points [1]."""
    md_steps: int
    """MD steps over all replicas [1]."""
    labelling_s: float | None
    """Wall time of the labels [s]; ``None`` if that of one is unknown."""
    training_s: float
    """Wall time of the trainings [s]."""
    dynamics_s: float
    """Wall time of the MD [s]."""
    disk_bytes: float
    """Space on disk [B]."""

    @property
    def seconds(self) -> float:
        """Wall time of what can be estimated [s]."""
        return (self.labelling_s or 0.0) + self.training_s + self.dynamics_s


def seconds_per_atom_step(n_features: int, n_layers: int) -> float:
    """Return the time of one MD step per atom on one core [s], linear in features × layers."""
    return _line(n_features * n_layers, (64, 1 / 4500), (192, 1 / 2600))


def seconds_per_training_atom(n_features: int, n_layers: int) -> float:
    """Return the time of one atom in one epoch on one core [s], linear in features × layers."""
    return _line(n_features * n_layers, (64, 0.023 / 50), (192, 0.054 / 64))


def estimate_cost(plan: Plan) -> Cost:
    """Return the most a plan costs: every round runs and every label is spent, every training uses all its epochs.

    Parameters
    ----------
    plan
        The work.

    Returns
    -------
    Cost
        Labels, MD steps, wall time and disk.
    """
    rounds = plan.n_rounds
    labels = plan.n_seeds + plan.label_budget
    known = plan.n_known + plan.n_seeds
    per_atom = seconds_per_training_atom(plan.n_features, plan.n_layers)
    # Each round adds its part of the budget; the sum over rounds of the growing set.
    frames_again = rounds * known + plan.label_budget * (rounds + 1) / 2 if rounds else 0.0
    one_member = plan.n_atoms * per_atom * (plan.epochs_first * known + plan.epochs_again * frames_again)
    waves = -(-plan.n_members // max(plan.cores, 1))
    trainings = rounds + (1 if plan.epochs_first else 0)
    training = waves * (one_member + trainings * _JOB_START_S)

    step = seconds_per_atom_step(plan.n_features, plan.n_layers)
    # A round is one job on one core, its spread costs every member; temperatures of production run side by side.
    sampling = rounds * (plan.sampling_steps * plan.n_atoms * step + _JOB_START_S)
    production = plan.production_steps * plan.n_atoms_production * step / max(plan.cores, 1) + _JOB_START_S

    labelling = None if plan.label_s is None else labels * plan.label_s / max(plan.cores, 1)
    disk = (
        plan.trajectory_frames * plan.n_atoms_production * _TRAJECTORY_BYTES_PER_ATOM
        + (labels + known * trainings * plan.n_members) * plan.n_atoms * _FRAME_BYTES_PER_ATOM
        + trainings * plan.n_members * _WEIGHT_BYTES * plan.n_layers * 12 * plan.n_features**2
    )
    md_steps = rounds * plan.sampling_steps + plan.production_steps
    return Cost(labels, md_steps, labelling, training, sampling + production, disk)


def _line(x: float, first: tuple[float, float], second: tuple[float, float]) -> float:
    slope = (second[1] - first[1]) / (second[0] - first[0])
    return first[1] + slope * (x - first[0])
