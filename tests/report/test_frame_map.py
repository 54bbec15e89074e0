"""The map of frames: bounded, always the same, with a reason at each point."""

import json
import re

import numpy as np
import pytest

from aiida_elyte.provenance.judged_frames import KEPT, JudgedFrame
from aiida_elyte.report import frame_map
from aiida_elyte.report.frame_map import draw_map, place_frames
from tests.report.synthetic_streets import HOSTILE, judged_frames


@pytest.fixture(scope="module")
def frames():
    return judged_frames(np.random.default_rng(1), 20)


def traces(placed):
    """Return what the page hands to plotly."""
    text = re.search(r"Plotly\.newPlot\(\s*\"frame-map\",\s*(\[.*\]),\s*\{", draw_map(placed)).group(1)
    return json.JSONDecoder().raw_decode(text)[0]


def test_every_frame_has_its_place_and_what_was_decided(frames):
    placed = place_frames(frames)
    assert len(placed["points"]) == len(frames) == 70
    assert placed["left_out"] == ""
    for point, frame in zip(placed["points"], frames, strict=True):
        assert (point["round"], point["decision"], point["reason"]) == (frame.round, frame.decision, frame.reason)
    assert {one["decision"] for one in placed["labelled"]} == {"bought"}


def test_without_a_frame_there_is_no_map():
    assert place_frames([]) is None
    assert draw_map(None) is None


def test_of_many_frames_all_that_were_bought_are_shown(frames, monkeypatch):
    monkeypatch.setattr(frame_map, "MOST_FRAMES", 40)
    bought = [one for one in frames if one.decision == "bought"]
    assert 0 < len(bought) <= 20
    placed = place_frames(frames)
    assert len(placed["points"]) <= 40
    assert sum(one["decision"] == "bought" for one in placed["points"]) == len(bought)
    assert re.fullmatch(
        r"Of 70 frames all that were bought are shown, and one of \d of the others\.", placed["left_out"]
    )
    assert placed["points"] == place_frames(frames)["points"]


def test_of_too_many_bought_frames_some_are_shown_but_all_are_compared(frames, monkeypatch):
    monkeypatch.setattr(frame_map, "MOST_FRAMES", 8)
    placed = place_frames(frames)
    assert len(placed["points"]) == 8
    assert placed["left_out"] == "One frame of 9 is shown of 70."
    assert len(placed["labelled"]) == sum(one.true_error_eV_A is not None for one in frames)


def test_a_frame_without_finite_positions_is_said_to_be_left_out(frames):
    lost = frames[20].atoms.copy()
    lost.positions[0] = np.nan
    placed = place_frames([*frames[:20], JudgedFrame(lost, 1, "md", "refused", "not finite: positions")])
    assert len(placed["points"]) == 20
    assert placed["left_out"] == "1 frames without finite positions have no place on it."


def test_a_group_has_a_symbol_and_a_count_and_a_point_its_reason(frames):
    kept = JudgedFrame(frames[-1].atoms, 3, "offending", KEPT, "failed contacts")
    found = {one["name"]: one for one in traces(place_frames([*frames, kept]))}
    assert sum(len(one["text"]) for one in found.values()) == 71
    symbols = {name.split(" (")[0]: one["marker"]["symbol"] for name, one in found.items()}
    assert symbols["labelled before"] == "square"
    assert (symbols["by md, bought"], symbols["by md, not needed"], symbols["by md, rejected"]) == (
        "circle",
        "circle-open",
        "circle-x-open",
    )
    assert symbols["by attack, not needed"] == "triangle-up-open"
    assert symbols["failed a qualification, no round came after"] == "star-dot"
    assert "no round came after: failed contacts" in found["failed a qualification, no round came after (1)"]["text"][0]
    said = next(one for name, one in found.items() if name.startswith("by md, bought"))["text"][0]
    for words in ("round 1, by md", "expected error", "true error", "probability", "distance to the data 1.2"):
        assert words in said
    left = next(one for name, one in found.items() if name.startswith("by md, not needed"))["text"][0]
    assert "like the data" in left
    assert "<script>" not in left
    assert "<script>" in HOSTILE


def test_every_symbol_is_one_that_plotly_has():
    from plotly.graph_objects import Scatter

    for symbol in (*frame_map._SYMBOLS, "star"):
        for suffix in ("", "-open", "-x-open", "-dot"):
            Scatter(marker={"symbol": frame_map._existing(symbol + suffix)})
