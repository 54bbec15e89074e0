"""A table of results stands in one file, which a script wrote; pages include it."""

import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
ROW = re.compile(r"^\|.*\d.*\|$", re.MULTILINE)


def test_pages_hold_the_tables_that_scripts_wrote():
    done = subprocess.run(
        [sys.executable, DOCS / "include_tables.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}; run python docs/include_tables.py"


def test_every_table_is_in_one_page():
    tables = sorted((DOCS / "tables").glob("*.md"))
    assert tables
    pages = {path: path.read_text() for path in DOCS.rglob("*.md") if path not in tables}
    for table in tables:
        holding = [path.name for path, text in pages.items() if f"<!-- table: {table.stem} -->" in text]
        assert len(holding) == 1, table
        for row in ROW.findall(table.read_text()):
            assert sum(text.count(row) for text in pages.values()) == 1, row
