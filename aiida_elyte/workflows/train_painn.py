"""Train one PaiNN potential, restarted where needed."""

from collections.abc import Mapping
from typing import Any

from aiida_elyte.calculations.train_painn import TrainPainnCalculation
from aiida_elyte.data.potential import PotentialData
from aiida_elyte.science.cost import Rates
from aiida_elyte.science.learning.error_key import ErrorKey
from aiida_elyte.science.potentials.painn.rates import painn_rates
from aiida_elyte.workflows.script import ScriptBaseWorkChain

__all__ = ["TrainPainnBaseWorkChain"]


class TrainPainnBaseWorkChain(ScriptBaseWorkChain):
    """Train one PaiNN member; a job that ends early resumes from its checkpoint."""

    _process_class = TrainPainnCalculation
    PROTOCOL = "train_painn"
    code_role = "python"
    needs = ("torch", "schnetpack")
    makes = PotentialData
    error_key = ErrorKey(("force_rmse_eV_A",), "force RMSE", "eV/Å")
    status_key = ErrorKey(("force_mae_eV_A",), "force MAE", "eV/Å")

    @classmethod
    def rates(cls, settings: Mapping[str, Any]) -> Rates:
        """Return what networks of an architecture cost."""
        return painn_rates(**{key: settings["architecture"][key] for key in ("n_features", "n_layers")})
