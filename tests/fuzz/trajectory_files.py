"""Data sets and trajectories as the usual programs write them."""

import numpy as np

from tests.fuzz.molten_salt import CELL, N_FRAMES, SYMBOLS, labels, numbers, walk

__all__ = ["cp2k_cells", "cp2k_xyz", "extxyz_frames", "extxyz_trajectory", "gro", "ipi_xyz"]


def extxyz_frames(energy="energy", forces="forces", lattice="Lattice", columns="Properties", stress="stress"):
    """Return a data set in extended XYZ with labels under the given names."""
    energies, pushes, stresses = labels()
    text = []
    for index, scaled in enumerate(walk()):
        xx, yy, zz, xy, yz, zx = stresses[index] / 1000
        tensor = numbers([xx, xy, zx, xy, yy, yz, zx, yz, zz])
        text.append(
            f'4\n{lattice}="{numbers(CELL)}" {columns}=species:S:1:pos:R:3:{forces}:R:3 {energy}={energies[index]:.8f} '
            f'{stress}="{tensor}" pbc="T T T"\n'
        )
        for symbol, place, force in zip(SYMBOLS, scaled @ CELL, pushes[index], strict=True):
            text.append(f"{symbol:2s} {numbers(place, '{:16.8f}')} {numbers(force, '{:16.8f}')}\n")
    return "".join(text)


def extxyz_trajectory():
    """Return a trajectory in extended XYZ with velocities [Å/fs] and times."""
    speeds = np.random.default_rng(4).normal(0, 0.004, (N_FRAMES, len(SYMBOLS), 3))
    text = []
    for index, scaled in enumerate(walk()):
        told = f'time_fs={index * 10.0:.1f} pbc="T T T"'
        text.append(f'4\nLattice="{numbers(CELL)}" Properties=species:S:1:pos:R:3:vel:R:3 {told}\n')
        for symbol, place, speed in zip(SYMBOLS, scaled @ CELL, speeds[index], strict=True):
            text.append(f"{symbol:2s} {numbers(place, '{:16.8f}')} {numbers(speed, '{:16.8f}')}\n")
    return "".join(text)


def cp2k_xyz():
    """Return positions as CP2K writes them: no cell, time in the comment."""
    energies, _, _ = labels()
    text = []
    for index, scaled in enumerate(walk()):
        text.append(f"       4\n i = {index * 10:8d}, time = {index * 5.0:12.3f}, E = {energies[index]:20.10f}\n")
        text += [
            f"{symbol:>3s} {numbers(place, '{:19.10f}')}\n"
            for symbol, place in zip(SYMBOLS, scaled @ CELL, strict=True)
        ]
    return "".join(text)


def cp2k_cells():
    """Return the ``.cell`` file of the same run."""
    names = " ".join(f"{vector}{axis} [Angstrom]" for vector in "ABC" for axis in "xyz")
    rows = [f"#   Step   Time [fs]       {names}      Volume [Angstrom^3]\n"]
    told = f"{numbers(CELL, '{:19.10f}')} {np.linalg.det(CELL):24.10f}"
    rows += [f"{index * 10:8d} {index * 5.0:12.3f} {told}\n" for index in range(N_FRAMES)]
    return "".join(rows)


def ipi_xyz():
    """Return positions as i-PI writes them, in Å."""
    lengths = np.linalg.norm(CELL, axis=1)
    turned = [CELL[[1, 0, 0][k]] @ CELL[[2, 2, 1][k]] / lengths[[1, 0, 0][k]] / lengths[[2, 2, 1][k]] for k in range(3)]
    told = numbers([*lengths, *np.degrees(np.arccos(turned))], "{:10.5f}")
    text = []
    for index, scaled in enumerate(walk()):
        text.append(
            f"4\n# CELL(abcABC): {told}  Step: {index * 10:11d}  Bead:       0 "
            "positions{angstrom}  cell{angstrom}\n"
        )
        text += [
            f"{symbol:>8s} {numbers(place, '{:12.5e}')}\n" for symbol, place in zip(SYMBOLS, scaled @ CELL, strict=True)
        ]
    return "".join(text)


def gro():
    """Return a trajectory of GROMACS as text: nm and nm/ps, with times."""
    speeds = np.random.default_rng(4).normal(0, 0.4, (N_FRAMES, len(SYMBOLS), 3))
    box = CELL / 10
    told = numbers([*np.diagonal(box), box[0, 1], box[0, 2], box[1, 0], box[1, 2], box[2, 0], box[2, 1]], "{:10.5f}")
    text = []
    for index, scaled in enumerate(walk()):
        text.append(f"molten salt t= {index * 0.01:9.5f} step= {index * 10}\n    4\n")
        for atom, symbol in enumerate(SYMBOLS):
            columns = "".join(f"{value:8.3f}" for value in scaled[atom] @ box)
            columns += "".join(f"{value:8.4f}" for value in speeds[index, atom])
            text.append(f"{atom + 1:5d}{symbol.upper():<5s}{symbol.upper():>5s}{atom + 1:5d}{columns}\n")
        text.append(f"{told}\n")
    return "".join(text)
