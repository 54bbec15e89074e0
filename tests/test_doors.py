"""Plug-ins that are badly made or badly installed: each is rejected in one line, and hurts nobody who does without."""

import sys
import textwrap
from pathlib import Path

import pytest

from aiida_elyte.calculations.rooms import plugin_modules
from aiida_elyte.contracts.record import check_record
from aiida_elyte.doors import GROUPS, load, load_all, names
from aiida_elyte.errors import InputError
from aiida_elyte.plugins import configure, configure_all
from aiida_elyte.science.learning.filters import Filter
from aiida_elyte.science.potentials.family import Family
from aiida_elyte.science.potentials.files import find_family
from aiida_elyte.workflows.label.base import LabellerWorkChain
from aiida_elyte.workflows.sampler import Sampler
from aiida_elyte.workflows.trainer import Trainer

GOOD = """
from dataclasses import dataclass
from aiida_elyte.science.learning.filters import Filter

@dataclass(frozen=True)
class Good(Filter):
    own_setting: float = 1.0

    def __post_init__(self):
        self.own_setting < 0

    def reason(self, frame, reference):
        return None
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that installs a distribution: its entry points and, if given, its module."""
    before = set(sys.modules)

    def make(name, points, module="", place="site"):
        site = tmp_path / place
        metadata = site / f"{name.replace('-', '_')}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(points)
        (site / f"{name.replace('-', '_')}.py").write_text(textwrap.dedent(module))
        if str(site) not in sys.path:
            monkeypatch.syspath_prepend(site)

    yield make
    for name in set(sys.modules) - before:
        if name.startswith("elyte_x"):
            del sys.modules[name]


def rejected(*args, by=load):
    with pytest.raises(InputError) as caught:
        by(*args)
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("group", "name", "owner"),
    [
        ("labellers", "ase", "aiida_elyte.workflows.label.ase:AseLabelWorkChain"),
        ("families", "painn", "aiida_elyte.science.potentials.painn.family:PainnFamily"),
        ("filters", "collision", "aiida_elyte.science.learning.filters:Collision"),
    ],
)
def test_the_name_of_a_built_in_cannot_be_taken(install, group, name, owner):
    install("elyte-x", f"[aiida_elyte.{group}]\n{name} = elyte_x:Good\n", GOOD)
    for said in (rejected(group, name), rejected(group, by=names)):
        assert f"{name!r} is registered by" in said
        assert f"aiida-elyte ({owner})" in said
        assert "elyte-x (elyte_x:Good)" in said
        assert "uninstall one of them, or rename" in said
    if group == "families":
        assert "is registered by" in rejected(b"weights", by=find_family)


def test_two_distributions_cannot_share_a_name(install):
    for name in ("elyte-x", "elyte-xx"):
        install(name, f"[aiida_elyte.filters]\nshared = {name.replace('-', '_')}:Good\n", GOOD)
    said = rejected("filters", "shared")
    assert "elyte-x (elyte_x:Good)" in said
    assert "elyte-xx (elyte_xx:Good)" in said


def test_what_is_found_twice_is_no_clash(install):
    points = "[aiida_elyte.filters]\nmine = elyte_x:Good\n"
    install("elyte-x", points.replace("Good", "Older"), GOOD, place="behind")
    install("elyte-x", points, GOOD)
    install("elyte-xx", points)
    assert load("filters", "mine").__name__ == "Good"


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("def broken(:\n", "SyntaxError: invalid syntax (elyte_x.py, line 1)"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        ("raise ValueError('two\\nlines')\n", "ValueError: two lines"),
        ("import no_such_module\n", "No module named 'no_such_module'"),
        ("", "module 'elyte_x' has no attribute 'Good'"),
    ],
)
def test_a_module_that_fails_is_named_and_hurts_nobody_else(install, module, said):
    install("elyte-x", "".join(f"[aiida_elyte.{group}]\nbad = elyte_x:Good\n" for group in GROUPS), module)
    found = rejected("filters", "bad")
    assert found.startswith("filter 'bad' cannot be imported (")
    assert said in found
    assert found.endswith("expected elyte_x:Good to be installed; install its package anew")
    assert "bad" in names("filters")
    assert set(load_all("filters")) == {"collision", "molten", "runaway", "torn"}
    misspelt = rejected("filters", {"min_distance_factor": 0.5}, "filters", by=configure_all)
    assert "it is a setting of collision" in misspelt
    unknown = rejected(b"weights", "own.pt", by=find_family)
    assert "own.pt is not a potential of a family that is installed (chgnet, painn)" in unknown
    assert "family 'bad' cannot be imported" in unknown


