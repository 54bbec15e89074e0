"""The training loop: it learns, masks what is missing, anneals, and repeats itself exactly."""

import copy

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.morse import MorsePotential

from aiida_elyte.errors import InputError, ProgramFailure
from aiida_elyte.science.frames import attach_labels, labels_of
from aiida_elyte.science.potentials.painn.model import build_painn
from aiida_elyte.science.potentials.painn.settings import complete_settings
from aiida_elyte.science.potentials.painn.start import start_painn
from aiida_elyte.science.potentials.painn.training import (
    Example,
    PainnTrainer,
    errors_of,
    make_examples,
    parity_of,
)
from aiida_elyte.science.potentials.reference import fit_energy_reference, fit_scale
from aiida_elyte.science.potentials.zbl import subtract_zbl

ARCHITECTURE = {"n_features": 16, "n_layers": 2, "n_rbf": 8, "cutoff_A": 4.5}


def labelled_frames(count: int, seed: int = 0, with_stress: bool = True) -> list[Atoms]:
    """Rattled argon-like cells labelled by a Morse potential."""
    frames = []
    for index in range(count):
        frame = bulk("Cu", a=3.9, cubic=True)
        frame.rattle(0.25, seed=1000 * seed + index)
        frame.calc = MorsePotential(epsilon=0.5, r0=2.7, rho0=4.0, rcut1=3.5, rcut2=4.4)
        labels = {"energy": frame.get_potential_energy(), "forces": frame.get_forces()}
        if with_stress:
            labels["stress"] = frame.get_stress()
        frame.info["origin"] = f"block-{index}#0"
        frames.append(attach_labels(frame, **labels))
    return frames


def make_trainer(dtype=torch.float64, n_train=16, **given) -> PainnTrainer:
    settings = complete_settings({"architecture": ARCHITECTURE, "max_epochs": 10, "batch_size": 4, **given})
    train, validation = labelled_frames(n_train), labelled_frames(6, seed=1)
    potential = build_painn(
        settings["architecture"],
        energy_reference=fit_energy_reference(train),
        scale=fit_scale(train),
        seed=settings["seed"],
        dtype=dtype,
    )
    sides = (make_examples(side, potential.cutoff_A, dtype, "cpu") for side in (train, validation))
    return PainnTrainer(potential, settings, *sides)


def train(trainer: PainnTrainer, n_epochs: int) -> PainnTrainer:
    for _ in range(n_epochs):
        assert trainer.run_epoch(lambda: 0.0, lambda: False)
    return trainer


def test_training_learns_forces():
    trainer = train(make_trainer(torch.float32, n_train=32, max_epochs=40), 40)
    assert trainer.is_finished
    forces = np.concatenate([labels_of(frame)["forces"] for frame in labelled_frames(6, seed=1)])
    error = trainer.curve[-1]["force_mae_eV_A"]
    assert error < 0.3 * np.abs(forces).mean()
    assert (
        errors_of(parity_of(trainer.finish(), trainer.validation))["by_element"]["Cu"]["force_mae_eV_A"] <= 1.05 * error
    )


def test_loss_gradient_equals_finite_differences():
    trainer = make_trainer(loss={"energy": 0.3, "forces": 0.5, "stress": 0.2})
    example = Example.join(trainer.examples[:2])
    weight = trainer.potential.representation.interactions[1].interatomic_context_net[0].weight
    trainer._loss(trainer.potential, example, create_graph=True).backward()
    step, slopes = 1e-5, []
    for index in ((0, 0), (3, 7)):
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                weight[index] += sign * step
                ends.append(float(trainer._loss(trainer.potential, example, create_graph=False)))
                weight[index] -= sign * step
        slopes.append((ends[0] - ends[1]) / (2 * step) / float(weight.grad[index]))
    assert slopes == pytest.approx([1, 1], rel=1e-5)


def test_resumed_training_repeats_the_unbroken_one_exactly():
    unbroken = train(make_trainer(torch.float32), 4)
    broken = train(make_trainer(torch.float32), 2)
    state = copy.deepcopy(broken.state_dict())
    resumed = make_trainer(torch.float32)
    resumed.load_state_dict(state)
    train(resumed, 2)
    assert resumed.curve == unbroken.curve
    for mine, theirs in zip(resumed.finish().parameters(), unbroken.finish().parameters(), strict=True):
        assert torch.equal(mine, theirs)


def collision() -> Atoms:
    """Two atoms pushed together, labelled by forces of hundreds of eV/Å."""
    frame = labelled_frames(1, seed=7)[0].copy()
    frame.positions[1] = frame.positions[0] + [0.0, 0.0, 1.0]
    forces = np.zeros((len(frame), 3))
    forces[:2, 2] = -300.0, 300.0
    return attach_labels(frame, energy=40.0, forces=forces, stress=np.full(6, 1.0))


