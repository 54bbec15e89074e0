"""The verdict on one run of dynamics at one temperature."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

from aiida_elyte.science.dynamics.observations import CONTACT_CUTOFF_A
from aiida_elyte.science.settings import Positive, Settings, Share
from aiida_elyte.science.verdict import Verdict

__all__ = ["RunLimits", "judge_run"]

_ORDER = ("exploded", "collided", "molten", "extrapolated")
"""Statuses that a run may earn; of several the first counts."""
_STATUS_OF_STOP = {
    "EXPLODED": "exploded",
    "COLLIDED": "collided",
    "MOLTEN": "molten",
    "UNCERTAIN": "extrapolated",
}


@dataclass(frozen=True)
class RunLimits(Settings):
    """What a run may do and still count."""

    max_lindemann: Positive = 0.3
    """Largest Lindemann ratio of the framework [1]. Crystals without surface melt at 0.22 (Jin, Gumbsch, Lu, Ma, Phys.
    Rev. Lett. 87, 055703 (2001), doi:10.1103/PhysRevLett.87.055703), from mean sites; the start of a run may itself be
    a thermal frame, which adds a factor of √2."""
    min_distance_ratio: Positive = 0.8
    """Smallest distance of a pair of elements over the shortest in thermal labelled frames [1]. A hundred frames drawn
    from 1790 of PBE dynamics of Li10GeP2S12 miss the shortest distance of the rest by 16 % at most, so that a longer
    run of a sound potential stays above; atoms that collapse go far below."""
    max_temperature_error: Share = 0.1
    """Largest error of the mean temperature of a thermostatted run, beyond five standard errors [1]. Langevin
    dynamics takes 3γk ΔT from an atom, so that 10 % at a friction γ of 1/ps stand for a leak of 0.3 kT/atom/ps."""
    max_excursion: Positive = 8.0
    """Largest temperature, in standard deviations √(2/3N) T of the canonical ensemble above the target [1]: at eight,
    fewer than one in 10⁷ looks of the smallest cells."""
    max_spread_share: Share = 0.1
    """Largest share of looks at which the committee's spread is beyond the tolerance [1]: with a tolerance at the 99th
    percentile of what was calibrated, ten times what is expected."""


def judge_run(
    results: Mapping[str, Any],
    temperature_K: float,
    known_shortest_A: Mapping[str, float] | None = None,
    tolerance_eV_A: float | None = None,
    limits: RunLimits | None = None,
) -> Verdict:
    """Judge one run of replicas at one temperature by what the program recorded.

    One replica that breaks condemns the run: those that last are a biased sample.

    Parameters
    ----------
    results
        Results of the program that ran it, of one that ended early too.
    temperature_K
        Temperature of the run [K].
    known_shortest_A
        Shortest distance of each pair of elements in the labelled frames, as of ``known_shortest`` [Å]; a pair that is
        not in it counts as if its distance were 4 Å. ``None``: distances are not judged.
    tolerance_eV_A
        Spread of the worst atom that is still known territory [eV/Å]; ``None``: it is not judged.
    limits
        What a run may do.
    """
    if "shortest_A" not in results or "n_atoms" not in results:
        return Verdict("unqualified", ("the run holds no record of contacts and framework to judge it by",))
    limits = limits or RunLimits()
    found = [
        *_stops(results),
        *_temperatures(results, temperature_K, limits),
        *_contacts(results, known_shortest_A, limits),
        *_framework(results, limits),
        *_spreads(results, tolerance_eV_A, limits),
    ]
    for status in _ORDER:
        if any(status == one for one, _ in found):
            broken = {reason.split()[0] for _, reason in found}
            reasons = [reason for one, reason in found if one == status] + [why for one, why in found if one != status]
            return Verdict(status, (*reasons, _count(len(broken), len(results["n_atoms"]))))
    return Verdict("qualified", tuple(_rests_on(results, known_shortest_A, tolerance_eV_A)))


def _count(n_broken: int, n_replicas: int) -> str:
    """Return how many replicas are affected, and what that makes of the others."""
    count = f"{n_broken} of {n_replicas} replicas {'is' if n_replicas == 1 else 'are'} affected"
    return count if n_broken == n_replicas else f"{count}; the others are a biased sample"


def _stops(results: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return what each replica that was given up met."""
    for label, stop in results.get("stops", {}).items():
        yield _STATUS_OF_STOP[stop["kind"]], f"{label} stopped at step {stop['step']}: {stop['message']}"


