"""The solvation program in its folder: a box whose shells are known, interruptions, bad settings."""

import json
import math

import numpy as np
import pytest

from aiida_elyte.program import Job
from aiida_elyte.science.trajectory.parts import part_name
from tests.remote.programs import analyse_solvation, finish

N_FRAMES = 600
SIDE = 24.0
N_LI = 8
LEAVE, ENTER = 0.1, 0.15
SITES = {"O of chain": "type 2", "O of TFSI": "type 4 and resid 17:23"}
SETTINGS = {
    "trajectories": {"r0": [part_name(0), part_name(1)]},
    "topology": "final.data",
    "centre": "Li",
    "sites": SITES,
    "anion": "O of TFSI",
    "timestep_fs": 2.0,
    "shell_A": 0.1,
}
MASSES = {1: 6.94, 2: 15.999, 3: 12.011, 4: 15.999, 5: 32.06}
DIRECTIONS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / math.sqrt(3)


def make_box(seed=0):
    """Return types, molecules, bonds, frames: Li with four chain O at 2.1 Å; anions with one O that come and go.

    Each Li stands in a cell of 12 Å with one anion, in contact with it for 1/LEAVE frames on average. The last anion
    bridges two Li that are 4 Å apart, for good.
    """
    rng = np.random.default_rng(seed)
    centres = 12.0 * np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]) + 6.0
    centres[1] = centres[0] + [4.0, 0.0, 0.0]
    types, molecules = [1] * N_LI, list(range(1, N_LI + 1))
    bonds = []
    for ion in range(N_LI):  # a chain: C with four O
        first = len(types) + 1
        types += [3, 2, 2, 2, 2]
        molecules += [N_LI + 1 + ion] * 5
        bonds += [(first, first + 1 + k) for k in range(4)]
    for ion in range(N_LI - 1):  # anions 0 and 1 have their own Li in common
        first = len(types) + 1
        types += [5, 4]
        molecules += [2 * N_LI + 1 + ion] * 2
        bonds.append((first, first + 1))
    states = np.zeros((N_FRAMES, N_LI - 2), dtype=bool)
    states[0] = rng.random(N_LI - 2) < ENTER / (ENTER + LEAVE)
    for time in range(1, N_FRAMES):
        states[time] = states[time - 1] ^ (rng.random(N_LI - 2) < np.where(states[time - 1], LEAVE, ENTER))
    frames = []
    for time in range(N_FRAMES):
        lithium = centres + rng.normal(0, 0.05, centres.shape)
        parts = [lithium]
        for ion in range(N_LI):
            # Away from the bridge, which runs along x.
            spread = DIRECTIONS * [0.2, 1.0, 1.0]
            spread = 2.1 * spread / np.linalg.norm(spread, axis=1)[:, None]
            parts += [lithium[ion] + [[0.0, 0.0, 0.7]], lithium[ion] + spread + rng.normal(0, 0.05, (4, 3))]
        middle = lithium[:2].mean(axis=0)
        parts += [middle + np.array([[0, 0, 1.5]]), middle + rng.normal(0, 0.05, (1, 3))]
        for place, ion in enumerate(range(2, N_LI)):
            distance = 2.2 if states[time, place] else 5.5
            oxygen = lithium[ion] + [[distance, 0, 0]] + rng.normal(0, 0.05, (1, 3))
            parts += [oxygen + np.array([0, 1.5, 0]), oxygen]
        frames.append(np.concatenate(parts))
    return np.array(types), np.array(molecules), bonds, np.array(frames), states


def write_data(path, types, molecules, bonds, positions):
    lines = ["box", "", f"{len(types)} atoms", f"{len(bonds)} bonds", "5 atom types", "1 bond types", ""]
    lines += [f"0 {SIDE} {axis}lo {axis}hi" for axis in "xyz"]
    lines += ["", "Masses", "", *(f"{number} {mass}" for number, mass in MASSES.items()), "", "Atoms # full", ""]
    lines += [
        f"{i + 1} {molecules[i]} {types[i]} 0.0 {' '.join(map(str, positions[i]))}"
        for i in np.random.default_rng(0).permutation(len(types))
    ]
    lines += ["", "Bonds", "", *(f"{n} 1 {a} {b}" for n, (a, b) in enumerate(bonds, 1)), ""]
    path.write_text("\n".join(lines))


