"""Results of production: quantities at each temperature and their Arrhenius law, as far as they may be stated."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from aiida_elyte.science.dynamics.extension import decide_length, read_length
from aiida_elyte.science.dynamics.judgement import judge_run
from aiida_elyte.science.statistics.estimate import Estimate, Refusal, result_from_dict
from aiida_elyte.science.trajectory.reduction import Series
from aiida_elyte.science.transport.arrhenius import MIN_TEMPERATURES, fit_arrhenius
from aiida_elyte.science.transport.estimates import estimate_transport
from aiida_elyte.science.verdict import Verdict, worst_of

__all__ = ["STATED", "analyse_production", "fit_production", "judge_potentials", "state_quantities", "withhold"]

STATED = ("qualified", "not converged")
"""Verdicts that let a number be stated: one that is not converged has an honest interval, only a wide one."""

_NOT_TESTED = (
    "the potentials were not qualified; test them with `aiida-elyte qualify`, or allow unqualified results, which are "
    "marked as such"
)


def judge_potentials(qualification: Mapping[str, Any] | None, temperature_K: float) -> Verdict:
    """Judge whether potentials may give a number at a temperature.

    Parameters
    ----------
    qualification
        ``verdict`` and ``reasons`` of their qualification, and its ``conditions`` with the ``temperature_K`` at which
        they were tested [K]; ``None`` if they never were.
    temperature_K
        Temperature of production [K].
    """
    if qualification is None:
        return Verdict("unqualified", (_NOT_TESTED,))
    found = Verdict.from_dict(qualification)
    tested_K = qualification.get("conditions", {}).get("temperature_K")
    if tested_K is None or temperature_K <= tested_K:
        return found
    reason = (
        f"{temperature_K:g} K is above {tested_K:g} K, where the potentials were tested; qualify them at "
        f"{temperature_K:g} K or more"
    )
    return worst_of([found, Verdict("extrapolated", (reason,))])


def withhold(
    quantities: Mapping[str, Estimate | Refusal], verdict: Verdict, *, allow_unqualified: bool
) -> dict[str, Estimate | Refusal]:
    """Return quantities as a verdict lets them be stated: else refusals that begin with it, without any bound."""
    if verdict.status in STATED or allow_unqualified:
        return dict(quantities)
    return dict.fromkeys(quantities, Refusal(f"{verdict.status}: {'; '.join(verdict.reasons)}"))


def state_quantities(
    quantities: Mapping[str, Estimate | Refusal], qualification: Mapping[str, Any] | None, *, allow_unqualified: bool
) -> dict[str, Any]:
    """Return quantities as plain values, as the verdict of a qualification lets them be stated, and that verdict.

    Without a qualification, of a system that nothing was tested of, they are as they were and have no verdict.
    """
    if qualification is None:
        return {name: one.as_dict() for name, one in quantities.items()}
    verdict = Verdict.from_dict(qualification)
    stated = withhold(quantities, verdict, allow_unqualified=allow_unqualified)
    return {name: one.as_dict() for name, one in stated.items()} | verdict.as_dict()


def analyse_production(
    series: Sequence[Series],
    results: Mapping[str, Any],
    qualification: Mapping[str, Any] | None,
    *,
    charges: Mapping[str, float],
    temperature_K: float,
    allow_unqualified: bool = False,
    length: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Analyse and judge the replicas of one temperature.

    Replicas that were given up are a biased sample: those whose ions moved most collided or melted first, and what is
    left of them ends where it became interesting. So a temperature with any such replica states no number; if
    unqualified results are allowed, that of the replicas that ran whole, and how many were left out.

    Parameters
    ----------
    series
        All replicas.
    results
        What the program reports of them.
    qualification
        As of ``judge_potentials``; if known ``known_shortest_A`` and ``tolerance_eV_A`` as of ``judge_run``, and
        ``calibration_factor`` as of ``estimate_transport``.
    charges
        Charge of each mobile species [e].
    temperature_K
        Temperature [K].
    allow_unqualified
        Whether numbers are stated whatever the verdict, which goes with them.
    length
        Target and budget of the runs, as of ``LengthSettings``; none if not given.

    Returns
    -------
    dict
        Quantities by name as plain values, ``verdict`` and ``reasons``; ``conditions``, with the steps that were run,
        ``next_n_steps`` to which they go on, and the reason of that ``decision``.

    Raises
    ------
    InputError
        If the series cannot be analysed.
    """
    tested = qualification or {}
    limits = tested.get("known_shortest_A"), tested.get("tolerance_eV_A")
    verdict = worst_of([judge_run(results, temperature_K, *limits), judge_potentials(qualification, temperature_K)])
    quantities: Mapping[str, Estimate | Refusal] = dict.fromkeys(
        _names(charges), Refusal("no replica ran to its end; look at why they stopped")
    )
    whole = [one for one in series if one.replica not in results["stops"]]
    is_sound = verdict.is_qualified
    if whole and (is_sound or allow_unqualified):
        factor = tested.get("calibration_factor")
        quantities = estimate_transport(whole, charges, temperature_K, calibration_factor=factor)
        if len(whole) < len(series):
            note = f"the numbers are those of {len(whole)} of {len(series)} replicas, which ran whole: a biased sample"
            verdict = Verdict(verdict.status, (*verdict.reasons, note))
    n_steps = max(results["n_steps_done"].values())
    conditions: dict[str, Any] = {"n_steps": n_steps, "next_n_steps": None}
    if is_sound:
        decision = decide_length(n_steps, quantities["conductivity"], read_length(length or {}))
        conditions |= {"next_n_steps": decision.n_steps, "decision": decision.reason}
        if not decision.is_converged:
            verdict = Verdict("not converged", (decision.reason,))
    else:
        conditions["decision"] = f"runs whose verdict is {verdict.status} do not go on"
    stated = withhold(quantities, verdict, allow_unqualified=allow_unqualified)
    found = {name: one.as_dict() for name, one in stated.items()}
    return found | verdict.as_dict() | {"conditions": conditions}


