"""The page: whole, self-contained, honest about what is missing."""

import json
import re
from html.parser import HTMLParser

import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.report.figures import FIGURES
from aiida_elyte.report.html import write_html
from aiida_elyte.report.results import as_json_dict, tabulate_results
from aiida_elyte.report.style import draw
from tests.report import synthetic_streets

STREETS = {
    "whole": synthetic_streets.whole_street,
    "without_diffusion": synthetic_streets.street_without_diffusion,
    "marked": synthetic_streets.marked_street,
    "learned": synthetic_streets.learned_street,
    "molten": synthetic_streets.molten_street,
    "failed": synthetic_streets.failed_street,
    "running": synthetic_streets.running_street,
}


@pytest.fixture(scope="module", params=STREETS)
def street(request):
    return request.param, STREETS[request.param]()


@pytest.fixture(scope="module")
def whole():
    return synthetic_streets.whole_street()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Name of each street → its page, drawn once."""
    return {name: page(make(), tmp_path_factory.mktemp(name)) for name, make in STREETS.items()}


def page(data, folder):
    path = folder / "report.html"
    write_html(data, path)
    return path.read_text(encoding="utf-8")


class Page(HTMLParser):
    """Collects ids, addresses and open elements."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.addresses, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        self.addresses += [value for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in ("meta", "br", "img", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("path", ["/proc/x/report.html", "."])
def test_a_place_that_cannot_be_written_is_rejected(whole, path):
    with pytest.raises(InputError, match=r"is not a regular file|is a folder"):
        write_html(whole, path)


@pytest.mark.parametrize("name", STREETS)
def test_page_is_whole_and_self_contained(pages, name):
    found = Page(pages[name])
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert all(address.startswith(("#", "data:")) for address in found.addresses)


def test_figures_exist_where_there_is_something_to_draw(street):
    name, data = street
    drawn = {figure for figure, function in FIGURES.items() if draw(function, data) is not None}
    learned = {"parity", "learning_curves", "selection"}
    produced = {"arrhenius", "displacements", "temperatures"}
    expected = {"failed": learned, "running": set(), "learned": learned | produced | {"calibration"}}
    assert drawn == expected.get(name, learned | produced)


def test_drawings_are_reproducible(whole):
    assert draw(FIGURES["arrhenius"], whole) == draw(FIGURES["arrhenius"], whole)
    assert draw(FIGURES["arrhenius"], whole, "png").startswith(b"\x89PNG")


def test_front_gives_numbers_with_errors_and_bounds(pages):
    front = pages["whole"].split('<dl class="numbers">')[1].split("</dl>")[0]
    assert len(re.findall(r"± [^<]* mS/cm", front)) == 3
    assert re.search(r"&lt; [\d.]+ mS/cm", front)
    assert "± 0." in front.split("Eₐ")[1]
    assert "extrapolated" in front


def test_the_verdict_stands_before_every_number(pages):
    for name, text in pages.items():
        body = text.split("</header>")[1]
        if name in ("failed", "running"):
            assert '<div class="verdicts">' not in body
            continue
        assert body.index('<div class="verdicts">') < body.index('<dl class="numbers">') < body.index("<h2>Results")
    assert "<b>Qualified</b> at 600 K, 800 K, 1000 K, 1200 K and in the Arrhenius fit." in pages["whole"]


def test_no_number_that_is_not_qualified_is_bare(pages):
    """Every value of σ, Eₐ and D of potentials that failed a test has its mark beside it, in each table."""
    text = pages["marked"]
    marks = text.count('<span class="mark">[unqualified]</span>')
    front = text.split('<dl class="numbers">')[1].split("</dl>")[0]
    values = re.findall(r'<div class="value (?:value|bound|fit)">(.*?)</div>', front)
    assert len(values) == 6
    assert all("[unqualified]" in value for value in values)
    cells = re.findall(r'<td class="nowrap (?:value|bound)">(.*?)</td>', text)
    stated = [cell for cell in cells if re.search(r"\d", cell.split("<sup>")[0])]
    assert stated
    assert all("[unqualified]" in cell for cell in stated)
    assert marks > len(values) + len(stated)  # and in the table of error bars
    assert synthetic_streets.FAILED in text.split('<dl class="numbers">')[0]
    assert "[" not in re.sub(r"<script.*", "", pages["whole"].split('<dl class="numbers">')[1].split("</dl>")[0])


