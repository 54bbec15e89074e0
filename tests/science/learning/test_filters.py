import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from aiida_elyte.contracts.filter import FilterContract
from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_labels
from aiida_elyte.science.learning.filters import KINDS, Collision, Filter, Molten, Runaway, Torn, filter_frames, kind_of
from aiida_elyte.science.structure.rmsd import framework_rmsd

COLLISION = {"collision": Collision()}


class TestCollision(FilterContract):
    @pytest.fixture
    def mine(self):
        return Collision()

    @pytest.fixture
    def bad(self, reference):
        bad = reference.copy()
        bad.positions[1] = bad.positions[0] + [0.7, 0, 0]
        return bad


class TestMolten(FilterContract):
    @pytest.fixture
    def mine(self):
        return Molten(["Cl"], max_framework_rmsd_A=1.0)

    @pytest.fixture
    def bad(self, reference):
        bad = reference.copy()
        bad.positions[bad.numbers == 17] += np.array([[1.6, 0, 0], [-1.6, 0, 0], [0, 1.6, 0], [0, -1.6, 0]])
        return bad


class TestRunaway(FilterContract):
    @pytest.fixture
    def mine(self):
        return Runaway(max_temperature_K=3000)

    @pytest.fixture
    def bad(self, reference):
        bad = reference.copy()
        bad.info["temperature_K"] = 5000.0
        return bad


class TestTorn(FilterContract):
    @pytest.fixture
    def reference(self):
        """Two SF6 in a cell, one of them across its faces."""
        at = np.array(
            [[0, 0, 0], [1.56, 0, 0], [-1.56, 0, 0], [0, 1.56, 0], [0, -1.56, 0], [0, 0, 1.56], [0, 0, -1.56]]
        )
        salt = Atoms("SF6SF6", [*at, *np.add(at, 5.0)], cell=[10, 10, 10], pbc=True)
        salt.wrap()
        return salt

    @pytest.fixture
    def mine(self):
        return Torn(["S", "F"])

    @pytest.fixture
    def bad(self, reference):
        bad = reference.copy()
        bad.positions[2] -= [1.0, 0, 0]
        bad.wrap()
        return bad

    def test_names_the_bond(self, mine, reference, bad):
        # 2.56 Å over the sum of the covalent radii, 1.05 and 0.57 Å
        assert mine.reason(bad, reference) == "torn: bond S0–F2 is 2.56 Å long, 1.58 of its covalent radii, above 1.4"

    def test_knows_the_bonds_of_a_supercell_and_those_that_a_frame_carries(self, mine, reference, bad):
        assert mine.reason(reference.repeat((1, 2, 1)), reference) is None
        assert mine.reason(bad.repeat((1, 2, 1)), reference).startswith("torn: bond S0–F2 ")
        bad.info["bonds"] = "0-1; "
        assert Torn().reason(bad, reference) is None
        bad.info["bonds"] = "0-1 0-2; "
        assert Torn().reason(bad, reference).startswith("torn: bond S0–F2 ")

    def test_without_molecules_nothing_is_torn(self, reference, bad):
        assert Torn().reason(bad, reference) is None


@pytest.fixture
def crystal():
    return bulk("LiCl", "rocksalt", a=5.13, cubic=True)


def thermal(crystal, width=0.1, seed=0):
    frame = crystal.copy()
    frame.positions += np.random.default_rng(seed).normal(0, width, frame.positions.shape)
    return frame


def test_thermal_frames_are_kept_in_order(crystal):
    frames = [thermal(crystal, seed=seed) for seed in range(4)]
    assert filter_frames(frames, crystal, COLLISION) == ([0, 1, 2, 3], {})
    assert filter_frames([], crystal, COLLISION) == ([], {})


def test_each_refusal_has_its_reason(crystal):
    collided, broken, molten, hot, high, unsure = (thermal(crystal, seed=seed) for seed in range(6))
    collided.positions[1] = collided.positions[0] + [0.9, 0, 0]
    broken.positions[3, 1] = np.nan
    molten.positions[molten.numbers == 17] += np.array([[1.6, 0, 0], [-1.6, 0, 0], [0, 1.6, 0], [0, -1.6, 0]])
    for frame in (collided, broken, molten, high):
        frame.info["temperature_K"] = 900.0
    hot.info["temperature_K"] = 5000.0
    unsure.info.update(temperature_K=900.0, spread_max_eV_A=float("nan"))
    for frame in (molten, hot, unsure):
        frame.info["energy_eV"] = -8.0
    attach_labels(high, energy=8.0, forces=np.zeros((8, 3)))
    reference = attach_labels(crystal.copy(), energy=-8.0, forces=np.zeros((8, 3)))
    filters = {
        "collision": Collision(0.4),
        "molten": Molten(["Cl"], max_framework_rmsd_A=1.0),
        "runaway": Runaway(max_temperature_K=3000, max_energy_change_eV_atom=1.0),
    }
    kept, refused = filter_frames([collided, broken, molten, hot, high, unsure], reference, filters)
    assert kept == []
    starts = [
        "collision: ",
        "not finite",
        "molten: framework 1.5",
        "runaway temperature: 5000 K",
        "runaway energy: +2.000",
    ]
    for index, start in enumerate([*starts, "not finite"]):
        assert refused[index].startswith(start), refused[index]
    assert "Li0" in refused[0] or "Cl1" in refused[0]


