"""Fuzz the text readers by hand: more mutations than the tests have time for.

python tests/fuzz/run.py --mutations 5000 [--readers 'pw.x md' …] [--keep FOLDER]
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import click

from aiida_elyte.errors import ElyteError
from tests.fuzz.laws import original_of, violations
from tests.fuzz.mutations import mutate
from tests.fuzz.seed_files import SEEDS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=1000, help="mutations of each file")
    parser.add_argument("--first", type=int, default=0, help="seed of the first")
    parser.add_argument("--readers", nargs="*", help="names of seeds, or parts of them; all if left out")
    parser.add_argument("--show", type=int, default=20, help="broken laws shown of each file")
    parser.add_argument("--keep", type=Path, help="folder for files that break a law")
    asked = parser.parse_args()
    n_broken = 0
    for kind, seeds in SEEDS.items():
        for seed in seeds:
            if asked.readers and not any(part in f"{kind} {seed.name}" for part in asked.readers):
                continue
            n_broken += _fuzz(kind, seed, asked)
    sys.exit(n_broken > 0)


def _fuzz(kind, seed, asked):
    begin = time.monotonic()
    if not seed.is_there:
        click.echo(f"{kind} {seed.name}: {seed.source} is not there")
        return 0
    with tempfile.TemporaryDirectory() as place:
        try:
            original = original_of(seed, Path(place))
        except ElyteError as error:
            click.echo(f"{kind} {seed.name}: not read: {error}")
            return 1
        except Exception as error:  # noqa: BLE001 - a reader that fails like this is what the run is for
            click.echo(f"{kind} {seed.name}: not read: {type(error).__name__}: {error}")
            return 1
        numbers = range(asked.first, asked.first + asked.mutations)
        broken = list(violations(seed, original, Path(place), numbers))
    for place, one in enumerate(broken):
        if place < asked.show:
            click.echo(f"  {one}")
        if asked.keep:
            asked.keep.mkdir(parents=True, exist_ok=True)
            content = mutate(seed.content, seed.starts, f"{seed.name} {one.number}", seed.kinds).content
            (asked.keep / f"{one.number}_{seed.name.replace(' ', '_')}_{seed.file}").write_bytes(content)
    counts = f"{len(broken)} of {asked.mutations} break a law, {len(original.frames)} frames"
    click.echo(f"{kind} {seed.name}: {counts}, {time.monotonic() - begin:.1f} s")
    return len(broken)


if __name__ == "__main__":
    main()
