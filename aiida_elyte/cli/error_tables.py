"""Errors of force fields and of potentials as lines of a table."""

from collections.abc import Mapping
from typing import Any

from aiida_elyte.cli.tables import table
from aiida_elyte.provenance.progress import span

__all__ = ["force_field_errors", "potential_errors", "training_errors"]


def force_field_errors(content: Mapping[str, Any]) -> list[str]:
    """Return errors by system, as ``FittedForceField.evaluate`` gives them."""
    rows = [["system", "frames", "force RMSE [kcal/mol/Å]", "MAE"]]
    for name, one in {**content["systems"], "overall": content["overall"]}.items():
        errors = (one["force_rmse_kcal_mol_A"], one["force_mae_kcal_mol_A"])
        rows.append([name, str(one["n_frames"]), *(f"{error:.3f}" for error in errors)])
    return table(rows)


def potential_errors(content: Mapping[str, Any]) -> list[str]:
    """Return errors by member, as ``PotentialEnsemble.evaluate`` gives them."""
    rows = [["", "F MAE / meV/Å", "F RMSE / meV/Å", "E MAE / meV/atom"]]
    members = [(member["name"], member) for member in content["members"]]
    for name, error in [*members, ("ensemble", content["ensemble"])]:
        keys = ("force_mae_eV_A", "force_rmse_eV_A", "energy_mae_eV_atom")
        rows.append([name, *(f"{1000 * error[key]:.2f}" for key in keys)])
    return table(rows)


def training_errors(members: Mapping[str, Any]) -> list[str]:
    """Return epochs, errors and time of each member, as ``TrainedEnsemble.describe`` gives them."""
    rows = [["member", "epochs", "validation F MAE / meV/Å", "F RMSE / meV/Å", "E MAE / meV/atom", "time"]]
    for name, member in members.items():
        errors = member["errors"]["validation"]
        keys = ("force_mae_eV_A", "force_rmse_eV_A", "energy_mae_eV_atom")
        rows.append(
            [name, str(member["n_epochs"]), *(f"{1000 * errors[key]:.1f}" for key in keys), span(member["seconds"])]
        )
    return table(rows)
