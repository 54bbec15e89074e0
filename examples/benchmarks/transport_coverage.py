"""How often the 95 % intervals hold the truth, and how often there is rightly no number.

Repetitions of synthetic motion with exactly known transport, each analysed from the first choice to the last without a
hand: Brownian ions; cells that breathe, as a cube or each edge for itself, or shear and flip; pairs that move as one;
electrolytes of a given Onsager matrix, one of them with a negative transference number; velocities that decay
exponentially; ions in cages that wander, long enough to tell and not, and hard ones in two cages at once; motion that
never becomes diffusive. Methods were chosen on other seeds and lengths than those of this table.

    python examples/benchmarks/transport_coverage.py --repetitions 1000
"""

import argparse
import json
import multiprocessing
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sheets import Sheet, add_table_option

from aiida_elyte.science.transport.estimates import Estimate, estimate_transport
from aiida_elyte.units import BOLTZMANN_EV_K, CM2_S, MS_CM, ONSAGER_SI

TEMPERATURE_K, VOLUME_A3 = 600.0, 1000.0
KVT = VOLUME_A3 * BOLTZMANN_EV_K * TEMPERATURE_K
NEGATIVE = [[1.0e-4, 1.5e-4], [1.5e-4, 4.0e-4]]
"""Cations dragged along by the anions: t+ = (1 - 1.5)/(1 - 3 + 4) = -0.25."""
PLAIN = [[1.0e-4, 0.4e-4], [0.4e-4, 2.0e-4]]
"""t+ = (1 - 0.4)/(1 - 0.8 + 2) = 0.27."""


COLUMNS = {
    "D": "tracer_diffusion_.+",
    "σ": "conductivity",
    "L_ab": "onsager_.+",
    "t": "transference_.+",
    "σ, Green–Kubo": "conductivity_green_kubo",
}
"""Column of the table → names of its quantities."""


class Case:
    """One kind of motion and what is true of it."""

    def __init__(
        self, kind: str, make: Callable[..., Any], arguments: tuple[Any, ...], replicas: int, truth: dict[str, float]
    ) -> None:
        self.kind, self.make, self.arguments, self.replicas, self.truth = kind, make, arguments, replicas, truth

    def estimate(self, rng: np.random.Generator) -> dict[str, Any]:
        series = [self.make(rng, *self.arguments, replica=f"r{k}") for k in range(self.replicas)]
        charges = {"Li": 1.0, "Cl": -1.0} if "Cl" in series[0].species else {"Li": 1.0}
        found = estimate_transport(series, charges, TEMPERATURE_K)
        return {
            key: (one.value, one.std, *one.ci95) if isinstance(one, Estimate) else None for key, one in found.items()
        }


def single(diffusion: float, n_ions: int, haven: float = 1.0, green_kubo: bool = False) -> dict[str, float]:
    conductivity = n_ions * diffusion / haven / KVT
    found = {
        "tracer_diffusion_Li": diffusion * CM2_S,
        "conductivity_nernst_einstein": conductivity * haven * MS_CM,
        "conductivity": conductivity * MS_CM,
        "haven_ratio": haven,
        "onsager_Li_Li": conductivity * ONSAGER_SI,
    }
    return found | ({"conductivity_green_kubo": conductivity * MS_CM} if green_kubo else {})


def salt(matrix: list[list[float]], n_pairs: int) -> dict[str, float]:
    (a, b), (_, c) = matrix
    total = a - 2 * b + c
    scale = n_pairs / KVT
    return {
        "tracer_diffusion_Li": 1.5 * a * CM2_S,
        "tracer_diffusion_Cl": 1.5 * c * CM2_S,
        "conductivity": total * scale * MS_CM,
        "onsager_Li_Li": a * scale * ONSAGER_SI,
        "onsager_Li_Cl": b * scale * ONSAGER_SI,
        "onsager_Cl_Cl": c * scale * ONSAGER_SI,
        "transference_Li": (a - b) / total,
        "transference_Cl": (c - b) / total,
    }


