"""First shells of several boxes as one."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from scipy import stats

from aiida_elyte.science.statistics.estimate import Estimate, Refusal, mean_of_systems, result_from_dict
from aiida_elyte.science.structure.pairing import within_one

__all__ = ["pool_shells"]

_COUNTED = ("coordination", "molecules", "stay", "memory")
_UNSEEN = Estimate(0.0, 0.0, (0.0, 0.0), "1", 1.0, "not seen")
_DISTANCES = ("first_peak_A", "first_minimum_A")


def pool_shells(boxes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the means over boxes of what was found about the ions of each.

    Parameters
    ----------
    boxes
        What the analysis of each box reported: ``centre``, ``anion``, ``sites``, ``total``, ``shells``, ``pairing``.

    Returns
    -------
    dict
        The same, without notes, and ``n_boxes``. Compositions of the first shell tell the sites that every box has
        found; one that a box has not among its most frequent ones counts as none there. The total is of the boxes that
        have found the first minimum of every site.
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
    found = {name for box in boxes for name in _found_sites(box)}
    totals = [box["total"] for box in boxes if box["total"] is not None and _found_sites(box) == found]
    return {
        "n_boxes": len(boxes),
        "centre": first["centre"],
        "anion": first["anion"],
        "sites": sites,
        "total": _pool(totals) if totals else None,
        "shells": _pool_compositions(boxes),
        "pairing": {
            key: _pool_shares([result_from_dict(box["pairing"][key]) for box in boxes]) for key in first["pairing"]
        }
        if first["pairing"]
        else None,
    }


def _found_sites(box: Mapping[str, Any]) -> set[str]:
    """Return the sites whose first shell a box has found: those its total counts."""
    return {name for name, site in box["sites"].items() if site["first_minimum_A"] is not None}


def _pool(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return mean_of_systems([result_from_dict(one) for one in found]).as_dict()


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _pool_shares(found: Sequence[Estimate | Refusal]) -> dict[str, Any]:
    return within_one(mean_of_systems(found)).as_dict()


def _pool_compositions(boxes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the compositions of the first shell with their shares, the most frequent first.

    They tell the sites whose shells every box has found; a box that has found none is left out.
    """
    told = [box["shells"] for box in boxes if box["shells"]]
    sites = [site for site in told[0][0]["numbers"] if all(site in one[0]["numbers"] for one in told)] if told else []
    if not sites:
        return []
    found: dict[tuple[int, ...], list[Estimate | Refusal]] = {}
    for shells in told:
        own: dict[tuple[int, ...], list[Estimate | Refusal]] = {}
        for one in shells:
            key = tuple(one["numbers"][site] for site in sites)
            own.setdefault(key, []).append(result_from_dict(one["share"]))
        for key, shares in own.items():
            found.setdefault(key, []).append(_sum(shares))
    pooled = []
    for numbers, shares in found.items():
        refused = next((share for share in shares if isinstance(share, Refusal)), None)
        unseen = [_UNSEEN] * (len(told) - len(shares))
        share = refused.as_dict() if refused else _pool_shares([*shares, *unseen])
        pooled.append({"numbers": dict(zip(sites, numbers, strict=True)), "share": share})
    return sorted(pooled, key=lambda one: -one["share"].get("value", 0.0))


def _sum(shares: Sequence[Estimate | Refusal]) -> Estimate | Refusal:
    """Return the share of compositions that differ only in sites that not every box has found."""
    known = [share for share in shares if isinstance(share, Estimate)]
    if len(shares) == 1 or len(known) < len(shares):
        return next((share for share in shares if isinstance(share, Refusal)), shares[0])
    value = math.fsum(share.value for share in known)
    std = math.hypot(*(share.std for share in known))  # at most: where one is more frequent, another is less
    n_effective = min(share.n_effective for share in known)
    half = float(stats.t.ppf(0.975, max(1.0, n_effective - 1))) * std
    return Estimate(value, std, (value - half, value + half), "1", n_effective, known[0].method)
