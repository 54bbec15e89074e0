"""Results as lines of text."""

import pytest

from aiida_elyte.cli.show import describe_quantity, lines_of_results
from aiida_elyte.cli.tables import table
from aiida_elyte.provenance.street import Results

ESTIMATE = {"value": 1234.5, "std": 56.7, "ci95": [1000.0, 1500.0], "unit": "mS/cm", "n_effective": 4.0}


def test_quantities_are_printed_with_their_errors_or_their_bound():
    assert describe_quantity(ESTIMATE) == "1234 ± 56.7 mS/cm  (95 %: 1000 to 1500, n_eff 4)"
    assert describe_quantity({"refused": "too short", "upper_bound": None}) == "none"
    assert describe_quantity({"refused": "too short", "upper_bound": ESTIMATE}) == "below 1234 mS/cm (95 %)"


def test_table_aligns_columns():
    assert table([["a", "bbb"], ["cc", "d"]]) == ["a   bbb", "cc  d"]


@pytest.fixture
def results():
    estimate = {**ESTIMATE, "method": "some method"}
    names = ("onsager_Li_Li", "conductivity_xx", "haven_ratio", "conductivity", "tracer_diffusion_Li")
    run = {"conditions": {"temperature_K": 600.0}, **dict.fromkeys(names, estimate)}
    run["transference_Li"] = {"refused": "too short", "upper_bound": None}
    law = {"activation_energy": estimate, "prefactor": estimate}
    return Results({"T0600_00": run}, None, law)


def test_what_is_looked_for_first_comes_first_and_alone(results):
    lines = lines_of_results(7, results)
    text = "\n".join(lines)
    assert lines[1].startswith("600    conductivity ")
    assert "transference Li" in text
    assert "activation energy" in text
    assert "  600 K: too short" in lines
    assert not any(word in text for word in ("onsager", "conductivity xx", "prefactor", "some method"))
    assert lines[-1] == "3 more quantities, and how each was obtained: aiida-elyte status 7 --all"


def test_all_quantities_come_with_their_methods(results):
    lines = lines_of_results(7, results, every=True)
    assert any("onsager Li Li" in line for line in lines)
    assert any("prefactor" in line for line in lines)
    assert lines[-1] == "  prefactor: some method"


def test_a_street_without_results_prints_none():
    assert lines_of_results(7, Results({}, None, None)) == []
