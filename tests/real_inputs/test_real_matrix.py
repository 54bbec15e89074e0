"""The page on formats says what reading gives."""

from pathlib import Path

import pytest

from tests.real_inputs import format_probes, matrix

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"


@pytest.fixture(scope="module")
def page():
    return matrix.document()


def test_page_on_formats_is_what_the_probes_find(page):
    assert PAGE.read_text() == page, "run `python tests/real_inputs/matrix.py > docs/formats.md`"


def test_no_number_is_read_wrongly_and_nothing_is_lost_in_silence(page):
    for words in (format_probes.WRONG, format_probes.SILENT, format_probes.TWICE, "in silence"):
        assert words not in page
