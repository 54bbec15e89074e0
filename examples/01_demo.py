"""The demo as a script: from the structure of beta-Li3PS4 to its conductivity.

    python 01_demo.py [--tiny]

Everything is kept in the default AiiDA profile, which is made where there is none, and runs without a daemon; a second
call finds the finished run. GFN1-xTB is semi-empirical, not DFT: the numbers show the machine at work.
"""

import sys
from pathlib import Path

import aiida_elyte as elyte
from aiida_elyte.api.demo import demo_options

tiny = Path(__file__).with_name("01_demo_tiny.yaml") if "--tiny" in sys.argv else None

elyte.setup()
street = elyte.launch_crystal(**demo_options(tiny), run=True, progress=print)
elyte.write_report(street.pk, "report.html")
found = elyte.status(street.pk)
for name, run in found.results.transport.items():
    sigma = run["conductivity"]
    print(f"{name}:", sigma.get("refused") or f"{sigma['value']:.3g} mS/cm, 95 % within {sigma['ci95']}")
print(f"labelled frames: {found.n_labelled}")
assert found.n_labelled >= (4 if tiny else 24)