def test_collision_through_the_boundary(crystal):
    frame = crystal.copy()
    frame.positions[1] = frame.positions[0] - [0.6, 0, 0]
    frame.wrap()
    assert list(filter_frames([frame], crystal, COLLISION)[1]) == [0]


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (Runaway(max_temperature_K=1000), "frame 0: the frame has no temperature_K"),
        (Runaway(max_energy_change_eV_atom=1), "frame 0: the frame has no energy"),
        (Molten(["Br"]), "frame 0: framework names 'Br'"),
        (Torn(["Br"]), "frame 0: molecules names 'Br'"),
    ],
)
def test_numbers_that_a_test_misses_are_reported(crystal, test, message):
    with pytest.raises(InputError, match=rf"filters\.mine, {message}"):
        filter_frames([crystal], crystal, {"mine": test})


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (Collision, {"min_distance_factor": -1}, "min_distance_factor is -1; expected a positive number"),
        (Molten, {"framework": "PS"}, "framework is 'PS'; expected a list of species"),
        (Molten, {"max_framework_rmsd_A": 0}, "max_framework_rmsd_A is 0; expected a positive number"),
        (Torn, {"molecules": "PS"}, "molecules is 'PS'; expected a list of elements"),
        (Torn, {"max_stretch": 0}, "max_stretch is 0; expected a positive number"),
        (Runaway, {"max_temperature_K": "hot"}, "max_temperature_K is 'hot'; expected a positive number"),
    ],
)
def test_invalid_settings_are_rejected(kind, settings, message):
    with pytest.raises(InputError, match=message):
        kind(**settings)


def test_filters_without_limits_set_nothing_aside(crystal):
    frame = crystal.copy()
    frame.positions[1] = frame.positions[0] + [0.1, 0, 0]
    assert filter_frames([frame], crystal, {"a": Collision(None), "b": Molten(), "c": Runaway()}) == ([0], {})


def test_rmsd_of_known_displacements(crystal):
    frame = crystal.copy()
    chlorine = np.flatnonzero(frame.numbers == 17)
    frame.positions[chlorine[0], 0] += 0.8
    # One of four moved by 0.8, mean 0.2: sqrt((0.6² + 3 · 0.2²) / 4) = sqrt(0.12).
    assert framework_rmsd(frame, crystal, ["Cl"]) == pytest.approx(np.sqrt(0.12))
    assert framework_rmsd(frame, crystal, ["Li"]) == pytest.approx(0, abs=1e-9)


def test_rmsd_ignores_drift_images_expansion_and_mobile_ions(crystal):
    moved = thermal(crystal, 0.05)
    reference = framework_rmsd(moved, crystal, ["Cl"])
    for drift in (0.3, 2.5, 2.6, 40.0):
        shifted = moved.copy()
        shifted.positions += [drift, -drift, 0.1]
        shifted.wrap()
        assert framework_rmsd(shifted, crystal, ["Cl"]) == pytest.approx(reference, abs=1e-9)
    expanded = crystal.copy()
    expanded.set_cell(1.1 * crystal.cell.array, scale_atoms=True)
    assert framework_rmsd(expanded, crystal, ["Cl"]) == pytest.approx(0, abs=1e-9)


def test_rmsd_against_the_repeated_reference(crystal):
    big = crystal.repeat((2, 1, 2))
    big.positions[np.flatnonzero(big.numbers == 17)[0], 2] += 1.6
    # One of 16 moved: sqrt(1.6² (1/16 - 1/256)).
    assert framework_rmsd(big, crystal, ["Cl"]) == pytest.approx(1.6 * np.sqrt(1 / 16 - 1 / 256))


def test_rmsd_of_other_atoms_is_refused(crystal):
    with pytest.raises(InputError, match="in the same order"):
        framework_rmsd(crystal[[1, 0, 2, 3, 4, 5, 6, 7]], crystal, ["Cl"])
    with pytest.raises(InputError, match="in the same order"):
        framework_rmsd(Atoms("LiCl", cell=[5, 5, 5], pbc=True), crystal, ["Cl"])


class Answering(Filter):
    """Gives what it is told to, or raises it."""

    def __init__(self, answer):
        self.answer = answer

    def reason(self, frame, reference):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("answer", ["", "  ", "two\nlines", True, 0, ["collision"]])
def test_a_filter_that_gives_no_sentence_is_named(crystal, answer):
    with pytest.raises(InputError) as caught:
        filter_frames([crystal], crystal, {"mine": Answering(answer)})
    assert str(caught.value).startswith(
        f"filter 'mine' gave {answer!r} for frame 0; expected None, or a sentence of one line"
    )


def test_a_filter_that_fails_is_named_with_the_frame(crystal):
    broken = crystal.copy()
    broken.positions[0] = np.nan
    with pytest.raises(InputError, match=r"filter 'mine' failed on frame 1: KeyError: 'step'; correct the plug-in"):
        filter_frames([broken, crystal], crystal, {"mine": Answering(KeyError("step"))})


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("collision: Li0 and Cl1 are 0.900 Å apart (0.40 of their covalent radii), below 0.5", "collision"),
        ("molten: framework 1.62 Å from the crystal, above 1.5 Å", "molten"),
        ("runaway temperature: 5000 K, above 3000 K", "runaway"),
        ("runaway energy: +2.000 eV/atom, beyond 1 eV/atom", "runaway"),
        ("torn: bond P0–S2 is 3.10 Å long, 1.44 of its covalent radii, above 1.4", "torn"),
        ("not finite: positions, cell or a measured value", "not finite"),
        ("no committee spread: one member", "no committee spread"),
        ("early: step 5, below 100", "early"),
        ("the density of this frame is far below that of the crystal: 0.2 g/cm³", "other"),
        ("too early", "other"),
    ],
)
def test_reasons_old_and_new_have_a_kind(reason, kind):
    assert kind_of(reason) == kind
    assert kind in KINDS or kind in ("early", "other")