def _temperatures(results: Mapping[str, Any], target_K: float, limits: RunLimits) -> Iterator[tuple[str, str]]:
    """Return the replicas whose temperature ran away."""
    has_thermostat = (results.get("thermostat") or {}).get("ensemble") != "nve"
    for label, extremes in results["temperature_extremes_K"].items():
        deviation = target_K * sqrt(2.0 / (3.0 * results["n_atoms"][label]))
        limit = target_K + limits.max_excursion * deviation
        if extremes["max"] > limit:
            yield "exploded", f"{label} reached {extremes['max']:.0f} K; the limit is {limit:.0f} K"
        mean = results["temperature_K"].get(label)
        if mean is None or not has_thermostat:
            continue
        error = abs(mean["mean"] - target_K)
        if error > limits.max_temperature_error * target_K + 5.0 * mean.get("std_err", deviation):
            yield "exploded", f"{label} has a mean temperature of {mean['mean']:.0f} K where {target_K:g} K are set"


def _contacts(
    results: Mapping[str, Any], known_A: Mapping[str, float] | None, limits: RunLimits
) -> Iterator[tuple[str, str]]:
    """Return the pairs of elements that came too near in each replica."""
    if known_A is None:
        return
    for label, pairs in results["shortest_A"].items():
        for pair, found in pairs.items():
            known = known_A.get(pair, CONTACT_CUTOFF_A)
            if found["distance"] < limits.min_distance_ratio * known:
                where = f"{found['distance']:.2f} Å at step {found['step']}"
                yield "collided", f"{label} brought {pair} to {where}; the shortest distance labelled is {known:.2f} Å"


def _framework(results: Mapping[str, Any], limits: RunLimits) -> Iterator[tuple[str, str]]:
    """Return the replicas whose framework left its sites."""
    for label, ratio in results["lindemann"].items():
        if ratio["max"] > limits.max_lindemann and results.get("stops", {}).get(label, {}).get("kind") != "MOLTEN":
            names, said = "-".join(results["framework"]), f"Lindemann ratio {ratio['max']:.2f} at step {ratio['step']}"
            yield "molten", f"{label} has lost its {names} framework: {said}; the limit is {limits.max_lindemann:g}"


def _spreads(results: Mapping[str, Any], tolerance: float | None, limits: RunLimits) -> Iterator[tuple[str, str]]:
    """Return the replicas in which the members disagreed for too long."""
    if tolerance is None:
        return
    for label, history in results["history"].items():
        spreads = history["spread"]["spread_max_eV_A"]
        share = sum(spread > tolerance for spread in spreads) / max(len(spreads), 1)
        if share > limits.max_spread_share:
            said = f"{label} spent {share:.0%} of its looks beyond a spread of {tolerance:.3g} eV/Å"
            yield "extrapolated", f"{said}; the limit is {limits.max_spread_share:.0%}"


def _rests_on(
    results: Mapping[str, Any], known_A: Mapping[str, float] | None, tolerance: float | None
) -> Iterator[str]:
    """Return what a qualified run rests on, and what could not be judged."""
    yield f"all {len(results['n_atoms'])} replicas ran to their end"
    ratios = [one["max"] for one in results["lindemann"].values()]
    yield (
        f"the {'-'.join(results['framework'])} framework stands: Lindemann ratio {max(ratios):.2f} at most"
        if ratios
        else "no framework was named; whether it stands was not judged"
    )
    pairs = [one for each in results["shortest_A"].values() for one in each.items()]
    if known_A is None or not pairs:
        yield "no labelled frames to compare distances with"
    else:
        least = min(found["distance"] / known_A.get(pair, CONTACT_CUTOFF_A) for pair, found in pairs)
        yield f"distances are {least:.2f} of the shortest labelled or more"
    if tolerance is None:
        yield "no calibrated tolerance to compare the committee's spread with"
