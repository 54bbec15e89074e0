"""A third party walks through every door: by name, by contract, and along the crystal street."""

import importlib
import os
import sys

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms
from ase.build import bulk

from aiida_elyte.contracts.family import FamilyContract
from aiida_elyte.contracts.filter import FilterContract
from aiida_elyte.contracts.labeller import LabellerContract
from aiida_elyte.contracts.qualification import QualificationContract
from aiida_elyte.contracts.sampler import SamplerContract
from aiida_elyte.contracts.seeds import SeedKindContract
from aiida_elyte.contracts.selector import SelectorContract
from aiida_elyte.contracts.trainer import TrainerContract
from aiida_elyte.data.frames import FramesData
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import configure, load, names
from aiida_elyte.science.frames import attach_labels
from aiida_elyte.science.potentials.family import Description
from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.workflows.crystal import CrystalWorkChain
from aiida_elyte.workflows.protocols import recursive_merge
from tests import street
from tests.plugin_package.installed import install

PACKAGE = "elyte_toy_plugin"


@pytest.fixture(scope="module", autouse=True)
def toy_plugin(tmp_path_factory):
    """Installed for this process alone: a job finds of it only what travels."""
    target = tmp_path_factory.mktemp("site-packages")
    install(target)
    sys.path.insert(0, str(target))
    importlib.invalidate_caches()
    yield target
    sys.path.remove(str(target))
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


def rattled(seed, scale=1.0):
    """Two formula units off equilibrium, in a cell of no symmetry."""
    frame = bulk("LiCl", "rocksalt", a=5.1 * scale).repeat((2, 1, 1))
    frame.set_cell(frame.cell.array + 0.2 * np.random.default_rng(0).normal(size=(3, 3)), scale_atoms=True)
    frame.rattle(0.15, seed=seed)
    return frame


class TestSoftFamily(FamilyContract):
    heavy = ("torch", "torch_sim", "ase")

    @pytest.fixture(autouse=True)
    def found_by_other_processes(self, toy_plugin, monkeypatch):
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(toy_plugin), os.environ.get("PYTHONPATH", "")]))

    @pytest.fixture
    def family(self):
        return load("families", "toy_soft")()

    @pytest.fixture
    def content(self, family):
        return family.write(Description("toy_soft", ["Cl", "Li"], 4.0, "float64", 1, architecture={"strength_eV": 8.0}))

    @pytest.fixture
    def frame(self):
        return rattled(0)


class TestSoftLabeller(LabellerContract):
    @pytest.fixture
    def build(self, aiida_profile, python_code):
        def build(frames):
            builder = load("labellers", "toy_soft").get_builder_from_protocol(python_code, frames)
            builder.batch_size = orm.Int(1)
            return builder

        return build

    @pytest.fixture
    def beyond(self, aiida_profile, python_code):
        builder = load("labellers", "toy_soft").get_builder_from_protocol(python_code)
        return builder, Atoms("Ac", cell=[9.0] * 3, pbc=True)

    @pytest.fixture
    def frame(self):
        return rattled(0)

    @pytest.fixture
    def broken(self):
        broken = rattled(1)
        broken.positions[1] = broken.positions[0] + [0.1, 0.0, 0.0]
        return broken


class TestSoftTrainer(TrainerContract):
    @pytest.fixture
    def trainer(self):
        return load("trainers", "toy_soft")

    @pytest.fixture
    def build(self, aiida_profile, python_code, trainer):
        from elyte_toy_plugin.soft import soft_spheres

        frames = []
        for seed in range(8):
            frame = rattled(seed)
            energy, forces, _ = soft_spheres(frame, 4.0)
            frame.info |= {"origin": f"soft-{seed}#0", "level_of_theory": "soft spheres"}
            frames.append(attach_labels(frame, energy=8 * energy, forces=8 * forces))
        dataset = FramesData(frames)

        def build(seed):
            builder = trainer.get_builder_from_protocol(python_code, overrides={"settings": {"seed": seed}})
            builder.dataset = dataset
            return builder

        return build

    def test_least_squares_find_the_strength_that_made_the_labels(self, build):
        outputs, _ = run_get_node(build(0))
        assert outputs["potential"].base.attributes.get("architecture")["strength_eV"] == pytest.approx(8.0)


