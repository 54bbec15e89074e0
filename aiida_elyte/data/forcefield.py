"""A force field as a node."""

import io
import json
import re
from typing import TYPE_CHECKING, Any

from aiida.orm import SinglefileData

if TYPE_CHECKING:
    from aiida_elyte.science.forcefield.model import ForceField

__all__ = ["ForceFieldData"]


class ForceFieldData(SinglefileData):
    """A fitted force field: one readable JSON file, and what a database should know of it.

    Queryable attributes: ``elements``, ``n_types`` (of atoms, bonds …), ``n_parameters``, ``terms``, ``depth``,
    ``charge_scale``, ``errors`` (of the fit), ``level_of_theory``, ``charge_methods``, ``seed``, ``training_hash``.

    Parameters
    ----------
    content
        The file, as ``ForceField.to_json`` writes it.
    """

    FILENAME = "forcefield.json"

    def __init__(self, content: str, **kwargs: Any) -> None:
        super().__init__(file=io.BytesIO(content.encode()), filename=self.FILENAME, **kwargs)
        self.base.attributes.set_many(_describe(json.loads(content)))

    def get_force_field(self) -> "ForceField":
        """Return the force field (needs torch)."""
        from aiida_elyte.science.forcefield.model import ForceField

        return ForceField.from_json(self.get_content(mode="r"))


def _describe(content: dict[str, Any]) -> dict[str, Any]:
    record = content["record"]
    settings, data, errors = (record.get(key, {}) for key in ("settings", "data", "errors"))
    elements = {re.findall("^[A-Z][a-z]?", text)[0] for text in content["neighbourhoods"].values()}
    return {
        "elements": sorted(elements),
        "n_types": {kind: len(content[kind]) for kind in content["units"]},
        "n_parameters": errors.get("n_parameters"),
        "terms": settings.get("terms"),
        "depth": content["depth"],
        "charge_scale": content["charge_scale"],
        "errors": {key: value for key, value in errors.items() if key.endswith("_kcal_mol_A")},
        "level_of_theory": data.get("level_of_theory"),
        "charge_methods": data.get("charge_methods"),
        "seed": data.get("seed"),
        "training_hash": data.get("sha256"),
    }
