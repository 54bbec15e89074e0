"""Learn a class-2 force field from clusters, and improve it where it is uncertain."""

from typing import Any

from aiida_elyte.data.forcefield import ForceFieldData
from aiida_elyte.workflows.active_learning import ActiveLearningWorkChain
from aiida_elyte.workflows.label.guards import validate_charges

__all__ = ["ForceFieldWorkChain"]


class ForceFieldWorkChain(ActiveLearningWorkChain):
    """Active learning of a force field.

    Each round runs clusters and small boxes by LAMMPS, each driven by one member; labels a diverse subset of what the
    committee disagrees about; refits. Ends when such frames are rare, when new labels lower the error of clusters held
    out no more, or when rounds or labels are spent, and says which; a run that broke keeps it going until then, and
    is in the history.
    """

    PROTOCOL = "forcefield"
    _potential = ForceFieldData
    _start_help = "Clusters the sampling starts from, with their total charge."

    @classmethod
    def _validate(cls, inputs: Any, port: Any) -> str | None:
        """Return a sentence if rounds cannot be run, or labels have no charges."""
        invalid = super()._validate(inputs, port)
        if invalid is None and "learning" in inputs and inputs["learning"]["max_rounds"]:
            invalid = validate_charges(inputs["labeller"].value, inputs.get("label"), "label")
        return invalid
