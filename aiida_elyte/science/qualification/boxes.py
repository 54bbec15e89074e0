"""The qualification of polymer and liquid boxes: settled, whole, and of a force field that knows what it meets."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from aiida_elyte.science.molecules.bond_lengths import LONGEST
from aiida_elyte.science.qualification.finding import Finding
from aiida_elyte.science.statistics.equilibration import MOST_ERRORS
from aiida_elyte.science.verdict import Verdict, worst_of
from aiida_elyte.units import EV_KCAL_MOL

__all__ = ["judge_box", "judge_force_fields", "judge_street"]

_MOST_GROWTH = 2.0
"""Force error on clusters held out over that on clusters fitted, above which parameters do not carry over [1]."""

_MOST_BEYOND = 0.05
"""Share of sampled frames in which members may disagree by more than the error they have in common [1]."""

_STATUSES = {"equilibrium": "not settled", "bonds": "torn"}
"""Verdict where a test of a box failed; where one of the force fields did, they extrapolate."""

_NEEDED = ("equilibrium", "bonds", "held_out_error")
"""Tests without which nothing is qualified; the others need rounds of learning, which a force field given has not."""


def judge_box(equilibrium: Mapping[str, Any] | None, bonds: Mapping[str, Any] | None) -> dict[str, Any]:
    """Judge one box: whether it settled before production, and whether its molecules stayed whole in it.

    Parameters
    ----------
    equilibrium
        What ``judge_settling`` returned; ``None`` where the box was not judged.
    bonds
        What ``LongestBond.finish`` returned of its trajectory; ``None`` where nobody looked.

    Returns
    -------
    dict
        ``verdict``, ``reasons``, and ``tests``: name → finding.
    """
    return _judge({"equilibrium": _settled(equilibrium), "bonds": _whole(bonds)})


def judge_force_fields(
    errors: Mapping[str, Mapping[str, Any]],
    temperature_K: float,
    sampled_K: float | None = None,
    rounds: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Judge the members of an ensemble of force fields.

    Parameters
    ----------
    errors
        Member → ``train_rmse_kcal_mol_A`` and ``validation_rmse_kcal_mol_A``, as its fit recorded them.
    temperature_K
        Temperature of the boxes [K].
    sampled_K
        Temperature at which learning sampled [K]; ``None`` if it did not.
    rounds
        History of the learning; the last round is looked at: ``n_sampled``, ``n_refused``, ``spreads_eV_A``.

    Returns
    -------
    dict
        ``verdict``, ``reasons``, and ``tests``: name → finding.
    """
    names = ("validation_rmse_kcal_mol_A", "train_rmse_kcal_mol_A")
    pairs = [tuple(one[name] for name in names if one.get(name) is not None) for one in errors.values()]
    complete = [(float(pair[0]), float(pair[1])) for pair in pairs if len(pair) == len(names)]
    complete = complete if len(complete) == len(errors) else []
    return _judge(
        {
            "held_out_error": _held_out(complete),
            "committee_spread": _agreeing(rounds, [error for error, _ in complete]),
            "sampled_temperature": _sampled(temperature_K, sampled_K if rounds else None),
        }
    )


