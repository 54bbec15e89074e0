"""Which quantities a reader looks for first; the others are details."""

from collections.abc import Mapping
from typing import Any

__all__ = ["headline"]

_FIRST = ("conductivity", "tracer_diffusion_*", "transference_*", "haven_ratio", "activation_energy", "conductivity_*K")
"""Names in the order of reading; a ``*`` stands for a species or a temperature."""


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
    found = {name: quantities[name] for pattern in _FIRST for name in quantities if _fits(name, pattern)}
    bare = quantities.get("conductivity_nernst_einstein")
    if bare is not None and "refused" in quantities.get("conductivity", {}) and "refused" not in bare:
        found = {"conductivity": found.pop("conductivity"), "conductivity_nernst_einstein": bare, **found}
    return found


def _fits(name: str, pattern: str) -> bool:
    start, star, end = pattern.partition("*")
    if not star:
        return name == start
    return name.startswith(start) and name.endswith(end) and (not end or _is_number(name[len(start) : -len(end)]))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
