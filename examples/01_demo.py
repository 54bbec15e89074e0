"""Launch a street: the demo, from the structure of beta-Li3PS4 to its conductivity.

    python 01_demo.py                       # ten minutes
    python 01_demo.py 01_demo_tiny.yaml     # one minute; its numbers mean nothing

Everything is kept in the default AiiDA profile, which is made where there is none, and runs without a daemon; a second
call finds the finished run. GFN1-xTB is semi-empirical, not DFT: the numbers show the machine at work.
"""

import sys

import aiida_elyte as elyte
from aiida_elyte.api.demo import demo_options

elyte.setup()
street = elyte.launch_crystal(**demo_options(*sys.argv[1:]), run=True, progress=print)
elyte.write_report(street.pk, "report.html")
found = elyte.status(street.pk)
for name, one in ((f"{n}: {run['verdict']}", run["conductivity"]) for n, run in found.results.transport.items()):
    print(f"{name}:", one.get("refused") or f"{one['value']:.3g} ± {one['std']:.2g} mS/cm")
assert found.n_labelled >= 4