def test_a_temperature_that_melts_has_its_reason_and_no_number(pages):
    text = pages["molten"]
    front = text.split('<dl class="numbers">')[1].split("</dl>")[0]
    assert len(re.findall(r"± [^<]* mS/cm", front)) == 3
    molten = front.split("<dt>σ(1000 K)</dt>")[1].split("<dt>")[0]
    assert "molten" in molten
    assert synthetic_streets.MELTED in molten
    assert not re.search(r"mS/cm", molten)
    before = text.split('<dl class="numbers">')[0]
    assert "<b>Molten</b> at 1000 K, 1200 K:" in before
    assert "<b>Collided</b> at 1300 K:" in before


def test_tests_of_qualification_are_told_with_threshold_and_source(pages):
    table = pages["marked"].split("Qualification of the potentials</h2>")[1].split("</table>")[0]
    assert "<b>failed</b>" in table
    assert "2 frames, the first: Li-Li came to 0.27 Å" in table
    assert "kT at 300 K in 25 ns" in table
    assert "<b>not tested</b>" in table


def test_semi_empirical_labels_are_called_so(pages, whole, tmp_path):
    assert "It is not density-functional theory" in pages["whole"]
    other = {**whole, "theory": {"levels": ["PBE, PseudoDojo"], "labeller": "qe"}}
    assert "density-functional theory" not in page(other, tmp_path)


def test_refusals_bring_their_reason(pages):
    text = pages["without_diffusion"]
    assert "No conductivity is stated" in text
    assert "is not diffusive" in text
    assert "2 temperatures" in text


def test_what_went_wrong_stands_at_the_front(pages):
    assert "exit status 451" in pages["failed"].split("What this stands on")[0]
    assert "not finished" in pages["running"]


def test_frames_seen_before_a_warm_start_are_told(pages):
    assert "8 had been trained on before the warm start" in pages["whole"]


def test_refused_frames_are_counted_by_reason(pages):
    text = pages["whole"]
    assert "2 not converged" in text
    assert "3 collision (e.g. collision: Li–Cl 0.90 Å, below 0.5); 1 not finite: positions" in text


def test_user_text_is_escaped(whole, tmp_path):
    text = page({**whole, "material": {**whole["material"], "citation": "<script>alert(1)</script>"}}, tmp_path)
    assert "<script>" not in text


def test_the_map_is_there_once_and_only_where_decisions_were_recorded(pages):
    for name, text in pages.items():
        assert text.count('id="frame-map"') == text.count("* plotly.js v") == (1 if name == "learned" else 0)


def test_what_others_wrote_cannot_run_in_the_map(pages):
    assert "alert(1)" in pages["learned"]
    assert "<script>alert" not in pages["learned"]
    assert "&lt;script&gt;alert(1)" in pages["learned"]


def test_learning_that_did_not_converge_says_so_among_the_issues(pages):
    issues = pages["learned"].split("Issues, and what to do</h2>")[1].split("</table>")[0]
    assert "Raise max_rounds above 3. Sample longer." in issues


def test_what_is_assumed_for_lack_of_labels_is_said(pages):
    assert "Calibration of round 1: labelled frames are too few for a bound of 90 % for Cl" in pages["learned"]


def test_json_holds_every_result(street):
    _, data = street
    read = json.loads(json.dumps(as_json_dict(data)))
    assert read["results"] == json.loads(json.dumps(tabulate_results(data)))
    assert read["process"]["pk"] == 1204
    for row in read["results"]:
        assert row["verdict"] == "qualified" or row["reasons"]
        assert {"value", "std", "ci95", "unit", "n_effective", "method", "window"} <= set(row) or row["refused"]
