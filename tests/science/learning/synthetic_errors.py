"""Atoms whose errors follow a known law, and err together in a frame."""

import numpy as np

from aiida_elyte.science.learning.observations import Observations

OFFSETS = {3: 0.5, 15: 1.0, 16: 1.5}


def draw(n_frames, rng, together=0.3, n_each=6, offsets=None):
    """Errors of 2 s^0.8 d^0.5, times factors of the element, of the frame and of chance (three Gaussian components)."""
    factors = OFFSETS if offsets is None else offsets
    numbers = np.tile(np.repeat(list(factors), n_each), n_frames)
    frames = np.repeat(np.arange(n_frames), n_each * len(factors))
    spreads = 0.1 * np.exp(rng.normal(0, 0.8, len(numbers)))
    distances = np.exp(rng.normal(0, 0.5, len(numbers)))
    scale = 2 * spreads**0.8 * distances**0.5 * np.array([factors[number] for number in numbers.tolist()])
    chance = np.linalg.norm(rng.normal(size=(len(numbers), 3)), axis=1) / np.sqrt(3)
    errors = scale * chance * np.exp(together * rng.normal(size=n_frames))[frames]
    return Observations(numbers, spreads, distances, frames, errors, np.ones(len(numbers), int))
