"""What finished streets found, side by side: σ, D, transference numbers and Haven ratio, by temperature or by street.

    python examples/benchmarks/street_results.py PK [PK …] [--titles TITLE …] --table docs/tables/NAME.md

Takes the profile that is loaded. A crystal street gives a column for each temperature, a polymer street one column.
"""

import argparse
from collections.abc import Mapping
from typing import Any

from sheets import Sheet, add_table_option

import aiida_elyte as elyte
from aiida_elyte.api.headline import headline
from aiida_elyte.api.status import Status
from aiida_elyte.science.verdict import Verdict


def cell(found: Mapping[str, Any] | None) -> str:
    """Return a value with its standard error and 95 % interval, or the limit that is known of it."""
    if found is None:
        return ""
    if "refused" in found:
        bound = found.get("upper_bound")
        return f"below {figure(bound['value'])} (95 %)" if bound else "none"
    low, high = map(figure, found["ci95"])
    return f"{figure(found['value'])} ± {figure(found['std'], 2)} ({low} to {high})"


def title_of(name: str, found: Mapping[str, Any]) -> str:
    unit = (found.get("upper_bound") or found).get("unit", "1")
    return name if unit == "1" else f"{name}, {unit.replace('cm2', 'cm²')}"


def figure(value: float, digits: int = 3) -> str:
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.{digits}g}"


def columns_of(street: Status, title: str) -> dict[str, dict[str, str]]:
    """Return title of each column → row → cell."""
    shared = {"labelled frames": str(street.n_labelled)}
    trained = [one.training for one in street.rounds if one.training is not None and one.training.error is not None]
    if trained and trained[-1].error_key is not None:
        key = trained[-1].error_key
        shared[f"{key.label} on validation frames, {key.unit}"] = f"{trained[-1].error:.2g}"
    for box in street.boxes:
        density = (box.equilibrium or {"means": {}})["means"].get("density_g_cm3")
        if density is not None:
            shared[f"density of {box.name}, g/cm³"] = f"{density['value']:.3f} ± {density['std']:.3f}"
    found = {}
    for name, quantities in street.results.transport.items():
        # The verdict heads the column: it holds for every number below it.
        cells = {"verdict": Verdict.from_dict(quantities).status}
        cells |= {title_of(key, one): cell(one) for key, one in headline(quantities).items()}
        found[f"{name[1:5].lstrip('0')} K" if name else title] = cells | shared
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pks", nargs="+", metavar="PK")
    parser.add_argument("--titles", nargs="+", help="of the columns of polymer streets; their PKs by default")
    add_table_option(parser)
    given = parser.parse_args()
    elyte.setup()
    streets = [elyte.status(pk) for pk in given.pks]
    found: dict[str, dict[str, str]] = {}
    for street, title in zip(streets, given.titles or given.pks, strict=True):
        found |= columns_of(street, title)
    if not found:
        raise SystemExit("no street has a result yet")
    sheet = Sheet()
    sheet.columns("", *found)
    for key in dict.fromkeys(key for column in found.values() for key in column):
        sheet.row(key, *(column.get(key, "") for column in found.values()))
    for street in streets:
        for name, one in headline(street.results.arrhenius or {}).items():
            verdict = Verdict.from_dict(street.results.arrhenius or {})
            sheet.say(f"{title_of(name, one)}: {cell(one)} {verdict.mark}".rstrip() + ".")
    sheet.write(given.table)


if __name__ == "__main__":
    main()