def fit_production(
    results: Sequence[Mapping[str, Any]], *, allow_unqualified: bool = False, target_K: float = 300.0
) -> dict[str, Any]:
    """Fit Arrhenius' law to the conductivities of those temperatures whose verdict lets them be stated.

    Parameters
    ----------
    results
        Result of each temperature: quantities, ``conditions`` with its ``temperature_K`` [K], ``verdict``, ``reasons``.
    allow_unqualified
        Whether all temperatures enter; the gravest of their verdicts is then that of the law.
    target_K
        Temperature to extrapolate to [K].

    Returns
    -------
    dict
        Quantities of ``fit_arrhenius`` as plain values, ``verdict`` and ``reasons``.
    """
    points = sorted(
        ((float(one["conditions"]["temperature_K"]), Verdict.from_dict(one), one) for one in results),
        key=lambda point: point[0],
    )
    used = [point for point in points if allow_unqualified or point[1].status in STATED]
    fit = fit_arrhenius(
        [kelvin for kelvin, _, _ in used],
        [result_from_dict(one["conductivity"]) for _, _, one in used],
        target_K=target_K,
    )
    verdicts = [_at(kelvin, verdict) for kelvin, verdict, _ in used]
    if len(used) == len(points):
        verdict = worst_of(verdicts)
    else:
        left_out = [(kelvin, verdict) for kelvin, verdict, _ in points if verdict.status not in STATED]
        named = ", ".join(f"{kelvin:g} K is {verdict.status}" for kelvin, verdict in left_out)
        count = f"{len(used)} of {len(points)} temperatures {'is' if len(used) == 1 else 'are'} usable ({named})"
        if any(isinstance(one, Estimate) for one in fit.values()):
            found = worst_of(verdicts)
            verdict = Verdict(found.status, (f"{count}; the others are left out", *found.reasons))
        else:
            status = worst_of([verdict for _, verdict in left_out]).status
            verdict = Verdict(status, (f"{count}; expected at least {MIN_TEMPERATURES}",))
            fit = withhold(fit, verdict, allow_unqualified=False)
    return {name: one.as_dict() for name, one in fit.items()} | verdict.as_dict()


def _at(temperature_K: float, verdict: Verdict) -> Verdict:
    """Return a verdict whose reasons name the temperature."""
    return Verdict(verdict.status, tuple(f"{temperature_K:g} K: {reason}" for reason in verdict.reasons))


def _names(mobile: Collection[str]) -> list[str]:
    """Return the quantities that every analysis has."""
    diffusion = [f"tracer_diffusion_{name}" for name in mobile]
    return [*diffusion, "conductivity_nernst_einstein", "conductivity", "haven_ratio"]
