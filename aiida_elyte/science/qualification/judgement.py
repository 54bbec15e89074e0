"""The verdict on a potential, of what all tests found."""

from collections.abc import Collection, Mapping
from typing import Any

from aiida_elyte.science.verdict import Verdict

__all__ = ["judge_potential"]


def judge_potential(findings: Mapping[str, Mapping[str, Any]], mandatory: Collection[str] = ()) -> Verdict:
    """Judge a potential, or the members of an ensemble together.

    It is qualified if every test that could be judged passed, and every mandatory one could. What could not be judged
    is no pass: the reasons name it.

    Parameters
    ----------
    findings
        Finding of each test by its name, as of ``judge``.
    mandatory
        Tests without which there is no qualification.
    """
    passed = [name for name, one in findings.items() if one["passed"] is True]
    failed = [f"{name}: {_describe(one)}" for name, one in findings.items() if one["passed"] is False]
    unjudged = [name for name, one in findings.items() if one["passed"] is None]
    why = {name: findings[name].get("failed") or findings[name].get("reason", "") for name in unjudged}
    lacking = [f"{name} could not be judged: {why[name]}" for name in unjudged if name in mandatory]
    unknown = [f"not judged: {name} ({why[name]})" for name in unjudged if name not in mandatory]
    if not findings:
        return Verdict("unqualified", ("no test was run",))
    if failed or lacking or not passed:
        return Verdict("unqualified", (*failed, *lacking, *unknown))
    count = f"{len(passed)} of {len(findings)} tests passed: {', '.join(passed)}"
    return Verdict("qualified", (count, *unknown))


def _describe(finding: Mapping[str, Any]) -> str:
    """Return what a failed test found, beside its limit."""
    said = finding.get("reason") or next(iter(finding["offending"].values()), "beyond its limit")
    if finding["value"] is None:
        return str(said)
    unit = "" if finding["unit"] == "1" else f" {finding['unit']}"
    return f"{said} (value {finding['value']:.3g}{unit}, threshold {finding['threshold']:g}{unit})"
