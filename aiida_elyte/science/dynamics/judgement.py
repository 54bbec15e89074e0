"""The verdict on one run of dynamics at one temperature."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

from aiida_elyte.science.contact import CONTACT_CUTOFF_A
from aiida_elyte.science.settings import Positive, Settings, Share
from aiida_elyte.science.verdict import Verdict, worst_of

__all__ = ["RunLimits", "judge_run"]

_STATUS_OF_STOP = {
    "EXPLODED": "exploded",
    "COLLIDED": "collided",
    "MOLTEN": "molten",
    "UNCERTAIN": "extrapolated",
}
"""Kind of a stop → what a run is that ended so."""


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


class _Fault(NamedTuple):
    """What a replica did that no run may."""

    status: str
    """What that makes of the run."""
    replica: str
    """Its name."""
    what: str
    """What it did, after its name."""


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
    limits = limits or RunLimits()
    found = [
        *_stops(results),
        *_temperatures(results, temperature_K, limits),
        *_contacts(results, known_shortest_A, limits),
        *_framework(results, limits),
        *_spreads(results, tolerance_eV_A, limits),
    ]
    n_replicas = len(results["n_steps_done"])
    if not found:
        return Verdict("qualified", tuple(_rests_on(results, n_replicas, known_shortest_A, tolerance_eV_A)))
    verdict = worst_of([Verdict(fault.status, (f"replica {fault.replica} {fault.what}",)) for fault in found])
    n_broken = len({fault.replica for fault in found})
    if n_broken == n_replicas:
        return verdict
    count = f"{n_broken} of {n_replicas} replicas {'is' if n_broken == 1 else 'are'} affected"
    return Verdict(verdict.status, (*verdict.reasons, f"{count}; the others are a biased sample"))


def _stops(results: Mapping[str, Any]) -> Iterator[_Fault]:
    """Return what each replica that was given up met."""
    for label, stop in sorted(results["stops"].items()):
        step = stop["step"]
        when = f"at step {step}" if step >= 0 else f"before production, at step {step}"
        if step >= 0 and "timestep_fs" in results:
            when = f"after {1e-3 * step * results['timestep_fs']:.4g} ps, {when}"
        yield _Fault(_STATUS_OF_STOP[stop["kind"]], label, f"stopped {when}: {stop['message']}")


def _temperatures(results: Mapping[str, Any], target_K: float, limits: RunLimits) -> Iterator[_Fault]:
    """Return the replicas whose temperature ran away."""
    has_thermostat = (results.get("thermostat") or {}).get("ensemble") != "nve"
    for label, extremes in results.get("temperature_extremes_K", {}).items():
        deviation = target_K * sqrt(2.0 / (3.0 * results["n_atoms"][label]))
        limit = target_K + limits.max_excursion * deviation
        if extremes["max"] > limit:
            yield _Fault("exploded", label, f"reached {extremes['max']:.0f} K; the limit is {limit:.0f} K")
        mean = results["temperature_K"].get(label)
        if mean is None or not has_thermostat:
            continue
        error = abs(mean["mean"] - target_K)
        if error > limits.max_temperature_error * target_K + 5.0 * mean.get("std_err", deviation):
            said = f"has a mean temperature of {mean['mean']:.0f} K where {target_K:g} K are set"
            yield _Fault("exploded", label, said)


def _contacts(results: Mapping[str, Any], known_A: Mapping[str, float] | None, limits: RunLimits) -> Iterator[_Fault]:
    """Return the pairs of elements that came too near in each replica."""
    if known_A is None:
        return
    for label, pairs in results.get("shortest_A", {}).items():
        for pair, found in pairs.items():
            known = known_A.get(pair, CONTACT_CUTOFF_A)
            if found["distance"] < limits.min_distance_ratio * known:
                said = f"brought {pair} to {found['distance']:.2f} Å at step {found['step']}"
                yield _Fault("collided", label, f"{said}; the shortest distance labelled is {known:.2f} Å")


def _framework(results: Mapping[str, Any], limits: RunLimits) -> Iterator[_Fault]:
    """Return the replicas whose framework left its sites."""
    for label, ratio in results.get("lindemann", {}).items():
        if ratio["max"] > limits.max_lindemann and results["stops"].get(label, {}).get("kind") != "MOLTEN":
            names, said = "-".join(results["framework"]), f"Lindemann ratio {ratio['max']:.2f} at step {ratio['step']}"
            yield _Fault("molten", label, f"lost its {names} framework: {said}; the limit is {limits.max_lindemann:g}")


def _spreads(results: Mapping[str, Any], tolerance: float | None, limits: RunLimits) -> Iterator[_Fault]:
    """Return the replicas in which the members disagreed for too long."""
    if tolerance is None:
        return
    for label, history in results.get("history", {}).items():
        spreads = history["spread"]["spread_max_eV_A"]
        share = sum(spread > tolerance for spread in spreads) / max(len(spreads), 1)
        if share > limits.max_spread_share:
            said = f"spent {share:.0%} of its looks beyond a spread of {tolerance:.3g} eV/Å"
            yield _Fault("extrapolated", label, f"{said}; the limit is {limits.max_spread_share:.0%}")


def _rests_on(
    results: Mapping[str, Any], n_replicas: int, known_A: Mapping[str, float] | None, tolerance: float | None
) -> Iterator[str]:
    """Return what a qualified run rests on, and what could not be judged."""
    yield f"all {n_replicas} replicas ran whole"
    if "shortest_A" not in results:
        yield "judged by its stops alone: it holds no record of contacts and framework"
        return
    if ratios := [one["max"] for one in results["lindemann"].values()]:
        yield f"the {'-'.join(results['framework'])} framework stands: Lindemann ratio {max(ratios):.2f} at most"
    else:
        yield "no framework was named; whether it stands was not judged"
    pairs = [one for each in results["shortest_A"].values() for one in each.items()]
    if known_A is None or not pairs:
        yield "no labelled frames to compare distances with"
    else:
        least = min(found["distance"] / known_A.get(pair, CONTACT_CUTOFF_A) for pair, found in pairs)
        yield f"distances are {least:.2f} of the shortest labelled or more"
    if tolerance is None:
        yield "no calibrated tolerance to compare the committee's spread with"
