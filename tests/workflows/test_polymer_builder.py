"""Builders of the polymer street, and inputs it refuses before anything is submitted."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from aiida import orm
from aiida.engine.utils import instantiate_process
from aiida.manage import get_manager

from aiida_elyte.api.polymer_street import PolymerLaunch, plan_polymer, read_polymer_recipe
from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError
from aiida_elyte.science.electrolyte.clusters import ClusterRecipe, Ingredient, make_clusters
from aiida_elyte.science.frames import attach_labels, write_frames
from aiida_elyte.workflows.forcefield import ForceFieldWorkChain
from aiida_elyte.workflows.polymer import PolymerWorkChain
from tests.ions import RECIPE, clusters

PBE = {"calculator": "pyscf", "parameters": {"xc": "pbe", "basis": "def2-svp"}, "level_of_theory": "PBE/def2-SVP"}

IONS = (Ingredient("Li", "[Li+]", 1), Ingredient("Cl", "[Cl-]", 1, ("[Cl-]",), (2.2, 2.6)))


def labelled(frames, level="GFN2-xTB (tblite)", **labels):
    for frame in frames:
        frame.info["level_of_theory"] = level
        attach_labels(frame, energy=0.0, forces=np.zeros((len(frame), 3)), **labels)
    return frames


def charged(frames, level="GFN2-xTB (tblite)"):
    for frame in frames:
        labelled([frame], level, charges=np.zeros(len(frame)))
    return frames


@pytest.fixture
def build(aiida_profile_clean, python_code):
    """Return a function that makes a builder; its codes are never run."""

    def make(recipe=RECIPE, protocol="fast", **overrides):
        codes = {"python": python_code, "engine": python_code}
        return PolymerWorkChain.get_builder_from_protocol(codes, recipe, protocol=protocol, overrides=overrides)

    return make


def learning_with(settings):
    return {"label": {"ase": {"settings": settings}}}


def refusal(builder):
    return str(PolymerWorkChain.spec().inputs.validate(builder._inputs(prune=True)) or "")


def test_another_calculator_takes_nothing_of_the_old_one(build):
    builder = build(learning=learning_with(PBE))
    for labels in (builder.label, builder.learning.label):
        settings = labels["ase"]["settings"].get_dict()
        assert {key: settings[key] for key in PBE} == PBE
        assert settings["properties"] == ["energy", "forces", "charges"]
    assert builder.label["ase"]["settings"]["relax"]["fmax_eV_A"] == 0.2
    assert refusal(builder) == ""


def test_same_calculator_keeps_what_is_not_changed(build):
    builder = build(learning=learning_with({"parameters": {"accuracy": 0.01}}))
    parameters = builder.learning.label["ase"]["settings"]["parameters"]
    assert (parameters["method"], parameters["accuracy"]) == ("GFN2-xTB", 0.01)


def test_a_calculator_without_level_of_theory_is_refused(build):
    with pytest.raises(InputError, match="calculator 'emt' has no level_of_theory"):
        build(learning=learning_with({"calculator": "emt"}))


def test_first_and_later_labels_are_of_one_level(build):
    said = refusal(build(label={"ase": {"settings": PBE}}))
    assert "label has level of theory 'PBE/def2-SVP', learning.label 'GFN2-xTB (tblite)'; expected one" in said


@pytest.mark.parametrize("name", ["CaCl2", "LiI"])
def test_every_ion_of_the_tables_can_be_learned(build, name):
    assert refusal(build({**RECIPE, "salt": {"name": name, "molality_mol_kg": 2.0}})) == ""


def test_an_element_no_fit_knows_is_refused_before_learning(build):
    salt = {"cation": "[Cs+]", "anion": "[Cl-]", "molality_mol_kg": 2.0}
    said = refusal(build({**RECIPE, "salt": salt}))
    assert "Cs of dme_licl has no Lennard-Jones parameters" in said


def test_a_salt_no_cluster_is_made_of_is_refused_before_labels(build):
    salt = {"cation": "C[N+](C)(C)C", "anion": "[Cl-]", "molality_mol_kg": 2.0}
    assert "cation of salt has 17 atoms; expected one" in refusal(build({**RECIPE, "salt": salt}))
    solvents = {"hexane": {"smiles": "CCCCCC"}}
    assert "CCCCCC has no O, N, F, S or halide" in refusal(build({**RECIPE, "solvents": solvents}))


def test_dataset_of_another_level_is_refused(build):
    builder = build()
    builder.dataset = FramesData(labelled(clusters(), "PBE/def2-SVP"))
    said = refusal(builder)
    assert "dataset has levels of theory ['PBE/def2-SVP']; expected GFN2-xTB (tblite)" in said


def test_files_of_labels_that_do_not_fit_are_refused(aiida_profile_clean, python_code, tmp_path):
    def launch(frames, salt="LiCl"):
        recipe, dataset = tmp_path / "recipe.yaml", tmp_path / "clusters.extxyz"
        recipe.write_text(yaml.safe_dump({**RECIPE, "salt": {"name": salt, "molality_mol_kg": 1.0}}))
        write_frames(frames, dataset)
        codes = {"python": python_code.uuid, "engine": python_code.uuid}
        return plan_polymer(recipe, protocol="fast", dataset=dataset, codes=codes).builder

    assert len(launch(charged(clusters())).dataset) == 3
    with pytest.raises(InputError, match=r"is of level of theory 'PBE'; expected GFN2-xTB .*learning\.max_rounds"):
        launch(charged(clusters(), "PBE"))
    with pytest.raises(InputError, match="has no frame with Br"):
        launch(charged(clusters()), salt="LiBr")
    with pytest.raises(InputError, match=r"clusters\.extxyz: .*(bonds|atoms|angles)"):
        launch(charged(make_clusters(ClusterRecipe("contact", (*IONS, Ingredient("DMM", "COC", 1, ("[OX2]",)))), 2)[0]))
    with pytest.raises(InputError, match=r"clusters\.extxyz: .* has no charges; expected those of its atoms"):
        launch(labelled(clusters()))
    periodic = clusters()
    periodic[1].set_cell([20.0, 20.0, 20.0])
    periodic[1].set_pbc(True)
    with pytest.raises(InputError, match=r"clusters\.extxyz: frame 1 .* is periodic; expected an isolated cluster"):
        launch(charged(periodic))


def test_packmol_is_asked_for_before_a_liquid_is_submitted(aiida_profile_clean, aiida_localhost, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    bare = tmp_path / "python"
    bare.symlink_to(sys.executable)
    code = orm.InstalledCode(label="bare", computer=aiida_localhost, filepath_executable=str(bare)).store()
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    with pytest.raises(InputError, match="does not find packmol"):
        plan_polymer(recipe, codes={"python": code.uuid, "engine": code.uuid})


def rounds(**settings):
    return {"learning": {"learning": settings}}


def boxes(**settings):
    return {"learning": {"sample": {"settings": {"boxes": settings}}}}


def fit(**settings):
    return {"learning": {"ensemble": {"train": {"settings": settings}}}}


def learns_from(**settings):
    return {"learning": learning_with(settings)}


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"clusters": 3}, "overrides of PolymerWorkChain have clusters: 3; expected a mapping with complex"),
        ({"clusters": None}, "overrides of PolymerWorkChain have clusters: None; expected a mapping"),
        ({"box": {"md": 3}}, "overrides of BoxWorkChain have md: 3; expected a mapping"),
        ({"box": {"compression": [1]}}, r"overrides of BoxWorkChain have compression: \[1\]"),
        ({"box": {"productions": {}}}, r"overrides of BoxWorkChain have 'productions'; .*did you mean production"),
        ({"label": {"foo": {}}}, "overrides of label have 'foo'; expected ase"),
        ({"label": {"ase": {"foo": 1}}}, "overrides of AseLabelWorkChain have 'foo'; expected batch_size"),
        ({"label": {"ase": {"settings": 4}}}, "overrides of .* have settings: 4; expected a mapping"),
        ({"learning": {"ensemble": {"foo": 1}}}, "overrides of TrainEnsembleWorkChain have 'foo'"),
        ({"learning": []}, r"overrides of PolymerWorkChain have learning: \[\]; expected a mapping"),
        ({"clusters": {"complexx": 3}}, r"clusters has 'complexx'; expected complex, .*did you mean complex"),
        (
            {"clusters": {"n_solvent": 0}},
            "clusters: n_solvent is 0; expected a whole number, 1 or more",
        ),
        ({"box": {"production": {"length": 9.0}}}, r"production has 'length'; expected thermalise_ps, length_ps"),
        ({"box": {"production": {"length_ps": -1.0}}}, "production: length_ps is -1.0; expected a positive number"),
        ({"box": {"production": {"frame_ps": 1e9}}}, "production: frame_ps is 1e.09, length_ps 100; expected frames"),
        ({"box": {"settling": {"max_extensions": 1.5}}}, "settling: max_extensions is 1.5; expected a whole number"),
        ({"box": {"compression": {"settling_ps": 0.1}}}, "compression: settling_ps is 0.1, with 10 records"),
        ({"box": {"compression": {"warmth": 1.0}}}, "compression has 'warmth'; expected minimize_iterations"),
        (
            {"box": {"compression": {"record_stride": 10.0}}},
            "compression: record_stride is 10.0; expected a whole number",
        ),
        ({"box": {"seed": 0}}, "seed is 0; expected a positive number"),
        ({"box": {"md": {"settings": {"restart_strid": 5}}}}, "run: settings hold restart_strid; expected stages"),
        ({"box": {"md": {"settings": {"flags": "-sf omp"}}}}, "run: flags is '-sf omp'; expected a list"),
        ({"box": {"md": {"settings": {"dump_stride": 0}}}}, "run: dump_stride is 0; expected a whole number"),
        ({"box": {"build": {"settings": {"density": 0.4}}}}, "settings has 'density'; expected recipe, density_g_cm3"),
        ({"box": {"reduce": {"settings": {"strid": 2}}}}, "settings has 'strid'; expected .*did you mean stride"),
        ({"box": {"reduce": {"settings": {"max_megabytes": 0}}}}, "settings: max_megabytes is 0; expected a positive"),
        ({"box": {"solvation": {"settings": {"shel_A": 2}}}}, "settings has 'shel_A'; expected .*did you mean shell_A"),
        (rounds(max_round=1), "learning has 'max_round'; expected max_rounds, .*did you mean max_rounds"),
        (rounds(max_rounds=1.5), "learning: max_rounds is 1.5; expected a whole number"),
        (rounds(least_gain="much"), "learning: least_gain is 'much'; expected a number"),
        (rounds(retraining={"max_epochs": 9}), "learning has retraining; expected none"),
        (rounds(selection={"n_select": 0}), "learning: selection: n_select is 0; expected a whole number, 1 or more"),
        (rounds(selection={"selector": "dice"}), "dice"),
        (
            rounds(selection={"selection": {"pool": 1}}),
            "selection.selection has 'pool'; expected threshold_eV_A, pool_",
        ),
        (
            rounds(selection={"filters": {"colour": {}}}),
            "filter 'colour' is unknown; .*did you mean collision",
        ),
        (
            rounds(selection={"filters": {"collision": {"factor": 1}}}),
            "filters.collision has 'factor'; expected min_distance_factor",
        ),
        (
            rounds(selection={"filters": {"min_distance_factor": 0.6}}),
            "filters has 'min_distance_factor'; expected names of .*write `collision: {min_distance_factor: …}`",
        ),
        (rounds(qualification={"shortest": {}}), "qualification 'shortest' is unknown; .*did you mean shortest_dist"),
        ({"learning": {"sampler": "cluster"}}, "sampler 'cluster' is unknown; .*did you mean clusters"),
        (rounds(sampling={"n_step": 9}), "learning.sampling: settings has 'n_step'; .*did you mean n_steps"),
        (rounds(sampling={"sample_stride": 5001}), "sample_stride is 5001, n_steps 5000; expected frames within"),
        (rounds(sampling={"n_replicas": 0}), "learning: sampling.n_replicas is 0; expected a whole number"),
        (
            {"learning": {**rounds(sampling={"n_replicas": 1})["learning"], **boxes(count=2)["learning"]}},
            "boxes.count is 2, with 1 replicas; expected no more boxes than replicas; lower boxes.count",
        ),
        (boxes(n_atom=300), "settings: boxes has 'n_atom'; expected count, n_atoms, .*did you mean n_atoms"),
        (fit(fit={"n_step": 9}), "settings: fit has 'n_step'; expected terms, .*did you mean n_steps"),
        (fit(split={"by": "clusters"}), "settings: split: by is 'clusters'; expected 'cluster' or 'frame'"),
        (
            learns_from(properties=["energy", "forces"]),
            "asks the labeller 'ase' for energy, forces; expected charges among",
        ),
        (
            learns_from(calculator="emt", level_of_theory="EMT", properties=["energy", "forces", "charges"]),
            "asks the labeller 'ase' for energy, forces; expected charges among them, .* of an engine that gives them",
        ),
    ],
)
def test_settings_no_street_has_are_refused_before_anything_runs(
    overrides, said, aiida_profile_clean, python_code, tmp_path
):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    codes = {"python": python_code.uuid, "engine": python_code.uuid}
    with pytest.raises(InputError, match=said) as caught:
        plan_polymer(recipe, protocol="fast", overrides=overrides, codes=codes)
    assert "\n" not in str(caught.value)


def test_the_overrides_of_the_docs_are_those_of_the_protocols(build):
    text = (Path(__file__).parents[2] / "docs" / "polymer.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    overrides = yaml.safe_load(block)
    builder = build(**overrides)
    assert refusal(builder) == ""
    assert builder.box.production["length_ps"] == overrides["box"]["production"]["length_ps"]
    assert builder.n_boxes.value == overrides["n_boxes"]


@pytest.mark.parametrize("max_rounds", [0, 1])
def test_first_labels_without_charges_are_refused_unless_they_are_given(build, max_rounds):
    def make(labels):
        return build(label={"ase": {"settings": labels}}, **rounds(max_rounds=max_rounds))

    without = {"properties": ["energy", "forces"]}
    said = refusal(make(without))
    assert "label asks the labeller 'ase' for energy, forces; expected charges among them" in said
    builder = make(without)
    builder.dataset = FramesData(charged(clusters()))
    assert refusal(builder) == ""


def test_learning_that_labels_nothing_asks_nothing_of_its_labels(build):
    def make(max_rounds):
        learning = {**learning_with({"properties": ["energy", "forces"]}), "learning": {"max_rounds": max_rounds}}
        first = {"ase": {"settings": {"properties": ["energy", "forces", "charges"]}}}
        return build(label=first, learning=learning)

    assert refusal(make(0)) == ""
    with pytest.raises(ValueError, match="label asks the labeller 'ase' for energy, forces; expected charges"):
        make(1)


def test_settings_of_a_trainer_are_checked_however_they_are_given(build):
    builder = build()
    builder.learning.ensemble["train"]["settings"] = orm.Dict({"fit": {"n_step": 3}})
    assert "train: settings: fit has 'n_step'" in refusal(builder)


def test_plan_counts_what_heat_adds(build):
    plan = PolymerLaunch(recipe=read_polymer_recipe(RECIPE), builder=build(protocol="balanced")).plan
    # 8 + 8 + 4 + 6 clusters, each relaxed and four times heated; later ones are labelled as they are.
    assert plan.labels == {"labels_given": 0, "clusters": 26, "first_labels": 130, "later_labels": 160}


def test_failed_boxes_are_told(build):
    chain = instantiate_process(get_manager().get_runner(), build())
    chain.ctx.series, chain.ctx.failed, chain.ctx.members = {}, {"m00_b00": "lost atoms"}, {"m00": None}
    assert chain.results().status == 453
    assert chain.outputs["failed"].get_dict() == {"m00_b00": "lost atoms"}


def test_labels_are_kept_where_learning_fails(aiida_profile_clean, python_code):
    codes = {"python": python_code, "engine": python_code}
    dataset = FramesData(charged(clusters())).store()
    builder = ForceFieldWorkChain.get_builder_from_protocol(codes, dataset, dataset, protocol="fast")
    chain = instantiate_process(get_manager().get_runner(), builder)
    chain.setup()
    chain.ctx.number = 1
    chain.ctx.sampling = orm.WorkChainNode().store()
    chain.ctx.sampling.set_process_state("excepted")
    chain.ctx.sampling.set_exception("Traceback\nValueError: no room")
    code = chain.inspect_sampling()
    assert code.status == 432
    assert code.message.endswith("the process is excepted: ValueError: no room")
    assert chain.outputs["dataset"].uuid == dataset.uuid
    assert chain.outputs["history"]["reason"] == "sampling of round 1 failed"
