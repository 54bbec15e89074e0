"""What a benchmark finds: printed as it comes, and written for the pages, which include it from docs/tables.

    python examples/benchmarks/NAME.py … --table docs/tables/NAME.md
    python docs/include_tables.py

A table begins with the command that wrote it, the machine and the date. Pages hold no second copy.
"""

import argparse
import os
import platform
import shlex
import sys
import textwrap
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

WIDTH = 120


def add_table_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--table", type=Path, help="file for what is printed, as docs/tables/NAME.md")


class Sheet:
    """Tables and sentences of one benchmark, in Markdown."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def say(self, text: str) -> None:
        """Print a paragraph."""
        self._print(("\n" if self.parts else "") + textwrap.fill(text, WIDTH))

    def columns(self, *names: str) -> None:
        """Print the head of a table."""
        self._print(("\n" if self.parts else "") + f"| {' | '.join(names)} |\n|{'---|' * len(names)}")

    def row(self, *cells: object) -> None:
        """Print a row of the table begun last."""
        self._print(f"| {' | '.join(map(str, cells))} |")

    def write(self, path: Path | None, packages: Sequence[str] = (), device: str = "no GPU") -> None:
        """Write all that was printed, below its command and origin, if a file is given."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                "\n".join([f"```\n{command()}\n```\n", origin(packages, device) + "\n", *self.parts]) + "\n"
            )

    def _print(self, text: str) -> None:
        print(text, flush=True)
        self.parts.append(text)


def command() -> str:
    """Return the command that runs, from the root of the repository, without folders of this machine."""
    words, script = list(sys.argv[1:]), Path(sys.argv[0]).resolve()
    if "--table" in words:
        at = words.index("--table")
        del words[at : at + 2]
    words = [Path(word).name if Path(word).is_absolute() else word for word in words]
    return shlex.join(["python", f"examples/benchmarks/{script.name}", *words])


def origin(packages: Sequence[str], device: str) -> str:
    """Return machine, date and versions as a sentence."""
    today = date.today()
    words = f"{len(os.sched_getaffinity(0))} cores, {device}; {today.day} {today:%B %Y}"
    if packages:
        words += f"; Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in packages)
    return textwrap.fill(f"{words}.", WIDTH)
