"""One trained member as a node."""

import io
from typing import TYPE_CHECKING, Any

from aiida.orm import SinglefileData

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

__all__ = ["PotentialData"]


class PotentialData(SinglefileData):
    """A trained potential: the file its family writes, and what a database should know of it.

    Queryable attributes: ``family``, ``architecture``, ``elements``, ``cutoff_A``, ``dtype``, ``seed``,
    ``level_of_theory``, ``training_hash`` (see ``science.frames.fingerprint``).

    Parameters
    ----------
    content
        Bytes of the model file.
    description
        The attributes.
    """

    FILENAME = "potential.pt"

    def __init__(self, content: bytes, description: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(file=io.BytesIO(content), filename=self.FILENAME, **kwargs)
        self.base.attributes.set_many(description)

    def get_calculator(self, device: str = "cpu") -> "Calculator":
        """Return an ASE calculator of this potential (needs the ``train`` extra).

        >>> atoms.calc = load_node(pk).get_calculator()
        >>> atoms.get_potential_energy()
        """
        from aiida_elyte.science.potentials.calculators import PotentialCalculator
        from aiida_elyte.science.potentials.painn.storage import load_potential

        return PotentialCalculator(load_potential(self.get_content(mode="rb"), device=device))