@pytest.mark.parametrize("points", ["[console_scripts]\nno equals\n", "[aiida_elyte.filters]\nno equals\n"])
def test_malformed_entry_points_of_a_package_hurt_no_other(install, points):
    install("elyte-x", points)
    assert "collision" in names("filters")
    assert load("filters", "collision").__name__ == "Collision"
    assert not any(name.startswith("elyte_x") for name in plugin_modules())


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize(
    "module", ["def Good(): ...\n", "class Good: ...\n", "Good = 3\n"], ids=["function", "class", "number"]
)
def test_what_does_not_fit_its_door_is_rejected_with_the_page_that_says_how(install, group, module):
    install("elyte-x", f"[aiida_elyte.{group}]\nmine = elyte_x:Good\n", module)
    said = rejected(group, "mine")
    assert "'mine' (elyte_x:Good)" in said
    assert "expected a class" in said
    assert (Path(__file__).parents[1] / said.rsplit("see ", 1)[1]).is_file()


@pytest.mark.parametrize(
    ("group", "door", "lacks"),
    [
        ("filters", "learning.filters:Filter", "reason"),
        ("selectors", "learning.selection:Selector", "select"),
        ("qualifications", "qualification.kind:Qualification", "judge"),
        ("seeds", "seeds.kind:SeedKind", "make"),
        ("families", "potentials.family:Family", "describe, load, name, packages, recognises"),
    ],
)
def test_a_record_without_its_method_is_rejected_before_it_is_made(install, group, door, lacks):
    module, base = door.split(":")
    install(
        "elyte-x",
        f"[aiida_elyte.{group}]\nmine = elyte_x:Good\n",
        f"from aiida_elyte.science.{module} import {base}\nclass Good({base}): ...\n",
    )
    assert f"lacks {lacks}; expected" in rejected(group, "mine")


def public(kind):
    return {name for name in {*vars(kind), *getattr(kind, "__annotations__", {})} if not name.startswith("_")}


@pytest.mark.parametrize(
    ("group", "kind", "not_asked"),
    [
        (
            "labellers",
            LabellerWorkChain,
            {"define", "engine_inputs", "setup", "collect_labelled", "collect_refused", "results"},
        ),
        ("trainers", Trainer, set()),
        ("samplers", Sampler, set()),
        ("families", Family, set()),
    ],
)
def test_a_door_asks_for_what_its_contract_names(install, group, kind, not_asked):
    install("elyte-x", f"[aiida_elyte.{group}]\nmine = elyte_x:Good\n", "class Good: ...\n")
    lacks = set(rejected(group, "mine").split("lacks ")[1].split(";")[0].split(", "))
    assert lacks - {"spec"} == public(kind) - not_asked


def test_settings_that_break_a_plug_in_are_named(install):
    install("elyte-x", "[aiida_elyte.filters]\ngood = elyte_x:Good\n", GOOD)
    check_record(configure("filters", "good", {}, "here"), Filter)
    said = rejected("filters", "good", {"own_setting": "much"}, "here", by=configure)
    assert said.startswith("filter 'good' rejects its settings in here: TypeError: '<' not supported")