def judge_street(force_fields: Mapping[str, Any], boxes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Judge what all boxes give together: the gravest verdict on a box or on the force fields is that of the pool.

    Parameters
    ----------
    force_fields
        What ``judge_force_fields`` returned.
    boxes
        Name of each box in the pool → what ``judge_box`` returned of it.

    Returns
    -------
    dict
        ``verdict``, ``reasons``, and ``tests``: name → finding, those of a box after its name.
    """
    judged = [Verdict.from_dict(force_fields)]
    tests = dict(force_fields["tests"])
    for name, box in boxes.items():
        found = Verdict.from_dict(box)
        judged.append(Verdict(found.status, tuple(f"box {name}: {reason}" for reason in found.reasons)))
        tests |= {f"{name} {test}": finding for test, finding in box["tests"].items()}
    return {**worst_of(judged).as_dict(), "tests": tests}


def _judge(findings: Mapping[str, Finding]) -> dict[str, Any]:
    """Return the verdict that findings make, with the findings."""
    judged = []
    for name, finding in findings.items():
        label = name.replace("_", " ")
        if finding.passed is None and name in _NEEDED:
            judged.append(Verdict("unqualified", (f"{label} not tested: {finding.reason}",)))
        elif finding.passed is None:
            judged.append(Verdict("qualified", (f"{label} not tested: {finding.reason}",)))
        else:
            status = "qualified" if finding.passed else _STATUSES.get(name, "extrapolated")
            judged.append(Verdict(status, (f"{label}: {finding.reason}",)))
    return {**worst_of(judged).as_dict(), "tests": {name: finding.as_dict() for name, finding in findings.items()}}


def _settled(equilibrium: Mapping[str, Any] | None) -> Finding:
    """Judge by the drift of density, pressure, temperature and energy, in their standard errors."""
    drifts = [
        abs(mean["drift"]) / mean["drift_std"] for mean in (equilibrium or {"means": {}})["means"].values()
        if mean["drift_std"] > 0
    ]  # fmt: skip
    reason = "its equilibrium was not judged"
    if equilibrium is not None:
        reason = equilibrium["refused"] or f"settled after {equilibrium['begins_ps']:.4g} ps"
    return Finding(
        value=max(drifts, default=None),
        unit="standard errors of the drift",
        threshold=MOST_ERRORS,
        source="a drift of more standard errors is not chance, doi:10.1021/acs.jctc.5b00784",
        passed=None if equilibrium is None else equilibrium["refused"] is None,
        offending={},
        reason=reason,
    )


def _whole(bonds: Mapping[str, Any] | None) -> Finding:
    """Judge by the bond of production that was stretched most."""
    stretch = None if bonds is None else bonds["stretch"]
    if bonds is None:
        reason = "bonds were not followed through production"
    elif stretch is None:
        reason = "no bond that could tear"
    else:
        reason = (
            f"the longest bond of production, {bonds['bond']}, is {bonds['length_A']:.2f} Å in frame {bonds['frame']}"
        )
    torn = stretch is not None and stretch > LONGEST
    return Finding(
        value=stretch,
        unit="sums of covalent radii",
        threshold=LONGEST,
        source="thermal bonds of glymes and salts reach 1.2 at 400 K",
        passed=None if bonds is None else not torn,
        offending={bonds["frame"]: reason} if bonds is not None and torn else {},
        reason=reason,
    )


def _held_out(known: Sequence[tuple[float, float]]) -> Finding:
    """Judge by how much larger the force error is on clusters that no fit has seen; the worst member counts."""
    growth = [held_out / fitted for held_out, fitted in known if fitted > 0]
    reason = "the force fields do not say what their error is on clusters held out"
    if growth:
        held_out, fitted = (sum(errors) / len(known) for errors in zip(*known, strict=True))
        reason = f"force error {held_out:.2f} kcal/mol/Å on clusters held out, {fitted:.2f} on those fitted"
    return Finding(
        value=max(growth, default=None),
        unit="1",
        threshold=_MOST_GROWTH,
        source="clusters held out are of the same kinds: where their error is twice as large, fits do not carry over",
        passed=max(growth) <= _MOST_GROWTH if growth else None,
        offending={},
        reason=reason,
    )


def _agreeing(rounds: Sequence[Mapping[str, Any]], held_out: Sequence[float]) -> Finding:
    """Judge by the share of frames of the last round in which members disagree by more than their common error.

    Frames refused as unphysical count as such. The error of a force is √3 times that of one of its components.
    """
    value, reason = None, "no round of learning has sampled"
    spreads = [spread for spread in (rounds[-1]["spreads_eV_A"] if rounds else []) if spread is not None]
    if rounds and not (spreads and held_out):
        reason = "the last round of learning has no committee spread, or no error to compare it with"
    elif rounds:
        last, limit = rounds[-1], math.sqrt(3) * sum(held_out) / len(held_out) / EV_KCAL_MOL
        beyond = sum(spread > limit for spread in spreads) + last["n_refused"]
        value = beyond / last["n_sampled"]
        reason = (
            f"members disagree by more than {limit:.2f} eV/Å, their error on clusters held out, in {beyond} of "
            f"{last['n_sampled']} sampled frames"
        )
    return Finding(
        value=value,
        unit="share of frames",
        threshold=_MOST_BEYOND,
        source="where members disagree by less than the error they have in common, the data determine the forces",
        passed=None if value is None else value <= _MOST_BEYOND,
        offending={},
        reason=reason,
    )


def _sampled(temperature_K: float, sampled_K: float | None) -> Finding:
    """Judge by the temperature of the boxes, which learning has to have sampled."""
    reason = "no round of learning has sampled"
    if sampled_K is not None:
        reason = f"boxes at {temperature_K:g} K, learning sampled at {sampled_K:g} K"
    return Finding(
        value=temperature_K,
        unit="K",
        threshold=temperature_K if sampled_K is None else sampled_K,
        source="the temperature of sampling: hotter frames are beyond the labelled ones",
        passed=None if sampled_K is None else temperature_K <= sampled_K,
        offending={},
        reason=reason,
    )