def cases() -> dict[str, Case]:
    """Return the cases: diffusive, not diffusive, and too short to tell."""
    from aiida_elyte.science.transport.synthetic import (
        ballistic_then_diffusive,
        breathing,
        brownian,
        caged,
        caged_then_diffusive,
        correlated_pairs,
        electrolyte,
        fractional,
    )

    # a cage of amplitude a has a plateau of 6a²; long enough: 6 D T/5 ≥ 20 plateaus
    return {
        "Brownian, 1 × 1500": Case("diffusive", brownian, (1500, 24, 1e-4, 50.0), 1, single(1e-4, 24)),
        "Brownian, 4 × 250": Case("diffusive", brownian, (250, 24, 1e-4, 50.0), 4, single(1e-4, 24)),
        "Brownian, 2 × 80": Case("diffusive", brownian, (80, 24, 1e-4, 50.0), 2, single(1e-4, 24)),
        "breathing cell, 1 × 600": Case("diffusive", breathing, (600, 24, 1e-4, 50.0), 1, single(1e-4, 24)),
        **{
            f"{name}, 2 % swing, {'un' * is_unwrapped}wrapped": Case(
                "diffusive",
                partial(breathing, swing=0.02, shape=shape, is_unwrapped=is_unwrapped),
                (1500, 24, 1e-4, 50.0),
                1,
                single(1e-4, 24),
            )
            for name, shape in (("breathing cube", "cube"), ("breathing box", "box"), ("tilting cell", "tilting"))
            for is_unwrapped in (False, True)
        },
        "pairs, 1 × 1500": Case("diffusive", correlated_pairs, (1500, 24, 1e-4, 50.0), 1, single(1e-4, 24, 0.5)),
        "salt, 2 × 600": Case("diffusive", electrolyte, (600, 20, PLAIN, 50.0), 2, salt(PLAIN, 20)),
        "salt, t+ < 0, 2 × 600": Case("diffusive", electrolyte, (600, 20, NEGATIVE, 50.0), 2, salt(NEGATIVE, 20)),
        "velocities, τ 100 fs": Case(
            "diffusive", ballistic_then_diffusive, (4000, 24, 1e-3, 100.0, 10.0), 1, single(1e-3, 24, green_kubo=True)
        ),
        "velocities, τ 60 fs, 3 ×": Case(
            "diffusive", ballistic_then_diffusive, (2000, 24, 1e-3, 60.0, 10.0), 3, single(1e-3, 24, green_kubo=True)
        ),
        "caged, τ 100 fs": Case(
            "diffusive", caged_then_diffusive, (4000, 24, 1e-3, 0.6, 100.0, 10.0), 1, single(1e-3, 24)
        ),
        "caged, τ 400 fs": Case(
            "diffusive", caged_then_diffusive, (4000, 24, 1e-3, 0.6, 400.0, 10.0), 1, single(1e-3, 24)
        ),
        "caged, τ 60 fs, 3 ×": Case(
            "diffusive", caged_then_diffusive, (5000, 24, 5e-4, 0.4, 60.0, 10.0), 3, single(5e-4, 24)
        ),
        "exponent 0.8": Case("not diffusive", fractional, (1500, 24, 0.05, 0.8, 50.0), 1, {}),
        "exponent 0.6": Case("not diffusive", fractional, (1500, 24, 0.05, 0.6, 50.0), 1, {}),
        "exponent 0.8, 3 × 500": Case("not diffusive", fractional, (500, 24, 0.05, 0.8, 50.0), 3, {}),
        "confined, 20 τ": Case("not diffusive", caged, (1000, 24, 0.5, 2500.0, 50.0), 1, {}),
        "confined, 200 τ": Case("not diffusive", caged, (1000, 24, 0.5, 250.0, 50.0), 1, {}),
        "exponent 0.9": Case("undecidable", fractional, (1500, 24, 0.05, 0.9, 50.0), 1, {}),
        "confined, 5 τ": Case("undecidable", caged, (1000, 24, 0.5, 10000.0, 50.0), 1, {}),
        "two cages, τ 60 and 600 fs": Case(
            "hard", caged_then_diffusive, (4000, 24, 1.2e-3, (0.4, 0.4), (60.0, 600.0), 10.0), 1, single(1.2e-3, 24)
        ),
        "caged, 6DT = 20 plateaus": Case(
            "undecidable", caged_then_diffusive, (4000, 24, 1.8e-4, 0.6, 100.0, 10.0), 1, single(1.8e-4, 24)
        ),
    }


