"""A third party walks through every door: by name, by contract, and along the crystal street."""

import importlib
import sys
from copy import deepcopy

import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase.build import bulk

from aiida_elyte.contracts.filter import FilterContract
from aiida_elyte.contracts.qualification import QualificationContract
from aiida_elyte.contracts.sampler import SamplerContract
from aiida_elyte.contracts.seeds import SeedKindContract
from aiida_elyte.contracts.selector import SelectorContract
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import configure, load, names
from aiida_elyte.science.learning.qualification import Evidence
from aiida_elyte.workflows.crystal import CrystalWorkChain
from aiida_elyte.workflows.protocols import recursive_merge
from tests import street
from tests.plugin_package.installed import install


@pytest.fixture(scope="module", autouse=True)
def toy_plugin(tmp_path_factory):
    """Installed for this process alone: a job finds of it only what travels."""
    target = tmp_path_factory.mktemp("site-packages")
    install(target)
    sys.path.insert(0, str(target))
    importlib.invalidate_caches()
    yield target
    sys.path.remove(str(target))
    for name in [name for name in sys.modules if name.split(".")[0] == "elyte_toy_plugin"]:
        del sys.modules[name]


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


def test_a_plug_in_whose_module_is_gone_says_so(toy_plugin):
    points = next(toy_plugin.glob("*.dist-info")) / "entry_points.txt"
    before = points.read_text()
    points.write_text(before.replace("elyte_toy_plugin.filter:", "elyte_toy_plugin.gone:"))
    try:
        with pytest.raises(InputError, match=r"filter 'toy_early' cannot be imported .*install its package anew"):
            load("filters", "toy_early")
    finally:
        points.write_text(before)


OVERRIDES = {
    "seeds": {"perturb": {"rattle": {"count": 2}}, "toy_swap": {"count": 2}, "toy_scaled": {"factors": [0.97, 1.03]}},
    "active_learning": {
        "sampler": "toy_overdamped",
        "learning": {
            "label_budget": 3,
            "selection": {
                "selector": "toy_random",
                "selection": {},
                "filters": {"toy_early": {"min_step": 30}, "collision": None},
            },
            "qualification": {"toy_temperature": {"max_temperature_K": 1e5}, "shortest_distance": None},
        },
    },
}


@pytest.fixture(scope="module")
def walked(toy_plugin, aiida_profile, tmp_path_factory):
    """The street of the toy salt, built in and plugged in side by side, as far as the ensemble has learned."""
    computer = orm.Computer(
        label="toy-plugin",
        hostname="localhost",
        transport_type="core.local",
        scheduler_type="core.direct",
        workdir=str(tmp_path_factory.mktemp("work")),
    ).store()
    computer.configure(safe_interval=0)
    computer.set_minimum_job_poll_interval(0)
    code = orm.InstalledCode(label="python", computer=computer, filepath_executable=sys.executable).store()
    chosen = recursive_merge(deepcopy(street.OVERRIDES), OVERRIDES)
    chosen["active_learning"]["learning"]["selection"]["selection"] = {}
    builder = CrystalWorkChain.get_builder_from_protocol(
        {"python": code}, orm.StructureData(ase=street.salt()), street.CHARGES, [300.0], "ase", "fast", chosen
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


def test_the_sampler_runs_with_its_own_protocol(walked):
    (sampling,) = [node for node in walked.called_descendants if node.process_label == "OverdampedMdWorkChain"]
    assert sampling.inputs.settings["friction_per_ps"] == 50.0


def test_filter_selector_and_test_decide_in_each_round(walked):
    (only,) = walked.outputs.learning.history["rounds"]
    assert only["n_sampled"] > only["n_refused"] > 0
    assert all(reason == "early: step 20, before 30" for reason in only["refused"].values())
    # A selector without a threshold takes no frame for certain.
    assert only["n_uncertain"] == only["n_sampled"] - only["n_refused"]
    assert only["n_selected"] == only["n_labelled"] == 3
    assert list(only["qualification"]) == ["toy_temperature"]
    verdict = only["qualification"]["toy_temperature"]
    assert verdict["passed"] is True
    assert 0 < verdict["value"] < verdict["threshold"] == 1e5


def test_settings_that_a_plug_in_rejects_are_reported_before_anything_runs(toy_plugin, python_code):
    chosen = recursive_merge(OVERRIDES, {"seeds": {"toy_swap": {"count": 0}}})
    with pytest.raises(ValueError, match=r"seeds\.toy_swap: count is 0; expected a whole number, 1 or more"):
        CrystalWorkChain.get_builder_from_protocol(
            {"python": python_code}, orm.StructureData(ase=street.salt()), street.CHARGES, [300.0], overrides=chosen
        )
