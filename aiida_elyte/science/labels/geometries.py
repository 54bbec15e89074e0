"""Geometries of a cluster to label: relaxed, and displaced as heat does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary, ZeroRotation
from ase.optimize import BFGS, FIRE, LBFGS

from aiida_elyte.errors import InputError
from aiida_elyte.science.settings import Count, Positive, Settings, Temperature, Whole

__all__ = ["Heat", "Relaxation", "Relaxed", "displace", "relax"]

_OPTIMIZERS = {"bfgs": BFGS, "lbfgs": LBFGS, "fire": FIRE}


@dataclass(frozen=True)
class Relaxation(Settings):
    """How a cluster is relaxed."""

    optimizer: str = "bfgs"
    """``bfgs``, ``lbfgs`` or ``fire``, as ASE has them."""
    fmax_eV_A: Positive = 0.02
    """Largest force on an atom at which it ends [eV/Å]."""
    max_steps: Count = 300
    """Steps after which it has not converged."""
    unconverged: str = "refuse"
    """``refuse`` sets a frame aside that does not converge; ``keep`` labels it where it has come."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.optimizer not in _OPTIMIZERS:
            raise InputError(f"optimizer is {self.optimizer!r}; expected {', '.join(_OPTIMIZERS)}")
        if self.unconverged not in ("refuse", "keep"):
            raise InputError(f"unconverged is {self.unconverged!r}; expected 'refuse' or 'keep'")


@dataclass(frozen=True)
class Heat(Settings):
    """How geometries are drawn by Langevin dynamics around the relaxed one."""

    count: Count = 4
    """Geometries of each cluster."""
    temperature_K: Temperature = 400.0
    """Temperature [K]."""
    stride_fs: Positive = 250.0
    """Time from one to the next, and before the first [fs]."""
    timestep_fs: Positive = 0.5
    """Time step [fs]; hydrogen needs a short one."""
    friction_per_ps: Positive = 20.0
    """Friction of the thermostat [1/ps]."""
    seed: Whole = 0
    """Seed of velocities and noise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stride_fs < self.timestep_fs:
            raise InputError(f"stride_fs is {self.stride_fs}; expected at least timestep_fs, {self.timestep_fs}")


@dataclass(frozen=True)
class Relaxed:
    """How a relaxation ended."""

    is_converged: bool
    """Whether the forces are as small as wanted."""
    n_steps: int
    """Steps taken, all runs of it together."""
    force_eV_A: float
    """Largest force on an atom [eV/Å]."""

    def __str__(self) -> str:
        return f"{self.force_eV_A:.3f} eV/Å after {self.n_steps} steps"


def relax(
    atoms: Atoms, settings: Relaxation, first_step: int = 0, on_step: Callable[[int], None] | None = None
) -> Relaxed:
    """Move a cluster to where its forces vanish, in place.

    Parameters
    ----------
    atoms
        Frame with a calculator.
    settings
        Optimizer and when it ends.
    first_step
        Steps taken before, in a run that this one continues.
    on_step
        Called with the number of steps after each.
    """
    optimizer = _OPTIMIZERS[settings.optimizer](atoms, logfile=None)
    is_converged = False
    for is_converged in optimizer.irun(fmax=settings.fmax_eV_A, steps=max(0, settings.max_steps - first_step)):
        if on_step is not None:
            on_step(first_step + optimizer.nsteps)
        if is_converged:
            break
    force = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
    return Relaxed(bool(is_converged), first_step + optimizer.nsteps, force)


def displace(
    atoms: Atoms, settings: Heat, rng: np.random.Generator, on_step: Callable[[], None] | None = None
) -> Iterator[np.ndarray]:
    """Draw geometries by Langevin dynamics from where the atoms are; yield positions [Å], ``shape=(N, 3)``.

    Velocities begin Boltzmann distributed; the centre of mass rests.

    Parameters
    ----------
    atoms
        Frame with a calculator; it moves.
    settings
        Temperature, number and distance of the geometries.
    rng
        Source of velocities and noise.
    on_step
        Called after each step.
    """
    MaxwellBoltzmannDistribution(atoms, temperature_K=settings.temperature_K, rng=rng)
    Stationary(atoms)
    if len(atoms) > 2:
        ZeroRotation(atoms)
    dynamics = Langevin(
        atoms,
        settings.timestep_fs * units.fs,
        temperature_K=settings.temperature_K,
        friction=settings.friction_per_ps / (1000 * units.fs),
        rng=rng,
    )
    n_steps = round(settings.stride_fs / settings.timestep_fs)
    for _ in range(settings.count):
        for _ in dynamics.irun(n_steps):
            if on_step is not None:
                on_step()
        yield atoms.get_positions()
