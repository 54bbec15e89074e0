"""A table of results stands in one file, which a script writes; pages include it, and repeat none of its figures."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TABLES = sorted((DOCS / "tables").glob("*.md"))
PAGES = [ROOT / "README.md", *(path for path in sorted(DOCS.rglob("*.md")) if path not in TABLES)]
ROW = re.compile(r"^\|.*\d.*\|$", re.MULTILINE)
INCLUDED = re.compile(r"<!-- table: \w+ -->.*?<!-- end of table -->", re.DOTALL)
ORIGIN = re.compile(r"```\npython (examples/benchmarks/\w+\.py)(.*)\n```\n\n[^\n]*; \d{1,2} [A-Z][a-z]+ 20\d\d[;.]")
FIGURE = re.compile(r"(?:below |about )?[<+−-]?\d[\d .,]*(?:[±–×].*|%|s|ms|min|MB|GB|g/cm³|ns/day)?")
SETTINGS = ("protocol", "--cell", "--frame")
"""First words of tables that hold what is set, not what was measured."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def test_pages_hold_the_tables_that_scripts_wrote():
    done = subprocess.run(
        [sys.executable, DOCS / "include_tables.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}; run python docs/include_tables.py"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_every_table_is_in_one_page(table):
    pages = {path: path.read_text() for path in PAGES}
    assert sum(text.count(f"<!-- table: {table.stem} -->") for text in pages.values()) == 1
    for row in ROW.findall(table.read_text()):
        assert sum(text.count(row) for text in pages.values()) == table.read_text().count(row), row


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_every_table_names_the_script_that_writes_it_and_the_day(table):
    found = ORIGIN.match(table.read_text())
    assert found, "expected the command in a block, then machine and date"
    script = (ROOT / found[1]).read_text()
    assert "add_table_option(parser)" in script
    for word in shlex.split(found[2], comments=True):
        assert not word.startswith("--") or f'"{word}"' in script, word


def tables_of(text):
    """Return the tables of a page, each as rows of cells."""
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        yield [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]


@each_page
def test_pages_hold_no_figures_that_were_typed(page):
    text = INCLUDED.sub("", page.read_text())
    for head, _, *rows in tables_of(text):
        if head[0].strip("`") not in SETTINGS:
            for row in rows:
                assert not any(FIGURE.fullmatch(cell) for cell in row[1:]), row
    # What a slope must lie within is a rule, not a figure.
    assert not re.findall(r"\d ± \d", text.replace("1 ± 0.1", ""))


def test_a_table_is_written_as_it_was_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT / "examples" / "benchmarks")
    monkeypatch.setattr(sys, "argv", ["speed.py", "/elsewhere/data.xyz", "--table", "out.md", "--seeds", "0", "1"])
    from sheets import Sheet

    sheet = Sheet()
    sheet.columns("what", "s")
    sheet.row("ours", 1.5)
    sheet.say("Less is better.")
    sheet.write(tmp_path / "out.md", ["numpy"])
    written = (tmp_path / "out.md").read_text()
    assert written.startswith("```\npython examples/benchmarks/speed.py data.xyz --seeds 0 1\n```\n\n")
    assert ORIGIN.match(written)
    assert ", numpy " in written
    assert written.endswith(capsys.readouterr().out)
    assert "| what | s |\n|---|---|\n| ours | 1.5 |\n\nLess is better.\n" in written
