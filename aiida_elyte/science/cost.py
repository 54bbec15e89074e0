"""What a street will cost, estimated before anything runs.

Rates are CPU times of one core (single runs, ±40 %). Those of labels come from their labeller, those of models from
their trainer.
"""

from dataclasses import dataclass

__all__ = [
    "Cost",
    "LabelRate",
    "Plan",
    "Rates",
    "estimate_cost",
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


@dataclass(frozen=True)
class Rates:
    """What a model costs, on one core."""

    seconds_per_atom_step: float
    """Time of one MD step per atom [s]."""
    seconds_per_training_atom: float
    """Time of one atom in one epoch of its training [s]."""
    bytes_per_member: float
    """Space of one trained member, with what its training keeps [B]."""


_JOB_START_S = 10.0
"""Import of torch and an engine (7 s) and AiiDA's handling of the job."""
_TRAJECTORY_BYTES_PER_ATOM = 90.0
"""One line of a trajectory: symbol, wrapped and unwrapped digits."""
_FRAME_BYTES_PER_ATOM = 150.0
"""One line of a labelled frame: positions and forces with all digits."""


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
    rates: Rates | None
    """What a member costs; ``None`` when that is unknown."""
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
    qualification_steps: int = 0
    """MD steps of one qualification, all replicas [1]; 0: there is none."""
    n_atoms_qualification: int = 0
    """Atoms of its cell [1]."""


@dataclass(frozen=True)
class Cost:
    """What a plan costs at most."""

    labels: int
    """Single points [1]."""
    md_steps: int
    """MD steps over all replicas [1]."""
    labelling_s: float | None
    """Wall time of the labels [s]; ``None`` if that of a label is unknown."""
    training_s: float | None
    """Wall time of the trainings [s]; ``None`` when the rates of the model are unknown."""
    dynamics_s: float | None
    """Wall time of the MD [s]; ``None`` when the rates of the model are unknown."""
    disk_bytes: float
    """Space on disk, weights of unknown models left out [B]."""

    @property
    def seconds(self) -> float:
        """Wall time of what can be estimated [s]."""
        return (self.labelling_s or 0.0) + (self.training_s or 0.0) + (self.dynamics_s or 0.0)


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
    rounds, qualifications = plan.n_rounds, max(plan.n_rounds, 1)
    labels = plan.n_seeds + plan.label_budget
    known = plan.n_known + plan.n_seeds
    # Each round adds its part of the budget; the sum over rounds of the growing set.
    frames_again = rounds * known + plan.label_budget * (rounds + 1) / 2 if rounds else 0.0
    trainings = rounds + (1 if plan.epochs_first else 0)
    training = dynamics = None
    if plan.rates is not None:
        per_atom, step = plan.rates.seconds_per_training_atom, plan.rates.seconds_per_atom_step
        one_member = plan.n_atoms * per_atom * (plan.epochs_first * known + plan.epochs_again * frames_again)
        waves = -(-plan.n_members // max(plan.cores, 1))
        training = waves * (one_member + trainings * _JOB_START_S)
        # A round is one job on one core, its spread costs every member; temperatures of production run side by side.
        sampling = rounds * (plan.sampling_steps * plan.n_atoms * step + _JOB_START_S)
        production = plan.production_steps * plan.n_atoms_production * step / max(plan.cores, 1) + _JOB_START_S
        # Each round may end with a qualification, whose runs go side by side.
        tested = plan.qualification_steps * plan.n_atoms_qualification * step / max(plan.cores, 1)
        qualification = qualifications * (tested + _JOB_START_S) if plan.qualification_steps else 0.0
        dynamics = sampling + qualification + production

    weights = 0.0 if plan.rates is None else plan.rates.bytes_per_member
    labelling = None if plan.label_s is None else labels * plan.label_s / max(plan.cores, 1)
    disk = (
        plan.trajectory_frames * plan.n_atoms_production * _TRAJECTORY_BYTES_PER_ATOM
        + (labels + known * trainings * plan.n_members) * plan.n_atoms * _FRAME_BYTES_PER_ATOM
        + trainings * plan.n_members * weights
    )
    md_steps = rounds * plan.sampling_steps + qualifications * plan.qualification_steps + plan.production_steps
    return Cost(labels, md_steps, labelling, training, dynamics, disk)