def repeat(task: tuple[str, int, int]) -> list[dict[str, Any]]:
    """Run some repetitions of a case, each with its own stream of random numbers."""
    name, seed, count = task
    case = cases()[name]
    streams = np.random.SeedSequence([seed, sum(map(ord, name))]).spawn(count)
    return [case.estimate(np.random.default_rng(stream)) for stream in streams]


def summarise(case: Case, found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return coverage, bias and refusals of each quantity."""
    rows = {}
    for key in case.truth or {"conductivity": 0.0}:
        values = np.array([one[key] for one in found if one.get(key) is not None]).reshape(-1, 4)
        row: dict[str, Any] = {"refused": 1 - len(values) / len(found)}
        if case.truth and len(values) > 1:
            truth = case.truth[key]
            value, std, lower, upper = values.T
            row |= {
                "coverage": float(np.mean((lower <= truth) & (truth <= upper))),
                "bias": float(value.mean() - truth) / (1.0 if key.startswith("transference") else truth),
                "bias_error": float(
                    value.std(ddof=1) / np.sqrt(len(value)) / (1.0 if key.startswith("transference") else truth)
                ),
                "scatter": float(value.std(ddof=1) / abs(truth)),
                "claimed": float(np.median(std) / abs(truth)),
            }
        rows[key] = row
    return rows


def condense(rows: dict[str, Any], pattern: str) -> str:
    """Return coverage and bias [%] of the quantities of a pattern: extremes of the one, the largest of the other."""
    chosen = [row for key, row in rows.items() if re.fullmatch(pattern, key) and "coverage" in row]
    if not chosen:
        return ""
    extremes = dict.fromkeys(f"{100 * each:.1f}" for each in sorted(row["coverage"] for row in chosen))
    worst = max(chosen, key=lambda row: abs(row["bias"]))
    bounds = list(extremes)
    coverage = bounds[0] if len(bounds) == 1 else f"{bounds[0]}–{bounds[-1]}"
    return f"{coverage}, {100 * worst['bias']:+.1f} ± {100 * worst['bias_error']:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--only", help="cases whose name holds this")
    parser.add_argument("--json", type=Path, help="file for all quantities, with scatter and claimed error")
    add_table_option(parser)
    given = parser.parse_args()
    chosen = {name: case for name, case in cases().items() if given.only is None or given.only in name}
    results = {}
    sheet = Sheet()
    columns = {
        title: pattern
        for title, pattern in COLUMNS.items()
        if any(re.fullmatch(pattern, key) for case in chosen.values() for key in case.truth)
    }
    sheet.columns("motion", *columns, "refused")
    with multiprocessing.Pool(given.processes) as pool:
        for name, case in chosen.items():
            size = -(-given.repetitions // (4 * (given.processes or 1)))
            counts = [size] * (given.repetitions // size) + [given.repetitions % size] * bool(given.repetitions % size)
            tasks = [(name, given.seed + 1000 * index, count) for index, count in enumerate(counts)]
            found = [one for part in pool.imap(repeat, tasks) for one in part]
            results[name] = {"kind": case.kind, "quantities": summarise(case, found)}
            title = name if case.kind == "diffusive" else f"{name} ({case.kind})"
            rows = results[name]["quantities"]
            refused = f"{100 * rows['conductivity']['refused']:.1f} %"
            sheet.row(title, *(condense(rows, pattern) for pattern in columns.values()), refused)
    sheet.write(given.table)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
