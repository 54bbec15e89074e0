"""Training of a potential on energies, forces and stresses.

Adam with decoupled weight decay (AdamW), a short linear warm-up, then a cosine down to almost nothing; gradients are
clipped by their norm; what is validated and kept is the exponential moving average of the weights. The schedule follows
the larger of the fraction of epochs and the fraction of time spent, so that a training on a time budget ends annealed,
too.

References
----------
AdamW: Loshchilov and Hutter 2019, doi:10.48550/arXiv.1711.05101. Cosine schedule: the same, 2017,
doi:10.48550/arXiv.1608.03983.
Averaged weights: Izmailov et al. 2018, doi:10.48550/arXiv.1803.05407.
"""

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import cos, isfinite, pi, sqrt
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols
from torch import Tensor

from aiida_elyte.errors import ProgramFailure
from aiida_elyte.science.frames import labels_of
from aiida_elyte.science.potentials.errors import force_errors
from aiida_elyte.science.potentials.neighbours import Batch
from aiida_elyte.science.potentials.painn.model import Painn
from aiida_elyte.science.potentials.weights import weigh_forces

__all__ = ["Example", "PainnTrainer", "errors_of", "make_examples", "parity_of"]


@dataclass(frozen=True)
class Example:
    """One labelled frame, or several side by side, ready for the network."""

    batch: Batch
    """Atoms and pairs."""
    energy: Tensor
    """[eV], float64, shape (n_systems,)."""
    forces: Tensor
    """[eV/Å], shape (n_atoms, 3)."""
    stress: Tensor
    """[eV/Å³], NaN where a frame has none, shape (n_systems, 3, 3)."""
    counts: Tensor
    """Number of atoms, shape (n_systems,)."""
    weights: Tensor
    """What each atom's force counts [1], shape (n_atoms,)."""
    frame_weights: Tensor
    """What energy and stress count [1], shape (n_systems,)."""

    @classmethod
    def join(cls, examples: Sequence["Example"]) -> "Example":
        """Put examples side by side."""
        return cls(
            Batch.join([example.batch for example in examples]),
            *(
                torch.cat([getattr(example, name) for example in examples])
                for name in ("energy", "forces", "stress", "counts", "weights", "frame_weights")
            ),
        )


def make_examples(
    frames: Sequence[Atoms],
    cutoff_A: float,
    dtype: torch.dtype,
    device: str | torch.device,
    large_force_eV_A: float | None = None,
) -> list[Example]:
    """Find the pairs of every frame once and put its labels into tensors, with the weights of ``weigh_forces``."""
    return [_make_example(frame, cutoff_A, dtype, device, large_force_eV_A) for frame in frames]


def _make_example(
    frame: Atoms, cutoff_A: float, dtype: torch.dtype, device: str | torch.device, large_force_eV_A: float | None
) -> Example:
    labels = labels_of(frame)
    stress = np.full((3, 3), np.nan)
    if "stress" in labels and frame.pbc.all():
        xx, yy, zz, yz, xz, xy = labels["stress"]
        stress = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    weights = weigh_forces(labels["forces"], large_force_eV_A)
    return Example(
        Batch.from_frames([frame], cutoff_A, dtype, device),
        torch.tensor([labels["energy"]], dtype=torch.float64, device=device),
        torch.as_tensor(labels["forces"], dtype=dtype, device=device),
        torch.as_tensor(stress[None], dtype=dtype, device=device),
        torch.tensor([len(frame)], dtype=dtype, device=device),
        torch.as_tensor(weights, dtype=dtype, device=device),
        torch.tensor([weights.min()], dtype=dtype, device=device),
    )


