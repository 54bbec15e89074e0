"""What production is held to, of what the qualification saw."""

from typing import Any

import numpy as np

from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.known import known_shortest

__all__ = ["production_limits"]

_PERCENTILE = 99.0


def production_limits(evidence: Evidence) -> dict[str, Any]:
    """Return what runs of production are compared with, as far as it is known.

    Parameters
    ----------
    evidence
        What the potentials were judged by.

    Returns
    -------
    dict
        ``known_shortest_A``, shortest distance of each pair of elements in thermal labelled frames [Å];
        ``tolerance_eV_A``, spread of the worst atom that the 99th percentile of the looks at constant temperature had
        [eV/Å]; ``calibration_factor``, error over spread [1].
    """
    limits: dict[str, Any] = {}
    if known := known_shortest(evidence.labelled, evidence.temperature_K):
        limits["known_shortest_A"] = known
    spreads = [
        spread
        for _, _, history in evidence.of_replicas("history", ("nvt",))
        for spread in history["spread"]["spread_max_eV_A"]
    ]
    if spreads:
        limits["tolerance_eV_A"] = float(np.percentile(spreads, _PERCENTILE))
    if evidence.calibration is not None:
        limits["calibration_factor"] = evidence.calibration.factor
    return limits
