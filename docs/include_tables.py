"""Put the tables that scripts wrote, docs/tables/NAME.md, into the pages between their marks.

    python docs/include_tables.py            # writes the pages
    python docs/include_tables.py --check    # tells which pages differ, and fails

The marks in a page are ``<!-- table: NAME -->`` and ``<!-- end of table -->``, each on a line of its own.
"""

import argparse
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
MARKS = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def include(page: str) -> str:
    """Return a page with the tables it names."""
    return MARKS.sub(lambda found: f"{found[1]}\n{read_table(found[2])}\n{found[3]}", page)


def read_table(name: str) -> str:
    return (DOCS / "tables" / f"{name}.md").read_text(encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing")
    is_check = parser.parse_args().check
    differing = []
    for path in sorted(DOCS.rglob("*.md")):
        page = path.read_text(encoding="utf-8")
        if include(page) != page:
            differing.append(path)
            if not is_check:
                path.write_text(include(page), encoding="utf-8")
    for path in differing:
        print(f"{path}: {'differs from' if is_check else 'took'} its tables")
    return int(is_check and bool(differing))


if __name__ == "__main__":
    sys.exit(main())