class PainnTrainer:
    """The state of a training, one epoch after the other.

    Parameters
    ----------
    potential
        Trained in place.
    settings
        Complete, see ``complete_settings``.
    train, validation
        Examples of both sides.
    """

    def __init__(
        self, potential: Painn, settings: Mapping[str, Any], train: Sequence[Example], validation: Sequence[Example]
    ) -> None:
        self.potential = potential.train().requires_grad_(True)
        self.averaged = copy.deepcopy(potential).eval().requires_grad_(False)
        self.settings = settings
        self.examples, self.validation = list(train), list(validation)
        self.epoch = 0
        self.step = 0
        self.seconds = 0.0
        self.curve: list[dict[str, Any]] = []
        self.best_loss, self.best_epoch = float("inf"), 0
        self.best_weights = copy.deepcopy(self.averaged.state_dict())
        optimiser = settings["optimiser"]
        self._optimiser = torch.optim.AdamW(
            potential.parameters(), lr=optimiser["learning_rate"], weight_decay=optimiser["weight_decay"], amsgrad=True
        )

    @property
    def is_finished(self) -> bool:
        """Whether epochs or patience are used up."""
        patience = self.settings["patience"]
        return self.epoch >= self.settings["max_epochs"] or (
            patience is not None and self.epoch - self.best_epoch >= patience
        )

    def run_epoch(self, time_fraction: Callable[[], float], should_stop: Callable[[], bool]) -> bool:
        """Train on every frame once, then validate; tell whether the epoch was finished.

        Parameters
        ----------
        time_fraction
            Part of the time budget spent, 0 without one; the epoch ends early, and counts, when it reaches 1.
        should_stop
            When true the epoch is abandoned, to be done again from the last checkpoint.

        Raises
        ------
        ProgramFailure
            ``DIVERGED`` when the loss is no longer a number.
        """
        total, count = 0.0, 0
        for indices in self._shuffled():
            progress = max(self._epoch_fraction(count), time_fraction())
            if should_stop():
                return False
            if progress >= 1 and self.epoch + count > 0:
                break
            total += self._take_step(
                Example.join([self.examples[index] for index in indices]), min(progress, 1.0)
            ) * len(indices)
            count += len(indices)
        self.epoch += 1
        self._judge(total / max(count, 1))
        return True

    def _shuffled(self) -> Iterator[np.ndarray]:
        """Yield this epoch's batches; their order depends on seed and epoch alone, so a resumed training repeats it."""
        order = np.random.default_rng([self.settings["seed"], self.epoch]).permutation(len(self.examples))
        return iter(np.array_split(order, max(1, round(len(order) / self.settings["batch_size"]))))

    def _epoch_fraction(self, count: int) -> float:
        return (self.epoch + count / len(self.examples)) / self.settings["max_epochs"]

    def learning_rate(self, progress: float) -> float:
        """Return the learning rate at a fraction of the training: a linear warm-up, then half a cosine."""
        schedule, top = self.settings["schedule"], self.settings["optimiser"]["learning_rate"]
        warmup = min(1.0, (self.step + 1) / max(1, schedule["warmup_steps"]))
        floor = schedule["final_fraction"]
        return top * warmup * (floor + (1 - floor) * 0.5 * (1 + cos(pi * progress)))

    def _take_step(self, example: Example, progress: float) -> float:
        for group in self._optimiser.param_groups:
            group["lr"] = self.learning_rate(progress)
        loss = self._loss(self.potential, example, create_graph=True)
        value = float(loss.detach())
        if not isfinite(value):
            raise ProgramFailure(
                "DIVERGED",
                f"the loss became {value} in epoch {self.epoch + 1}; expected a finite number; check the data for "
                "labels far from the rest, and only then lower optimiser.learning_rate in the settings of training",
            )
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.potential.parameters(), self.settings["optimiser"]["clip_norm"])
        self._optimiser.step()
        self.step += 1
        self._average()
        return value

    @torch.no_grad()
    def _average(self) -> None:
        """Move the averaged weights towards the present ones; the average of few steps forgets its start faster."""
        decay = min(self.settings["ema_decay"], self.step / (self.step + 10))
        for mean, weight in zip(self.averaged.parameters(), self.potential.parameters(), strict=True):
            mean.lerp_(weight, 1 - decay)

    def _loss(self, potential: Painn, example: Example, create_graph: bool) -> Tensor:
        """Compute the weighted mean squared error of a batch, see ``LossWeights``."""
        weights = self.settings["loss"]
        found = potential.energy_forces_stress(example.batch, stress=weights["stress"] > 0, create_graph=create_graph)
        squares = (found.forces - example.forces).square().mean(1)
        loss = weights["forces"] * (example.weights * squares).mean()
        per_atom = (found.energy - example.energy).square() / example.counts
        loss = loss + weights["energy"] * (example.frame_weights * per_atom).mean()
        if found.stress is not None:
            known = (~example.stress.isnan().any(2).any(1)).nonzero().squeeze(1)
            if len(known):
                virial = (found.stress - example.stress)[known] * example.batch.volumes[known].view(-1, 1, 1)
                per_atom = virial.square().mean((1, 2)) / example.counts[known]
                loss = loss + weights["stress"] * (example.frame_weights[known] * per_atom).mean()
        return loss

    def _judge(self, train_loss: float) -> None:
        """Validate the averaged weights, note the epoch and keep the best."""
        loss = float(
            np.mean([float(self._loss(self.averaged, example, create_graph=False)) for example in self.validation])
        )
        errors = errors_of(parity_of(self.averaged, self.validation), by_element=False)
        if not isfinite(loss):
            raise ProgramFailure(
                "DIVERGED",
                f"the validation loss became {loss} in epoch {self.epoch}; expected a finite number; check the data "
                "for labels far from the rest, and only then lower optimiser.learning_rate in the settings of training",
            )
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, self.epoch
            self.best_weights = copy.deepcopy(self.averaged.state_dict())
        self.curve.append(
            {
                "epoch": self.epoch,
                "learning_rate": self._optimiser.param_groups[0]["lr"],
                "train_loss": train_loss,
                "validation_loss": loss,
                **errors,
            }
        )

    def finish(self) -> Painn:
        """Return the potential with the weights that validated best."""
        self.averaged.load_state_dict(self.best_weights)
        return self.averaged

    def evaluation_seconds(self) -> float:
        """Return the time a look at both sides will take [s], measured on a few frames."""
        examples = self.examples + self.validation
        start = time.monotonic()
        parity_of(self.averaged, examples[:5])
        return (time.monotonic() - start) * len(examples) / min(5, len(examples))

    def state_dict(self) -> dict[str, Any]:
        """Return everything a resumed training needs to go on as if it had not stopped."""
        return {
            "weights": self.potential.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            **{name: getattr(self, name) for name in _STATE},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up a training where ``state_dict`` left it."""
        self.potential.load_state_dict(state["weights"])
        self.averaged.load_state_dict(state["averaged"])
        self._optimiser.load_state_dict(state["optimiser"])
        for name in _STATE:
            setattr(self, name, state[name])


_STATE = ("epoch", "step", "seconds", "curve", "best_loss", "best_epoch", "best_weights")


def parity_of(potential: Painn, examples: Sequence[Example]) -> dict[str, np.ndarray]:
    """Compute what a parity plot needs.

    Returns
    -------
    dict
        ``energy_label``, ``energy`` [eV/atom], shape (n_frames,); ``forces_label``, ``forces`` [eV/Å], shape
        (n_atoms, 3); ``numbers``, shape (n_atoms,).
    """
    found = [potential.energy_forces_stress(example.batch) for example in examples]
    counts = torch.cat([example.counts for example in examples]).double()
    return {
        "energy_label": _array(torch.cat([example.energy for example in examples]) / counts),
        "energy": _array(torch.cat([one.energy for one in found]) / counts),
        "forces_label": _array(torch.cat([example.forces for example in examples])),
        "forces": _array(torch.cat([one.forces for one in found])),
        "numbers": _array(torch.cat([example.batch.numbers for example in examples])),
    }


def _array(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()


def errors_of(parity: Mapping[str, np.ndarray], by_element: bool = True) -> dict[str, Any]:
    """Compute errors of energies and of force components, of the latter also element by element."""
    deviation = (parity["forces"] - parity["forces_label"]).astype(float)
    errors: dict[str, Any] = {
        **force_errors(deviation),
        "energy_mae_eV_atom": float(np.abs(parity["energy"] - parity["energy_label"]).mean()),
        "energy_rmse_eV_atom": sqrt(float(np.square(parity["energy"] - parity["energy_label"]).mean())),
    }
    if by_element:
        numbers = np.unique(parity["numbers"])
        errors["by_element"] = {chemical_symbols[n]: force_errors(deviation[parity["numbers"] == n]) for n in numbers}
    return errors
