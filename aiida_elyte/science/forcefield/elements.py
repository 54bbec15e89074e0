"""Elements that a fit knows, with the Lennard-Jones parameters where it begins."""

from collections.abc import Iterable

from aiida_elyte.errors import InputError

__all__ = ["LENNARD_JONES", "check_elements"]

LENNARD_JONES = {
    "H": (0.02, 2.9), "B": (0.05, 3.9), "C": (0.06, 4.0), "N": (0.08, 3.8), "O": (0.2, 3.5), "F": (0.06, 3.2),
    "Si": (0.12, 4.4), "P": (0.1, 4.2), "S": (0.1, 4.0), "Cl": (0.2, 4.0), "Br": (0.3, 4.2), "I": (0.4, 4.6),
    "Li": (0.03, 2.3), "Na": (0.04, 2.9), "K": (0.05, 3.5), "Mg": (0.02, 2.2), "Ca": (0.03, 2.8), "Zn": (0.02, 2.3),
}  # fmt: skip
"""ε [kcal/mol] and σ [Å] of each element where a fit begins: round numbers in the range of class-2 force fields; those
of the metals are of ions."""


def check_elements(elements: Iterable[str], name: str) -> None:
    """Reject elements that no fit can begin with.

    Raises
    ------
    InputError
        Naming the first of them.
    """
    for element in elements:
        if element not in LENNARD_JONES:
            raise InputError(
                f"{element} of {name} has no Lennard-Jones parameters to begin with; expected one of "
                f"{', '.join(LENNARD_JONES)}; leave it out"
            )