def test_a_collision_counts_less_and_leaves_the_loss_of_ordinary_frames():
    weights = {"energy": 0.3, "forces": 0.5, "stress": 0.2}
    trainer = make_trainer(loss=weights)

    def loss(frames: list[Atoms], large: float | None) -> float:
        example = Example.join(make_examples(frames, 4.5, torch.float64, "cpu", large))
        return float(trainer._loss(trainer.averaged, example, create_graph=False))

    ordinary, wild = labelled_frames(2), [collision()]
    assert loss(ordinary, 50.0) == loss(ordinary, None)
    assert loss(wild, None) > 20 * loss(wild, 50.0)


@pytest.mark.parametrize("baseline", [None, "zbl"])
def test_a_training_starts_from_what_the_baseline_leaves(baseline):
    settings = complete_settings({"architecture": {**ARCHITECTURE, "baseline": baseline}})
    frames = labelled_frames(6)
    for frame in frames:
        labels = labels_of(frame)
        frame.set_cell(0.6 * frame.cell.array, scale_atoms=True)
        attach_labels(frame, **labels)
    start = start_painn(settings, frames, "Morse")
    rest = frames if baseline is None else subtract_zbl(frames, 4.5)
    large = settings["loss"]["large_force_eV_A"]
    assert start.architecture["baseline"] == baseline
    assert start.energy_reference == fit_energy_reference(rest, large_force_eV_A=large)
    assert start.scale == fit_scale(rest, large)


def test_a_potential_without_the_baseline_is_not_trained_on_with_it():
    frames = labelled_frames(2)
    old = build_painn({**ARCHITECTURE, "baseline": None}, energy_reference=["Cu"])
    with pytest.raises(InputError, match=r"'baseline': None.*'baseline': 'zbl'.*expected the same"):
        start_painn(complete_settings({"architecture": ARCHITECTURE}), frames, "Morse", old)
    same = complete_settings({"architecture": {**ARCHITECTURE, "baseline": None}})
    assert start_painn(same, frames, "Morse", old).architecture == old.architecture


def test_stress_of_frames_without_one_does_not_count():
    trainer = make_trainer(loss={"energy": 0.0, "forces": 0.0, "stress": 1.0})
    with_stress = make_examples(labelled_frames(2), 4.5, torch.float64, "cpu")
    without = make_examples(labelled_frames(2, seed=3, with_stress=False), 4.5, torch.float64, "cpu")
    alone = float(trainer._loss(trainer.averaged, Example.join(with_stress), create_graph=False))
    mixed = float(trainer._loss(trainer.averaged, Example.join([*with_stress, *without]), create_graph=False))
    none = float(trainer._loss(trainer.averaged, Example.join(without), create_graph=False))
    assert mixed == pytest.approx(alone, rel=1e-12)
    assert none == 0.0


def test_gradients_survive_a_batch_with_missing_stress():
    trainer = make_trainer(loss={"energy": 0.1, "forces": 0.8, "stress": 0.1})
    cluster = labelled_frames(1, seed=5, with_stress=False)[0]
    labels = labels_of(cluster)
    cluster.pbc = False
    attach_labels(cluster, **labels)
    frames = [*labelled_frames(1), *labelled_frames(1, seed=3, with_stress=False), cluster]
    example = Example.join(make_examples(frames, 4.5, torch.float64, "cpu"))
    trainer._loss(trainer.potential, example, create_graph=True).backward()
    gradients = [parameter.grad for parameter in trainer.potential.parameters() if parameter.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_schedule_follows_epochs_or_time_whichever_is_further():
    trainer = make_trainer()
    trainer.step = 10_000
    top = trainer.settings["optimiser"]["learning_rate"]
    final = trainer.settings["schedule"]["final_fraction"]
    assert trainer.learning_rate(0.0) == pytest.approx(top)
    assert trainer.learning_rate(0.5) == pytest.approx(top * (1 + final) / 2)
    assert trainer.learning_rate(1.0) == pytest.approx(top * final)
    trainer.run_epoch(lambda: 0.99, lambda: False)
    assert trainer.curve[-1]["learning_rate"] < 0.02 * top


def test_spent_time_ends_the_epoch_and_abandoned_epochs_do_not_count():
    trainer = make_trainer()
    assert not trainer.run_epoch(lambda: 0.0, lambda: True)
    assert trainer.epoch == 0
    train(trainer, 1)
    steps = trainer.step
    assert trainer.run_epoch(lambda: 1.0, lambda: False)
    assert trainer.step == steps


def test_patience_ends_the_training():
    trainer = make_trainer(patience=2)
    trainer.epoch, trainer.best_epoch = 5, 3
    assert trainer.is_finished


def test_divergence_has_a_name():
    trainer = make_trainer()
    with torch.no_grad():
        next(trainer.potential.parameters()).fill_(float("nan"))
    with pytest.raises(ProgramFailure, match="became nan in epoch 1") as caught:
        trainer.run_epoch(lambda: 0.0, lambda: False)
    assert caught.value.kind == "DIVERGED"
