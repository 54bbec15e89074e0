"""LiPF6 in dimethoxyethane: the polymer street on a small liquid, from its recipe to its conductivity.

    python 03_dme_lipf6.py recipes/dme_lipf6.yaml 03_dme_lipf6.yaml                # half an hour
    python 03_dme_lipf6.py recipes/dme_lipf6_tiny.yaml 03_dme_lipf6_tiny.yaml      # minutes; its numbers mean nothing

Clusters are labelled by GFN2-xTB, a class-2 force field is fitted to them and improved where its members disagree, and
LAMMPS runs a box. Everything is kept in the default AiiDA profile (one is made where there is none) and runs without a
daemon; a second call finds the finished run. GFN2-xTB is semi-empirical, not DFT, and one box of 0.2 ns is short: the
numbers show the machine at work.
"""

import sys

import aiida_elyte as elyte
from aiida_elyte.api.headline import headline

recipe, changes = sys.argv[1:]
elyte.setup()
found = elyte.status(elyte.launch_polymer(recipe, protocol="fast", overrides=changes, run=True).pk)
print(f"labelled clusters: {found.n_labelled}; verdict: {found.results.transport['']['verdict']}")
for name, one in headline(found.results.transport[""]).items():
    print(f"{name}:", one.get("refused") or f"{one['value']:.3g} ± {one['std']:.2g} {one['unit']}")
assert found.n_labelled >= 12
