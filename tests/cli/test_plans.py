"""Plans and costs as lines of text."""

from dataclasses import replace

from aiida_elyte.api.polymer_street import PolymerPlan
from aiida_elyte.cli.plans import cost_lines, polymer_plan_lines
from aiida_elyte.science.cost import Cost

LABELS = {"labels_given": 0, "clusters": 26, "first_labels": 130, "later_labels": 160}
PLAN = PolymerPlan({"name": "peo"}, 2, 2000, 160.0, 200.0, 90.0, LABELS)


def test_labels_of_a_polymer_street_are_shown_unless_force_fields_are_given():
    first, *others = polymer_plan_lines(PLAN)
    assert first == "labels     130 geometries of 26 clusters, and 160 more at most"
    assert "labels     40 given, and 160 more at most" in polymer_plan_lines(
        replace(PLAN, labels=LABELS | {"labels_given": 40})
    )
    assert polymer_plan_lines(replace(PLAN, labels=None)) == others
    assert others[:2] == [
        "boxes      2 of 2000 atoms",
        "MD         160 ps of compression and settling, 200 ps of production, each box",
    ]
    assert others[2].startswith("time       about 1 min 30 s of LAMMPS")


def test_costs_that_are_unknown_are_said_to_be():
    lines = cost_lines(Cost(10, 500, None, None, 60.0, 2e6))
    assert lines[:3] == [
        "labels    10 at most   unknown for this engine",
        "training  unknown for this trainer",
        "MD steps  500   1 min 00 s",
    ]
    assert lines[-2:] == ["disk      about 2 MB", "Dry run: nothing was submitted."]
