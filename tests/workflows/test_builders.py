"""Builders from protocols, and inputs refused before anything is submitted."""

import pytest
from aiida import orm
from aiida.plugins import WorkflowFactory
from ase.build import bulk

from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError
from aiida_elyte.science.frames import attach_labels
from aiida_elyte.workflows.crystal import CrystalWorkChain


@pytest.fixture
def salt(aiida_profile_clean):
    return orm.StructureData(ase=bulk("LiCl", "rocksalt", a=5.14, cubic=True))


def labelled(level="LJ"):
    frame = bulk("LiCl", "rocksalt", a=5.14, cubic=True)
    frame.info["level_of_theory"] = level
    return attach_labels(frame, energy=0.0, forces=frame.positions * 0)


@pytest.mark.parametrize("protocol", ["fast", "balanced", "stringent"])
def test_crystal_builder_is_complete(salt, python_code, protocol):
    builder = CrystalWorkChain.get_builder_from_protocol({"python": python_code}, salt, {"Li": 1.0}, protocol=protocol)
    assert CrystalWorkChain.spec().inputs.validate(builder._inputs(prune=True)) is None


@pytest.mark.parametrize(
    "name",
    [
        "elyte.train.painn",
        "elyte.train_ensemble",
        "elyte.md",
        "elyte.lammps",
        "elyte.label.ase",
        "elyte.reduce_trajectory",
        "elyte.fit.forcefield",
    ],
)
@pytest.mark.parametrize("protocol", ["fast", "balanced", "stringent"])
def test_parts_have_protocols(aiida_profile_clean, python_code, name, protocol):
    process = WorkflowFactory(name)
    assert protocol in process.get_available_protocols()
    assert process.get_builder_from_protocol(python_code, protocol=protocol)


def test_overrides_and_options_reach_the_parts(salt, python_code):
    builder = CrystalWorkChain.get_builder_from_protocol(
        {"python": python_code},
        salt,
        {"Li": 1.0},
        temperatures_K=[500, 600],
        overrides={
            "active_learning": {
                "label": {"ase": {"settings": {"calculator": "lj", "level_of_theory": "LJ"}}},
                "learning": {"max_rounds": 0},
            },
            "conductivity": {"conditions": {"n_steps": 77}},
        },
        options={"max_wallclock_seconds": 60},
    )
    assert builder.active_learning.label["ase"]["settings"]["calculator"] == "lj"
    assert builder.active_learning.learning["max_rounds"] == 0
    assert builder.conductivity.conditions["n_steps"] == 77
    assert builder.conductivity.conditions["temperatures_K"] == [500.0, 600.0]
    assert builder.conductivity.md.options["max_wallclock_seconds"] == 60


def refusal(process, builder):
    return process.spec().inputs.validate(builder._inputs(prune=True))


def crystal(salt, code, charges=None, temperatures=(600,), **inputs):
    builder = CrystalWorkChain.get_builder_from_protocol(
        {"python": code}, salt, charges or {"Li": 1.0}, list(temperatures)
    )
    for key, value in inputs.items():
        builder[key] = value
    return builder


def test_dataset_without_labels_is_refused(salt, python_code):
    frames = FramesData([bulk("LiCl", "rocksalt", a=5.14)])
    with pytest.raises(ValueError, match="dataset holds frames without energy and forces"):
        crystal(salt, python_code, dataset=frames)


def test_mixed_levels_of_theory_are_refused_unless_asked_for(salt, python_code):
    builder = crystal(salt, python_code, dataset=FramesData([labelled("PBE"), labelled("PBEsol")]))
    assert "mixes levels of theory ['PBE', 'PBEsol']" in str(refusal(CrystalWorkChain, builder))
    train = builder.active_learning.ensemble.train
    train["settings"] = orm.Dict({**train["settings"].get_dict(), "allow_mixed_levels": True})
    assert refusal(CrystalWorkChain, builder) is None


def test_dataset_lacking_an_element_is_refused(salt, python_code):
    frame = attach_labels(bulk("Li"), energy=0.0, forces=[[0, 0, 0]])
    builder = crystal(salt, python_code, dataset=FramesData([frame]))
    assert "dataset has no frame with Cl" in str(refusal(CrystalWorkChain, builder))


def test_unknown_labeller_is_told_what_comes_close(salt, python_code):
    with pytest.raises(InputError, match=r"labeller 'qee' is unknown.*did you mean qe"):
        CrystalWorkChain.get_builder_from_protocol({"python": python_code}, salt, {"Li": 1.0}, labeller="qee")


def test_temperature_below_zero_is_refused(salt, python_code):
    with pytest.raises(ValueError, match=r"temperatures_K holds -3; expected positive numbers, in K"):
        crystal(salt, python_code, temperatures=[-3])


def test_structure_with_partial_occupancy_is_refused(aiida_profile_clean, python_code):
    cell = bulk("LiCl", "rocksalt", a=5.14, cubic=True).cell
    structure = orm.StructureData(cell=cell)
    structure.append_atom(position=(0, 0, 0), symbols=["Li"], weights=[0.5])
    with pytest.raises(ValueError, match="partial occupancies"):
        crystal(structure, python_code)


def test_charges_are_checked_before_anything_runs(salt, python_code):
    for charges, words in (({"Na": 1.0}, "Na"), ({"Li": 1.0, "Cl": -2.0}, "neutral")):
        builder = crystal(salt, python_code, charges=charges)
        assert words in str(refusal(CrystalWorkChain, builder))


def test_sampling_is_hotter_than_production_unless_told_otherwise(salt, python_code):
    builder = crystal(salt, python_code, temperatures=[500, 800])
    assert builder.active_learning.learning["sampling"]["temperature_K"] == pytest.approx(960)
    overrides = {"active_learning": {"learning": {"sampling": {"temperature_K": 850.0}}}}
    builder = CrystalWorkChain.get_builder_from_protocol(
        {"python": python_code}, salt, {"Li": 1.0}, [500, 800], overrides=overrides
    )
    assert builder.active_learning.learning["sampling"]["temperature_K"] == 850.0


@pytest.mark.parametrize(
    ("learning", "said"),
    [
        ({"max_round": 1}, "learning has 'max_round'; expected max_rounds"),
        ({"sampling": {"n_step": 9}}, r"learning\.sampling: settings has 'n_step'; expected .*did you mean n_steps"),
        ({"selection": {"n_select": 0}}, "learning: selection: n_select is 0; expected a whole number, 1 or more"),
    ],
)
def test_rounds_that_cannot_be_run_are_refused(salt, python_code, learning, said):
    overrides = {"active_learning": {"learning": learning}}
    with pytest.raises(ValueError, match=said):
        CrystalWorkChain.get_builder_from_protocol(
            {"python": python_code}, salt, {"Li": 1.0}, [500], overrides=overrides
        )


def test_one_member_has_no_spread_to_learn_from(salt, python_code):
    overrides = {"active_learning": {"ensemble": {"n_members": 1}}}
    with pytest.raises(ValueError, match="n_members is 1; expected at least two"):
        CrystalWorkChain.get_builder_from_protocol({"python": python_code}, salt, {"Li": 1.0}, overrides=overrides)