def write_dump(path, first, types, frames):
    with path.open("w") as file:
        for number, positions in enumerate(frames, start=first):
            file.write(f"ITEM: TIMESTEP\n{500 * number}\nITEM: NUMBER OF ATOMS\n{len(types)}\n")
            file.write("ITEM: BOX BOUNDS pp pp pp\n" + f"0 {SIDE}\n" * 3 + "ITEM: ATOMS id mol type xu yu zu\n")
            for i, (x, y, z) in enumerate(positions):
                file.write(f"{i + 1} 0 {types[i]} {x:.5f} {y:.5f} {z:.5f}\n")


@pytest.fixture(scope="module")
def box():
    return make_box()


@pytest.fixture
def folder(tmp_path, box):
    types, molecules, bonds, frames, _ = box
    write_data(tmp_path / "final.data", types, molecules, bonds, frames[-1] % SIDE)
    write_dump(tmp_path / part_name(0), 0, types, frames[:250])
    write_dump(tmp_path / part_name(1), 250, types, frames[250:])
    return tmp_path


def launch(folder, **changes):
    (folder / "settings.json").write_text(json.dumps({**SETTINGS, **changes}))
    return finish(analyse_solvation, folder)


def curves_of(folder):
    with np.load(folder / "curves.npz") as arrays:
        return dict(arrays)


def test_shells_are_those_the_box_was_made_with(folder, box):
    results = launch(folder)
    assert results["status"] == "ok", results
    states = box[-1]
    chain, anion = results["sites"]["O of chain"], results["sites"]["O of TFSI"]
    assert chain["first_peak_A"] == pytest.approx(2.1, abs=0.1)
    assert anion["first_peak_A"] == pytest.approx(2.1, abs=0.2)
    assert 2.4 < chain["first_minimum_A"] < 5.5
    assert chain["coordination"]["value"] == 4.0
    assert chain["molecules"]["value"] == 1.0
    # Two of eight Li have the bridge, the others their anion when it is there.
    truth = (2 + states.sum(axis=1)) / N_LI
    assert anion["coordination"]["value"] == pytest.approx(truth.mean(), abs=1e-9)
    assert anion["coordination"]["std"] > 0
    assert results["total"]["value"] == pytest.approx(4 + truth.mean(), abs=1e-9)
    pairing = results["pairing"]
    assert pairing["aggregate"]["value"] == pytest.approx(1 / 7)
    assert pairing["contact"]["value"] == pytest.approx(states.mean() * 6 / 7, abs=1e-9)
    assert pairing["separated"]["value"] == pytest.approx((1 - states.mean()) * 6 / 7, abs=1e-9)
    assert "does not fall below 1/e" in chain["stay"]["refused"]
    assert (results["n_frames"], results["interval_fs"]) == (N_FRAMES, 1000.0)
    by_number = {tuple(one["numbers"].values()): one["share"]["value"] for one in results["shells"]}
    assert by_number[4, 1] == pytest.approx(truth.mean(), abs=1e-9)
    assert by_number[4, 0] == pytest.approx(1 - truth.mean(), abs=1e-9)


def test_residence_time_is_that_of_the_process(tmp_path):
    """Without the bridge, S(t) = (1 − LEAVE)^k: its integral is 1 ps (1 + 0.9) / 2 / 0.1 = 9.5 ps."""
    types, molecules, bonds, frames, _ = make_box(seed=4)
    keep = np.ones(len(types), dtype=bool)
    bridge = [i for i in range(len(types)) if molecules[i] in (1, 2, 9, 10, 17)]
    keep[bridge] = False
    number = np.cumsum(keep)
    bonds = [(number[a - 1], number[b - 1]) for a, b in bonds if keep[a - 1] and keep[b - 1]]
    write_data(tmp_path / "final.data", types[keep], molecules[keep], bonds, frames[-1][keep] % SIDE)
    write_dump(tmp_path / part_name(0), 0, types[keep], frames[:, keep])
    results = launch(tmp_path, trajectories={"r0": part_name(0)})
    stay = results["sites"]["O of TFSI"]["stay"]
    assert abs(stay["value"] - 9500) < 3 * stay["std"] < 9500
    assert results["pairing"]["aggregate"]["value"] == 0.0


