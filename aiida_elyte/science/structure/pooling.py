"""First shells of several boxes as one."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from aiida_elyte.science.transport.results import Estimate, Refusal, mean_of_systems, result_from_dict

__all__ = ["pool_shells"]

_COUNTED = ("coordination", "molecules", "stay", "memory")
_UNSEEN = Estimate(0.0, 0.0, (0.0, 0.0), "1", 1.0, "not seen")
_DISTANCES = ("first_peak_A", "first_minimum_A")


def pool_shells(boxes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the means over boxes of what was found about the ions of each.

    Parameters
    ----------
    boxes
        What the analysis of each box told: ``centre``, ``anion``, ``sites``, ``total``, ``shells``, ``pairing``.

    Returns
    -------
    dict
        The same, without notes, and ``n_boxes``. A composition of the first shell that a box has not among its most
        frequent ones counts as none there.
    """
    first = boxes[0]
    sites = {}
    for site, described in first["sites"].items():
        each = [box["sites"][site] for box in boxes]
        distances = {key: _mean([one[key] for one in each]) for key in _DISTANCES}
        sites[site] = {
            "array": described["array"],
            **distances,
            **{key: _pool([one[key] for one in each]) for key in _COUNTED},
        }
    totals = [box["total"] for box in boxes if box["total"] is not None]
    return {
        "n_boxes": len(boxes),
        "centre": first["centre"],
        "anion": first["anion"],
        "sites": sites,
        "total": _pool(totals) if totals else None,
        "shells": _pool_compositions(boxes),
        "pairing": {key: _pool([box["pairing"][key] for box in boxes]) for key in first["pairing"]}
        if first["pairing"]
        else None,
    }


def _pool(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return mean_of_systems([result_from_dict(one) for one in found]).as_dict()


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _pool_compositions(boxes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the compositions of the first shell with their shares, the most frequent first."""
    found: dict[tuple[tuple[str, int], ...], list[Estimate | Refusal]] = {}
    for box in boxes:
        for one in box["shells"]:
            found.setdefault(tuple(one["numbers"].items()), []).append(result_from_dict(one["share"]))
    pooled = []
    for numbers, shares in found.items():
        refused = next((share for share in shares if isinstance(share, Refusal)), None)
        unseen = [_UNSEEN] * (len(boxes) - len(shares))
        pooled.append({"numbers": dict(numbers), "share": (refused or mean_of_systems([*shares, *unseen])).as_dict()})
    return sorted(pooled, key=lambda one: -one["share"].get("value", 0.0))
