"""Derivatives of forces and energies by the parameters of types, without a backward pass."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from aiida_elyte.science.forcefield.dataset import LabelledSystem
from aiida_elyte.science.forcefield.evaluation import Interaction
from aiida_elyte.science.forcefield.internal import InternalCoordinates
from aiida_elyte.science.forcefield.model import BONDED, COLUMNS, interactions_of, spread_charges

__all__ = ["energy_derivatives", "force_derivatives"]


def force_derivatives(
    system: LabelledSystem, tables: Mapping[str, Tensor], places: Mapping[str, Tensor], charge_scale: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Compute how forces change with the parameters of the types a cluster has.

    Parameters
    ----------
    system
        Frames of one cluster.
    tables
        Parameters by kind, shapes ``(T, P)``.
    places
        Type of each row in the tables, by kind.
    charge_scale
        What the charges of ions are multiplied by.

    Returns
    -------
    tuple
        Derivatives, shape ``(F, N, 3, C)``, and which parameter each column is: its place among all tables, flattened
        one after another in the order of ``COLUMNS``, shape ``(C,)``.
    """
    return _derivatives(_forces_by_type, system, tables, places, charge_scale)


def energy_derivatives(
    system: LabelledSystem, tables: Mapping[str, Tensor], places: Mapping[str, Tensor], charge_scale: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Compute how energies change with the parameters: as ``force_derivatives``, of shape ``(F, C)``."""
    found, columns = _derivatives(_energies_by_type, system, tables, places, charge_scale)
    return found[:, 0, 0], columns


def _derivatives(
    by_type: Callable[[InternalCoordinates, Interaction, Tensor, int], Tensor],
    system: LabelledSystem,
    tables: Mapping[str, Tensor],
    places: Mapping[str, Tensor],
    charge_scale: float,
) -> tuple[Tensor, Tensor]:
    coordinates = system.coordinates
    device = coordinates.positions.device
    interactions = interactions_of(tables, places, system.topology, charge_scale)
    firsts, total = {}, 0
    for kind in COLUMNS:
        firsts[kind] = total
        total += tables[kind].numel()
    blocks, columns = [], []
    for kind, interaction in zip(BONDED, interactions[:4], strict=True):
        present, types = places[kind].unique(return_inverse=True)
        found = by_type(coordinates, interaction, types.unsqueeze(1), len(present))
        blocks.append(found.flatten(3))
        n_columns = len(COLUMNS[kind])
        numbers = firsts[kind] + present * n_columns + torch.arange(n_columns, device=device).unsqueeze(1)
        columns.append(numbers.flatten())
    present, types = places["atoms"].unique(return_inverse=True)
    lennard_jones, coulomb = interactions[4:]
    pairs = coordinates.rows["pairs"]
    by_charge = by_type(coordinates, coulomb, pairs, len(types)).squeeze(3)
    by_table = torch.func.jacfwd(lambda q: spread_charges(system.topology, q[types], charge_scale))(
        tables["atoms"][present, 0]
    )
    blocks.append(by_charge @ by_table)
    columns.append(firsts["atoms"] + present * 3)
    blocks.append(by_type(coordinates, lennard_jones, types[pairs], len(present)).flatten(3))
    columns.append((firsts["atoms"] + present * 3 + torch.tensor([[1], [2]], device=device)).flatten())
    return torch.cat(blocks, 3), torch.cat(columns)


def _forces_by_type(coordinates: InternalCoordinates, interaction: Interaction, types: Tensor, n_types: int) -> Tensor:
    """Return derivatives by each parameter of each type, shape ``(F, N, 3, P, T)``.

    ``types`` of the rows, of shape ``(n, 1)`` or ``(n, 2)``, count those present.
    """
    term = interaction.term
    values = coordinates.values(term.rows)
    gathered = term.gather(interaction.parameters, interaction.types)
    jacobian = coordinates.row_jacobian(term.rows)
    rows = coordinates.rows[term.rows]
    n_frames, n_atoms = coordinates.positions.shape[:2]
    n_parameters = len(term.parameters)
    found = values.new_zeros(n_parameters, n_frames, n_atoms * n_types, 3)
    shifts = gathered.new_zeros(len(gathered))
    slopes = torch.func.jacfwd(lambda shift: term.slopes(values, gathered + shift.unsqueeze(1)))(shifts)
    for number in range(len(gathered)):
        pulls = torch.einsum("qfn,fnqkx->fnkx", slopes[..., number], jacobian)
        which, parameter = divmod(number, n_parameters)
        target = rows * n_types + types[:, which : which + 1]
        found[parameter].index_add_(1, target.flatten(), pulls.flatten(1, 2), alpha=-1)
    return found.reshape(n_parameters, n_frames, n_atoms, n_types, 3).permute(1, 2, 4, 0, 3)


def _energies_by_type(
    coordinates: InternalCoordinates, interaction: Interaction, types: Tensor, n_types: int
) -> Tensor:
    """Return the same of the energy, shape ``(F, 1, 1, P, T)``."""
    term = interaction.term
    values = coordinates.values(term.rows)
    gathered = term.gather(interaction.parameters, interaction.types)
    n_parameters = len(term.parameters)
    shifts = gathered.new_zeros(len(gathered))
    slopes = torch.func.jacfwd(lambda shift: term.energy(values, gathered + shift.unsqueeze(1)))(shifts)
    found = values.new_zeros(n_parameters, len(values[0]), n_types)
    for number in range(len(gathered)):
        which, parameter = divmod(number, n_parameters)
        found[parameter].index_add_(1, types[:, which], slopes[..., number])
    return found.permute(1, 0, 2)[:, None, None]
