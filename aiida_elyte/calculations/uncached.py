"""calcfunctions whose results are computed anew each time."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from aiida.engine import calcfunction

__all__ = ["uncached_calcfunction"]


def uncached_calcfunction(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a calcfunction that is never taken from the cache.

    AiiDA knows such a function by its own source file alone: after a correction of the science that it calls, the hash
    would stay the same and the old result would be returned. These functions take seconds; what takes hours are
    programs, whose modules are inputs.
    """
    stored = calcfunction(function)

    @wraps(stored)
    def call(*args: Any, **kwargs: Any) -> Any:
        return stored(*args, **_without_cache(kwargs))

    for name in ("run", "run_get_pk", "run_get_node"):
        setattr(call, name, _uncached(getattr(stored, name)))
    return call


def _uncached(run: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(run)
    def call(*args: Any, **kwargs: Any) -> Any:
        return run(*args, **_without_cache(kwargs))

    return call


def _without_cache(inputs: dict[str, Any]) -> dict[str, Any]:
    return {**inputs, "metadata": {**inputs.get("metadata", {}), "disable_cache": True}}
