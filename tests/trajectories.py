"""Small trajectories of known transport: Brownian ions in a framework, and molecular ions in a solvent, as files."""

import numpy as np

INTERVAL_FS = 50.0
DIFFUSION = 1e-4
"""Å²/fs: 1e-5 cm²/s."""
SIDE = 12.0
# e² N D / V kT for N ions of D = 1e-5 cm²/s at 600 K in 1000 Å³ is N × 30.99 mS/cm
MS_CM_PER_ION = 30.99 * 1000 / SIDE**3


def walk(rng, n_frames, n, diffusion=DIFFUSION):
    steps = rng.normal(0.0, np.sqrt(2 * diffusion * INTERVAL_FS), (n_frames, n, 3))
    steps[0] = 0.0
    return np.cumsum(steps, axis=0) + rng.uniform(0, SIDE, (n, 3))


def rattle(rng, n_frames, n):
    """Return atoms about their places, their centre at rest."""
    moved = rng.normal(0.0, 0.05, (n_frames, n, 3))
    return moved - moved.mean(axis=1, keepdims=True) + rng.uniform(0, SIDE, (n, 3))


def extxyz(symbols, positions, order=None, times=None):
    text = []
    for index, frame in enumerate(positions % SIDE):
        told = "" if times is None else f" time_fs={times[index]}"
        text.append(
            f'{len(symbols)}\nLattice="{SIDE} 0 0 0 {SIDE} 0 0 0 {SIDE}" Properties=species:S:1:pos:R:3{told}\n'
        )
        rows = [f"{symbol} {x:.5f} {y:.5f} {z:.5f}\n" for symbol, (x, y, z) in zip(symbols, frame, strict=True)]
        text += rows if order is None else [rows[atom] for atom in order[index]]
    return "".join(text)


def solid(n_frames=300, n_ions=24, seed=0, diffusion=DIFFUSION):
    """Return the atoms of Brownian Li in a framework of S, and their positions."""
    rng = np.random.default_rng(seed)
    return ["Li"] * n_ions + ["S"] * 6, np.concatenate(
        [walk(rng, n_frames, n_ions, diffusion), rattle(rng, n_frames, 6)], axis=1
    )


def write_solid(path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(extxyz(*solid(**options)))
    return path


def xdatcar(symbols, positions):
    head = f"solid\n1.0\n{SIDE} 0 0\n0 {SIDE} 0\n0 0 {SIDE}\nLi S\n{symbols.count('Li')} {symbols.count('S')}\n"
    frames = [
        f"Direct configuration= {k + 1:5d}\n" + "".join(f"{x:.8f} {y:.8f} {z:.8f}\n" for x, y, z in frame)
        for k, frame in enumerate(positions / SIDE % 1)
    ]
    return head + "".join(frames)


N_SALT, N_SOLVENT = 16, 8
LIQUID_SYMBOLS = ["Li"] * N_SALT + ["N", "S", "S"] * N_SALT + ["O"] * N_SOLVENT
RESIDUES = [("LI", i) for i in range(N_SALT)]
RESIDUES += [("TFSI", N_SALT + i) for i in range(N_SALT) for _ in range(3)]
RESIDUES += [("G4", 2 * N_SALT + i) for i in range(N_SOLVENT)]
TYPES = {"Li": 1, "N": 2, "S": 3, "O": 4}
PER_ATOM = {"Li": 0.99, "N": -0.59, "S": -0.2, "O": 0.0}


def liquid(n_frames=300, seed=4):
    """Return positions of LiTFSI, TFSI of three atoms that tumbles, following 0.3 of the motion of a cation each.

    Λ ∝ [[1, 0.3], [0.3, 0.5 + 0.09]]: t(Li) = (1 - 0.3)/(1 - 0.6 + 0.59) = 0.707, D(TFSI) = 0.59 D(Li).
    """
    rng = np.random.default_rng(seed)
    cations = walk(rng, n_frames, N_SALT)
    anions = walk(rng, n_frames, N_SALT, 0.5 * DIFFUSION) + 0.3 * (cations - cations[0])
    axis = rng.normal(size=(n_frames, N_SALT, 1, 3))
    axis *= 0.4 / np.linalg.norm(axis, axis=-1, keepdims=True)
    atoms = anions[:, :, None] + axis * np.array([0.0, 1.0, -1.0])[:, None]  # S, S opposite to each other about N
    return np.concatenate([cations, atoms.reshape(n_frames, -1, 3), rattle(rng, n_frames, N_SOLVENT)], axis=1)


def gro():
    names = {"Li": "LI", "N": "N1", "S": "S1", "O": "O1"}
    rows = [
        f"{number + 1:5d}{name:5s}{names[symbol]:>5s}{k + 1:5d}{0:8.3f}{0:8.3f}{0:8.3f}"
        for k, (symbol, (name, number)) in enumerate(zip(LIQUID_SYMBOLS, RESIDUES, strict=True))
    ]
    return "\n".join(["liquid", str(len(rows)), *rows, "   1.2   1.2   1.2", ""])


def lammps_data(charges=PER_ATOM):
    masses = {"Li": 6.94, "N": 14.007, "S": 32.06, "O": 15.999}
    bonds = [(N_SALT + 3 * k + 1, N_SALT + 3 * k + j) for k in range(N_SALT) for j in (2, 3)]
    lines = ["liquid", "", f"{len(RESIDUES)} atoms", f"{len(bonds)} bonds", "4 atom types", "1 bond types", ""]
    lines += [f"0 {SIDE} {axis}lo {axis}hi" for axis in "xyz"]
    lines += ["", "Masses", "", *(f"{TYPES[symbol]} {mass}" for symbol, mass in masses.items())]
    lines += ["", "Atoms # full" if charges else "Atoms # molecular", ""]
    for k, (symbol, (_, number)) in enumerate(zip(LIQUID_SYMBOLS, RESIDUES, strict=True)):
        charge = f" {charges[symbol]}" if charges else ""
        lines.append(f"{k + 1} {number + 1} {TYPES[symbol]}{charge} 0 0 0")
    return "\n".join([*lines, "", "Bonds", "", *(f"{k + 1} 1 {a} {b}" for k, (a, b) in enumerate(bonds)), ""])


def dump(positions, every=50):
    text = []
    for k, frame in enumerate(positions % SIDE):
        text.append(f"ITEM: TIMESTEP\n{k * every}\nITEM: NUMBER OF ATOMS\n{len(frame)}\nITEM: BOX BOUNDS pp pp pp\n")
        text.append(f"0 {SIDE}\n" * 3 + "ITEM: ATOMS id type x y z\n")
        rows = zip(LIQUID_SYMBOLS, frame, strict=True)
        text += [f"{i + 1} {TYPES[symbol]} {x:.5f} {y:.5f} {z:.5f}\n" for i, (symbol, (x, y, z)) in enumerate(rows)]
    return "".join(text)


def write_liquid(folder):
    (folder / "litfsi.extxyz").write_text(extxyz(LIQUID_SYMBOLS, liquid()))
    (folder / "litfsi.gro").write_text(gro())
    (folder / "litfsi.data").write_text(lammps_data())
    (folder / "litfsi.lammpstrj").write_text(dump(liquid()))
    return folder


def bare(path):
    """Write the solid without its cell."""
    symbols, positions = solid()
    rows = []
    for frame in positions % SIDE:
        atoms = zip(symbols, frame, strict=True)
        rows.append("30\nProperties=species:S:1:pos:R:3\n")
        rows += [f"{symbol} {x:.5f} {y:.5f} {z:.5f}\n" for symbol, (x, y, z) in atoms]
    path.write_text("".join(rows))
    return path
