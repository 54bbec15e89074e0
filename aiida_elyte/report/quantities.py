"""Numbers as a reader wants them: digits by the error, the error beside the value, the unit behind."""

import math
from collections.abc import Mapping
from typing import Any

__all__ = [
    "format_bound",
    "format_duration",
    "format_errors",
    "format_estimate",
    "format_interval",
    "format_number",
    "format_unit",
    "format_value",
]

_UNITS = {"cm2/s": "cm²/s", "mol2/(J m s)": "mol²/(J m s)", "1": ""}
"""How units of the results are printed; the others are printed as they are."""

_TERMS = ("statistical", "model", "configurational")
"""Terms of an error, in the order of reading."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def format_number(value: float, digits: int = 3) -> str:
    """Return a number with some significant digits, as a power of ten where it is very large or very small."""
    if not math.isfinite(value):
        return "—"
    if value == 0:
        return "0"
    exponent = _exponent(value, digits)
    if -3 <= exponent < 5:
        return _fixed(value, digits - 1 - exponent)
    return f"{value / 10.0**exponent:.{digits - 1}f} × {_power(exponent)}"


def format_value(value: float, std: float, unit: str = "") -> str:
    """Return ``value ± std unit`` with the digits the error allows, by the rule of the Particle Data Group.

    The error keeps two digits where its leading three are 100 to 354, one from 355 to 949, and is rounded up to 1000
    above.

    References
    ----------
    Particle Data Group, Review of Particle Physics, section 5.3, doi:10.1103/PhysRevD.110.030001.
    """
    if not (math.isfinite(std) and std > 0):
        return _with_unit(format_number(value), unit)
    exponent = math.floor(math.log10(std))
    leading = std / 10.0**exponent
    if leading < 3.545:
        place = exponent - 1
    elif leading < 9.495:
        place = exponent
    else:
        place, std = exponent, 10.0 ** (exponent + 1)
    scale = max(_exponent(value, 3), exponent) if value else exponent
    if -3 <= scale < 5 and place <= 0:
        return _with_unit(f"{_fixed(value, -place)} ± {_fixed(std, -place)}", unit)
    decimals = max(0, scale - place)
    mantissas = f"{value / 10.0**scale:.{decimals}f} ± {std / 10.0**scale:.{decimals}f}"
    return _with_unit(f"({mantissas}) × {_power(scale)}" if scale else mantissas, unit)


def format_bound(limit: float, unit: str = "") -> str:
    """Return ``< limit unit``, the limit rounded up to two digits: a bound never gets tighter by printing it."""
    if not (math.isfinite(limit) and limit > 0):
        return "—"
    place = math.floor(math.log10(limit)) - 1
    up = math.ceil(limit / 10.0**place - 1e-9) * 10.0**place
    return _with_unit(f"< {format_number(up, 2)}", unit)


def format_interval(ci95: tuple[float, float], unit: str = "") -> str:
    """Return ``low – high unit``."""
    low, high = ci95
    exponent = _exponent(high, 3) if high else 0
    if low > 0 and high > 30 * low:
        text = f"{format_number(low, 2)} – {format_number(high, 2)}"
    elif low > 0 and not -3 <= exponent < 5:
        text = f"({low / 10.0**exponent:.2f} – {high / 10.0**exponent:.2f}) × {_power(exponent)}"
    else:
        text = f"{format_number(low)} – {format_number(high)}"
    return _with_unit(text, unit)


def format_estimate(estimate: Mapping[str, Any] | None, with_interval: bool = True) -> str:
    """Return a result in one cell: value and error, or the bound where it was refused, or a dash.

    Where the error exceeds half the value, ``±`` would suggest a symmetry that is not there: the 95 % interval takes
    its place, or nothing when ``with_interval`` is off.
    """
    if estimate is None:
        return "—"
    if "refused" in estimate:
        bound = estimate.get("upper_bound")
        return format_bound(bound["value"], bound["unit"]) if bound else "refused"
    if estimate["std"] > 0.5 * abs(estimate["value"]):
        value = _with_unit(format_number(estimate["value"], 2), estimate["unit"])
        return f"{value} (95 %: {format_interval(estimate['ci95'])})" if with_interval else f"≈ {value}"
    return format_value(estimate["value"], estimate["std"], estimate["unit"])


def format_errors(estimate: Mapping[str, Any]) -> str:
    """Return the terms of the error of an estimate, ``statistical 0.31, model 0.12, configurational not known``."""
    terms = estimate.get("errors") or {}
    named = {name: terms[name] for name in _TERMS if name in terms}
    return ", ".join(
        f"{name} {'not known' if error is None else format_number(error, 2)}" for name, error in named.items()
    )


def format_unit(unit: str) -> str:
    """Return a unit as it is printed; nothing for pure numbers."""
    return _UNITS.get(unit, unit)


def format_duration(seconds: float | None) -> str:
    """Return a time in the unit a reader would choose."""
    if seconds is None:
        return "—"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def _exponent(value: float, digits: int) -> int:
    """Return the power of ten of a number once it is rounded."""
    return int(f"{abs(value):.{digits - 1}e}".split("e")[1])


def _fixed(value: float, decimals: int) -> str:
    rounded = round(value, decimals)
    return f"{rounded:.{max(0, decimals)}f}"


def _power(exponent: int) -> str:
    return "10" + str(exponent).translate(_SUPERSCRIPTS)


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {format_unit(unit)}".strip()