class TestAtRandom(SelectorContract):
    @pytest.fixture
    def selector(self):
        return configure("selectors", "toy_random", {}, "here")


class TestEarly(FilterContract):
    @pytest.fixture
    def mine(self):
        return configure("filters", "toy_early", {"min_step": 30}, "here")

    @pytest.fixture
    def reference(self):
        reference = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
        reference.info["step"] = 30
        return reference

    @pytest.fixture
    def bad(self, reference):
        bad = reference.copy()
        bad.info["step"] = 29
        return bad


class TestSwap(SeedKindContract):
    @pytest.fixture
    def kind(self):
        return configure("seeds", "toy_swap", {"count": 3}, "here")


class TestHighestTemperature(QualificationContract):
    @pytest.fixture
    def mine(self):
        return configure("qualifications", "toy_temperature", {"max_temperature_K": 500.0}, "here")

    @pytest.fixture
    def good(self):
        return Evidence([warm(300.0), warm(499.0)], [])

    @pytest.fixture
    def bad(self):
        return Evidence([warm(300.0), warm(501.0)], [])


class TestOverdamped(SamplerContract):
    @pytest.fixture
    def sampler(self):
        return load("samplers", "toy_overdamped")


def warm(temperature_K):
    frame = bulk("LiCl", "rocksalt", a=5.13)
    frame.info["temperature_K"] = temperature_K
    return frame


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("labellers", "toy_soft"),
        ("trainers", "toy_soft"),
        ("families", "toy_soft"),
        ("samplers", "toy_overdamped"),
        ("selectors", "toy_random"),
        ("filters", "toy_early"),
        ("seeds", "toy_swap"),
        ("seeds", "toy_scaled"),
        ("qualifications", "toy_temperature"),
    ],
)
def test_installed_plug_ins_stand_beside_the_built_in(group, name):
    assert name in names(group)
    assert load(group, name).__module__.startswith("elyte_toy_plugin.")


def test_a_plug_in_whose_module_is_gone_says_so(tmp_path, monkeypatch):
    install(tmp_path)
    points = next(tmp_path.glob("*.dist-info")) / "entry_points.txt"
    points.write_text(points.read_text().replace("elyte_toy_plugin.filter:", "elyte_toy_plugin.gone:"))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"filter 'toy_early' cannot be imported .*install its package anew"):
        load("filters", "toy_early")


OFF = {"count": 0}
QUIET = {"ramp": {"ramp_steps": 20, "hold_steps": 0}, "stops": {"min_distance_factor": None}}
STRIDES = {"sample_stride": 20, "spread_stride": 20, "series_stride": 20}
OVERRIDES = {
    "seeds": {
        "perturb": {"rattle": {"count": 2}, "strain": OFF, "shear": OFF, "shrink": OFF},
        "repel": None,
        "toy_swap": {"count": 2},
        "toy_scaled": {"factors": [0.97, 1.03]},
    },
    "active_learning": {
        "ensemble": {"trainer": "toy_soft", "n_members": 2, "train": {"settings": {"cutoff_A": 4.0}}},
        "sample": {"settings": QUIET},
        "sampler": "toy_overdamped",
        "learning": {
            "max_rounds": 1,
            "label_budget": 3,
            "sampling": {"temperature_K": 300.0, "n_replicas": 2, "n_steps": 60, **STRIDES},
            "selection": {
                "selector": "toy_random",
                "filters": {"toy_early": {"min_step": 30}, "collision": None},
            },
        },
        "qualification": {
            "conditions": {"n_replicas": 2, "n_steps": 60, "nve_steps": 40, **STRIDES},
            "md": {"settings": QUIET},
            "tests": {"toy_temperature": {"max_temperature_K": 1e5}},
        },
    },
    "conductivity": {
        "md": {"settings": QUIET},
        "conditions": {"n_replicas": 2, "n_steps": 100, **STRIDES, "trajectory_stride": 50},
    },
}


