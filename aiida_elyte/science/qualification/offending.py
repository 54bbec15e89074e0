"""The frames that a qualification keeps for learning."""

from collections.abc import Mapping, Sequence
from typing import Any

from ase import Atoms

from aiida_elyte.science.qualification.thinning import spaced

__all__ = ["collect_offending", "frames_of_runs"]

_MOST = 20
"""Frames of one test that are kept, at equal steps through the runs: more of the same would teach nothing more."""


def frames_of_runs(frames: Mapping[str, Sequence[Atoms]]) -> list[Atoms]:
    """Return the sampled frames of several runs, each with the name of its ``run`` in ``info``.

    Parameters
    ----------
    frames
        Frames of each run by its name; they are left as they are.
    """
    found = []
    for run, sampled in sorted(frames.items()):
        for frame in sampled:
            named = frame.copy()
            named.info["run"] = run
            found.append(named)
    return found


def collect_offending(sampled: Sequence[Atoms], findings: Mapping[str, Mapping[str, Any]]) -> list[Atoms]:
    """Return the frames that failed a test, each with the names of the tests as ``failed_test`` in ``info``.

    Parameters
    ----------
    sampled
        Sampled frames; they are left as they are.
    findings
        Finding of each test by its name, as of ``judge``.
    """
    failed: dict[int, list[str]] = {}
    for name, finding in sorted(findings.items()):
        if finding["passed"] is False:
            indices = sorted(int(index) for index in finding["offending"])
            for place in spaced(len(indices), _MOST):
                failed.setdefault(indices[place], []).append(name)
    kept = []
    for index, names in sorted(failed.items()):
        frame = sampled[index].copy()
        frame.info["failed_test"] = ", ".join(names)
        kept.append(frame)
    return kept
