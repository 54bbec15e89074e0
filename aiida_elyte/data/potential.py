"""One trained member as a node."""

import io
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiida.common.exceptions import MultipleObjectsError, NotExistent
from aiida.orm import SinglefileData, load_node

from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.family import Description
from aiida_elyte.science.potentials.files import describe_potential, find_family, read_content, read_potential

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

    from aiida_elyte.science.potentials.potential import Potential

__all__ = ["PotentialData"]


class PotentialData(SinglefileData):
    """A trained potential: the file its family writes, and what a database should know of it.

    Queryable attributes are the fields of ``science.potentials.family.Description``: ``family``, ``architecture``,
    ``elements``, ``cutoff_A``, ``dtype``, ``seed``, ``level_of_theory``, ``training_hash`` …

    Parameters
    ----------
    content
        Bytes of the model file.
    description
        The attributes, see ``describe_potential``.
    """

    FILENAME = "potential.pt"

    def __init__(self, content: bytes, description: Description | Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(file=io.BytesIO(content), filename=self.FILENAME, **kwargs)
        attributes = description.as_dict() if isinstance(description, Description) else dict(description)
        self.base.attributes.set_many(attributes)

    @classmethod
    def from_file(cls, path: str | Path) -> "PotentialData":
        """Return an unstored node of a file, or of a pretrained potential, labelled with its name.

        Raises
        ------
        InputError
            If the file is missing, or is not a potential of an installed family.
        """
        content = read_content(path)
        return cls(content, describe_potential(content), label=Path(path).name)

    @classmethod
    def find(cls, source: "str | int | Path") -> "PotentialData":
        """Return the node of a PK or UUID, or an unstored one of a file or a pretrained potential.

        Raises
        ------
        InputError
            If there is none, or it holds something else.
        """
        text = str(source)
        if isinstance(source, Path) or not (text.isdecimal() or _is_uuid(text)):
            return cls.from_file(text)
        try:
            node = load_node(int(text) if text.isdecimal() else text)
        except (NotExistent, MultipleObjectsError, ValueError, OverflowError) as error:
            raise InputError(
                f"potential {text} does not exist in this profile; expected the PK or UUID of a PotentialData, a file, "
                "or the name of a pretrained one"
            ) from error
        if not isinstance(node, cls):
            raise InputError(f"node {text} is {type(node).__name__}; expected a PotentialData; give another PK")
        return node

    @property
    def family(self) -> str:
        """Name of the family; nodes that do not hold it are asked for their content."""
        name = self.base.attributes.get("family", None)
        return find_family(self.get_content(mode="rb"), str(self)).name if name is None else str(name)

    def get_potential(self, device: str = "cpu") -> "Potential":
        """Return the potential on a device (needs its family's engine)."""
        return read_potential(self.get_content(mode="rb"), device=device)

    def get_calculator(self, device: str = "cpu") -> "Calculator":
        """Return an ASE calculator of this potential (needs the engine of its family, as the ``train`` extra).

        >>> atoms.calc = load_node(pk).get_calculator()
        >>> atoms.get_potential_energy()
        """
        from aiida_elyte.science.potentials.calculators import PotentialCalculator

        return PotentialCalculator(self.get_potential(device))


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