def test_curves_count_what_is_there(folder, box):
    launch(folder)
    curves = curves_of(folder)
    assert set(curves) == {
        "r_A",
        *(f"{kind}_O_of_{who}{end}" for kind in "gn" for who in ("chain", "TFSI") for end in ("", "_error")),
    }
    edge = curves["r_A"] + (curves["r_A"][1] - curves["r_A"][0]) / 2
    assert curves["n_O_of_chain"][np.searchsorted(edge, 2.9)] == 4.0
    expected = (2 + box[-1].sum(axis=1)).mean() / N_LI
    at = np.searchsorted(edge, 3.5)
    assert curves["n_O_of_TFSI"][at] == pytest.approx(expected)
    assert 0 < curves["n_O_of_TFSI_error"][at] < 0.1 * expected
    assert edge[-1] <= SETTINGS.get("max_distance_A", 10.0) + 1e-9


def test_distance_is_cut_at_half_the_cell_and_told(folder):
    results = launch(folder, max_distance_A=30.0)
    assert results["max_distance_A"] == pytest.approx(0.999 * SIDE / 2)


@pytest.mark.parametrize("stop_after", [100, 900])
def test_stopped_and_continued_equals_unbroken(folder, monkeypatch, stop_after):
    whole = launch(folder)
    unbroken = curves_of(folder)
    (folder / "curves.npz").unlink()
    seen = 0

    def should_stop(self, reserve_s=0.0):
        nonlocal seen
        seen += 1
        return seen == stop_after

    with monkeypatch.context() as context:
        context.setattr(Job, "should_stop", should_stop)
        results = launch(folder)
    assert results["kind"] == "OUT_OF_WALLTIME"
    assert not (folder / "curves.npz").exists()
    resumed = launch(folder)
    assert resumed["resumed_from_frame"] == (stop_after if stop_after <= N_FRAMES else stop_after - N_FRAMES)
    for key in ("sites", "total", "shells", "pairing"):
        assert resumed[key] == whole[key]
    for name, array in curves_of(folder).items():
        np.testing.assert_array_equal(array, unbroken[name])


def test_no_shell_is_a_refusal_and_no_number(folder):
    results = launch(folder, max_distance_A=1.5)
    assert results["status"] == "ok"
    site = results["sites"]["O of TFSI"]
    assert site["first_minimum_A"] is None
    assert "no peak" in site["coordination"]["refused"]
    assert results["total"] is None
    assert "no peak" in results["pairing"]["contact"]["refused"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sites": {}}, "sites is {}; expected name → selection"),
        ({"sites": {"O of water": "type 9"}, "anion": None}, "matches no atom"),
        ({"sites": {"a": "type 2", "b": "type 2 4"}, "anion": None}, "is in the sites a and b; expected one"),
        ({"anion": "O of PF6"}, "anion is 'O of PF6'"),
        ({"centre": "Na"}, "make no pair of Na"),
        ({"trajectories": {"a": "x", "b": "y"}}, "trajectories has 2 entries"),
        ({"color": 1}, "settings has 'color'; expected trajectories"),
        ({"centre": None}, "settings lacks centre; expected a value"),
        ({"shell_A": 0}, "settings: shell_A is 0; expected a positive number"),
        ({"stride": N_FRAMES}, "holds one whole frame"),
    ],
)
def test_bad_settings_are_refused(folder, changes, message):
    results = launch(folder, **changes)
    assert results["kind"] == "INVALID_INPUT"
    assert message in results["message"]
