"""Which quantities a reader looks for first; the others are details."""

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["headline"]

_FIRST = (
    r"conductivity",
    r"tracer_diffusion_.+",
    r"transference_.+",
    r"haven_ratio",
    r"activation_energy",
    r"conductivity_[\d.e+-]+K",
)
"""Names in the order of reading: species stand behind the second and third, a temperature in the last."""


def headline(quantities: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the quantities a reader looks for first, in the order of reading.

    They are conductivity, diffusion coefficients, transference numbers, Haven ratio and activation energy. Tensor
    components, Onsager coefficients, other routes to the conductivity and anything else are details. The
    Nernst–Einstein conductivity stands in where the conductivity itself was refused.

    Parameters
    ----------
    quantities
        Name → estimate or refusal, as their ``as_dict`` gives it: of one analysis, or of a fit of Arrhenius' law.
    """
    found = {name: quantities[name] for pattern in _FIRST for name in quantities if re.fullmatch(pattern, name)}
    bare = quantities.get("conductivity_nernst_einstein")
    if bare is not None and "refused" in quantities.get("conductivity", {}) and "refused" not in bare:
        found = {"conductivity": found.pop("conductivity"), "conductivity_nernst_einstein": bare, **found}
    return found