@pytest.fixture(scope="module")
def walked(toy_plugin, aiida_profile, warm_python, tmp_path_factory):
    """The street of the toy salt, with a plug-in for every door, and built-in seeds among them."""
    code = street.prompt_python("toy-plugin", tmp_path_factory.mktemp("work"), warm_python)
    builder = CrystalWorkChain.get_builder_from_protocol(
        {"python": code},
        orm.StructureData(ase=street.salt()),
        street.CHARGES,
        [300.0],
        "toy_soft",
        "fast",
        OVERRIDES,
        allow_unqualified=True,
    )
    _, node = run_get_node(builder)
    assert node.is_finished_ok, node.exit_message
    return node


def test_seeds_of_all_kinds_are_labelled_in_the_order_of_their_names(walked):
    (labelling,) = walked.base.links.get_outgoing(link_label_filter="seeds_label").all_nodes()
    kinds = [frame.info["origin"].split("-")[1] for frame in labelling.inputs.frames.get_frames()]
    assert kinds == ["rattle", "rattle", "swap", "swap", "scaled", "scaled"]
    (made,) = walked.base.links.get_outgoing(link_label_filter="make_seeds_toy_scaled").all_nodes()
    assert made.process_label == "ScaledSeedsWorkChain"


def jobs_of(street, label):
    return [node for node in street.called_descendants if node.process_label == label]


def carried(job):
    """Return the modules of the plug-in that travelled with a job."""
    rooms = job.inputs.rooms.base.repository
    return set(rooms.list_object_names(PACKAGE)) if PACKAGE in rooms.list_object_names() else set()


def test_modules_travel_with_the_jobs_that_import_them_and_no_others(walked, toy_plugin):
    labels, runs = jobs_of(walked, "LabelAseCalculation"), jobs_of(walked, "MdCalculation")
    assert labels
    assert runs
    assert all(carried(job) == {"__init__.py", "calculator.py", "soft.py"} for job in labels)
    assert all(carried(job) == {"__init__.py", "family.py", "potential.py", "soft.py"} for job in runs)


def test_trainer_and_family_make_the_ensemble(walked):
    potentials = walked.outputs.learning.potentials
    assert {node.family for node in potentials.values()} == {"toy_soft"}
    for node in potentials.values():
        assert node.base.attributes.get("architecture")["strength_eV"] == pytest.approx(8.0)
    assert not jobs_of(walked, "TrainPainnCalculation")
    (result,) = walked.outputs.conductivity.transport.values()
    assert "conductivity" in result


def test_the_sampler_runs_with_its_own_protocol(walked):
    (sampling,) = jobs_of(walked, "OverdampedMdWorkChain")
    assert sampling.inputs.settings["friction_per_ps"] == 50.0


def test_filter_selector_and_test_decide_in_each_round(walked):
    (only,) = walked.outputs.learning.history["rounds"]
    assert only["n_sampled"] > only["n_refused"] > 0
    assert all(reason == "early: step 20, before 30" for reason in only["refused"].values())
    # A selector without a threshold takes no frame for certain.
    assert only["n_uncertain"] == only["n_sampled"] - only["n_refused"]
    assert only["n_selected"] == only["n_labelled"] == 3
    finding = walked.outputs.learning.qualification["tests"]["toy_temperature"]
    assert finding["passed"] is True
    assert 0 < finding["value"] < finding["threshold"] == 1e5


def test_settings_that_a_plug_in_rejects_are_reported_before_anything_runs(toy_plugin, python_code):
    chosen = recursive_merge(OVERRIDES, {"seeds": {"toy_swap": {"count": 0}}})
    with pytest.raises(ValueError, match=r"seeds\.toy_swap: count is 0; expected a whole number, 1 or more"):
        CrystalWorkChain.get_builder_from_protocol(
            {"python": python_code}, orm.StructureData(ase=street.salt()), street.CHARGES, [300.0], overrides=chosen
        )
