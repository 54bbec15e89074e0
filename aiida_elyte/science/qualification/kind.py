"""The door for tests of qualification."""

import json
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from aiida_elyte.doors import naming
from aiida_elyte.errors import InputError
from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.finding import Finding

__all__ = ["Qualification", "judge"]


class Qualification(ABC):
    """A test of a potential; a frozen dataclass whose fields are its settings."""

    runs: ClassVar[tuple[str, ...]] = ("nvt",)
    """Dynamics that it judges by: ``nvt``, ``nve``, ``npt``."""
    is_mandatory: ClassVar[bool] = False
    """Whether a potential of which it could not be judged is unqualified."""
    needs_framework: ClassVar[bool] = False
    """Whether it can be judged only where species of the framework are named."""

    @abstractmethod
    def judge(self, evidence: Evidence) -> Finding:
        """Return what is found of a potential, with a threshold and its source."""


def judge(name: str, test: Qualification, evidence: Evidence) -> dict[str, Any]:
    """Return the finding of a test as JSON takes it; that of a test that fails is not known.

    Parameters
    ----------
    name
        What to call the test.
    test
        The test.
    evidence
        What it judges by.

    Returns
    -------
    dict
        Fields of ``Finding``; or ``value`` and ``passed``, which are ``None``, and ``failed``: why.
    """
    try:
        with naming(f"qualification {name!r} failed"):
            finding = test.judge(evidence)
            if not isinstance(finding, Finding):
                raise InputError(f"qualification {name!r} gave {finding!r}; expected a Finding; correct the plug-in")
            content: dict[str, Any] = json.loads(json.dumps(finding.as_dict(), allow_nan=False, default=_plain))
    except InputError as error:
        return {"value": None, "passed": None, "failed": str(error)}
    return content


def _plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} is no JSON; expected numbers and text")
