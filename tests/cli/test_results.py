"""Results as lines of text."""

import pytest

from aiida_elyte.cli.numbers import describe_quantity
from aiida_elyte.cli.results import lines_of_results
from aiida_elyte.cli.tables import table
from aiida_elyte.provenance.street import Results

ESTIMATE = {"value": 1234.5, "std": 56.7, "ci95": [1000.0, 1500.0], "unit": "mS/cm", "n_effective": 4.0}
QUALIFIED = {"verdict": "qualified", "reasons": ["3 of 3 tests passed"]}


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
    run = {"conditions": {"temperature_K": 600.0}, **dict.fromkeys(names, estimate), **QUALIFIED}
    run["transference_Li"] = {"refused": "too short", "upper_bound": None}
    law = {"activation_energy": estimate, "prefactor": estimate, **QUALIFIED}
    return Results({"T0600_00": run}, None, law)


def test_what_is_looked_for_first_comes_first_and_alone(results):
    lines = lines_of_results(7, results)
    text = "\n".join(lines)
    assert lines[0] == "Qualified at 600 K and in the Arrhenius fit"
    assert lines[3].startswith("600    conductivity ")
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


def test_a_number_that_may_not_be_used_is_marked_wherever_it_stands(results):
    failed = {"verdict": "unqualified", "reasons": ["energy drift: 0.2 eV/atom/ns, the limit is 0.001"]}
    marked = Results({"T0600_00": {**results.transport["T0600_00"], **failed}}, None, {**results.arrhenius, **failed})
    lines = lines_of_results(7, marked, every=True)
    assert lines[:2] == ["Unqualified at 600 K and in the Arrhenius fit:", f"  {failed['reasons'][0]}"]
    numbers = [line for line in lines if "±" in line]
    assert len(numbers) == 7
    assert all("mS/cm [unqualified]" in line for line in numbers)


def test_a_refusal_of_the_verdict_gives_its_reason_once_and_no_number():
    melted = {"verdict": "molten", "reasons": ["the framework moved 2.1 Å"]}
    refused = {"refused": f"molten: {melted['reasons'][0]}", "upper_bound": None}
    run = {"conditions": {"temperature_K": 900.0}, "conductivity": refused, "tracer_diffusion_Li": refused, **melted}
    text = "\n".join(lines_of_results(7, Results({"T0900_00": run}, None, None)))
    assert text.startswith("Molten at 900 K:\n  the framework moved 2.1 Å")
    assert text.count("the framework moved") == 1
    assert text.count("none [molten]") == 2


def test_a_result_of_before_is_marked(results):
    run = {name: one for name, one in results.transport["T0600_00"].items() if name not in QUALIFIED}
    text = "\n".join(lines_of_results(7, Results({"T0600_00": run}, None, None)))
    assert "made before potentials were qualified" in text
    assert "mS/cm [unqualified]" in text
