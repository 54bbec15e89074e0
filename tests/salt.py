"""Rock salt off equilibrium."""

from ase.build import bulk


def rattled_salt(count, amplitude_A=0.05, a=5.13):
    """Return frames of cubic LiCl, every atom displaced, each by a seed of its own."""
    frames = [bulk("LiCl", "rocksalt", a=a, cubic=True) for _ in range(count)]
    for seed, frame in enumerate(frames):
        frame.rattle(amplitude_A, seed=seed)
    return frames
