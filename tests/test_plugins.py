import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.plugins import GROUPS, configure, configure_all, load, names


def test_built_in_labellers_come_in_by_the_door():
    assert {"ase", "qe"} <= set(names("labellers"))
    assert load("labellers", "ase").__name__ == "AseLabelWorkChain"


@pytest.mark.parametrize("group", sorted(set(GROUPS) - {"families"}))
def test_every_door_has_a_built_in(group):
    for name in names(group):
        assert load(group, name) is not None
    assert names(group)


def test_a_door_that_was_removed_says_where_its_things_are():
    with pytest.raises(InputError, match=r"terms was removed; force-field terms are part of aiida_elyte\.science"):
        load("terms", "bond")


def test_an_unknown_door_is_told_what_comes_close():
    with pytest.raises(InputError, match=r"group 'labeller' of plug-ins is unknown; .*did you mean labellers\?"):
        load("labeller", "ase")


def test_a_plug_in_is_a_record_of_its_settings():
    assert configure("filters", "collision", {"min_distance_factor": 0.7}, "here").min_distance_factor == 0.7
    with pytest.raises(InputError, match="here has 'min_distance'; expected min_distance_factor; did you mean"):
        configure("filters", "collision", {"min_distance": 0.7}, "here")
    with pytest.raises(InputError, match="here: min_distance_factor is -1; expected a positive number"):
        configure("filters", "collision", {"min_distance_factor": -1}, "here")
    with pytest.raises(InputError, match=r"labeller 'ase' is .* expected a dataclass whose fields are its settings"):
        configure("labellers", "ase", {}, "here")


def test_plug_ins_come_in_the_order_of_their_names_and_null_leaves_one_out():
    chosen = configure_all("filters", {"runaway": {}, "molten": None, "collision": {}}, "filters")
    assert list(chosen) == ["collision", "runaway"]


def test_a_setting_in_place_of_a_name_is_sent_where_it_belongs():
    with pytest.raises(InputError, match=r"seeds has 'rattle'; .*\(perturb, repel\).*write `perturb: \{rattle: …\}`"):
        configure_all("seeds", {"rattle": {"count": 2}}, "seeds")
    with pytest.raises(InputError, match="filters is 3; expected settings under the names of filters"):
        configure_all("filters", 3, "filters")


@pytest.mark.parametrize(
    ("group", "name", "said"),
    [
        ("trainers", "pain", r"trainer 'pain' is unknown.*did you mean painn"),
        ("labellers", "QE", r"labeller 'QE' is unknown.*did you mean qe"),
        ("labellers", "xxxxxxxx", "installed are ase, qe"),
    ],
)
def test_an_unknown_name_is_told_what_comes_close_in_any_case_or_all(group, name, said):
    with pytest.raises(InputError, match=said):
        load(group, name)
