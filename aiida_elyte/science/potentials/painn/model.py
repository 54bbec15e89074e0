"""PaiNN as a potential: SchNetPack's layers and weights, evaluated without what a potential does not need.

The representation and the readout are SchNetPack's modules. The forward pass here computes the same numbers from the
same parameters (a test holds it to SchNetPack's own) with less work: every pair is filtered once for both its ends, the
cut-off is folded into the radial basis, the vector channel that is zero in the first layer and unread after the last is
skipped, products along directions are sparse (see ``stencil``), and forces and stress come from the gradient with
respect to the pair vectors.

References
----------
Schütt, Unke, Gastegger, *Equivariant message passing for the prediction of tensorial properties and molecular spectra*,
ICML 2021, doi:10.48550/arXiv.2102.03150. SchNetPack 2.0: doi:10.1063/5.0138367.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import pi
from typing import Any

import torch
from ase.data import atomic_numbers
from torch import Tensor, nn
from torch.nn.functional import linear

from aiida_elyte.science.potentials.neighbours import Batch
from aiida_elyte.science.potentials.painn.architecture import Architecture
from aiida_elyte.science.potentials.painn.modules import import_layers
from aiida_elyte.science.potentials.painn.stencil import Stencil, gather_sum, weigh
from aiida_elyte.science.potentials.pairwise import PairwisePotential
from aiida_elyte.science.potentials.zbl import Repulsion, compute_zbl
from aiida_elyte.science.settings import read_record

__all__ = ["Painn", "build_painn"]

_LARGEST_NUMBER = 99  # SchNetPack's PaiNN embeds atomic numbers below 100


class Painn(nn.Module, PairwisePotential):
    """Energy of a set of atoms, E = Σ_i (s y_i + E0(Z_i)) + the baseline's pairs, with y_i from PaiNN.

    Made by ``build_painn`` or ``load_painn``.

    Parameters
    ----------
    architecture
        Fields of ``Architecture``.
    energy_reference
        E0 of each element [eV].
    scale
        s, energy of one unit of the network's output [eV].
    record
        What else the file tells: ``level_of_theory``, ``seed``, ``training_hash``.
    """

    _reference: Tensor
    representation: Any
    readout: Any

    def __init__(
        self,
        architecture: Mapping[str, Any],
        energy_reference: Mapping[str, float],
        scale: float,
        record: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.architecture = asdict(read_record(Architecture, architecture, "architecture"))
        self.energy_reference = dict(energy_reference)
        self.scale = float(scale)
        self.record = dict(record)
        n_features, n_rbf = int(self.architecture["n_features"]), int(self.architecture["n_rbf"])
        layers = import_layers()
        self.representation = layers.PaiNN(
            n_atom_basis=n_features,
            n_interactions=int(self.architecture["n_layers"]),
            radial_basis=layers.nn.GaussianRBF(n_rbf=n_rbf, cutoff=self.cutoff_A),
            cutoff_fn=layers.nn.CosineCutoff(self.cutoff_A),
        )
        self.readout = layers.nn.build_mlp(n_in=n_features, n_out=1, n_layers=2)
        self.register_buffer("_reference", self._tabulate_reference(), persistent=False)

    def _tabulate_reference(self) -> Tensor:
        """Return E0 by atomic number, NaN where there is none."""
        table = torch.full((_LARGEST_NUMBER + 1,), torch.nan, dtype=torch.float64)
        for symbol, value in self.energy_reference.items():
            table[atomic_numbers[symbol]] = value
        return table

    @property
    def elements(self) -> list[str]:
        """Elements the potential was trained for, sorted."""
        return sorted(self.energy_reference)

    @property
    def cutoff_A(self) -> float:
        """Cut-off [Å]."""
        return float(self.architecture["cutoff_A"])

    @property
    def dtype(self) -> torch.dtype:
        """Of weights and forces; energies are always float64."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._reference.device

    @property
    def level_of_theory(self) -> str:
        """What made the labels it was trained on."""
        return str(self.record.get("level_of_theory", "unstated"))

    @property
    def seed(self) -> int | None:
        """Seed of its training."""
        return self.record.get("seed")

    @property
    def training_hash(self) -> str | None:
        """Fingerprint of the frames it was trained on."""
        return self.record.get("training_hash")

    def set_precision(self, dtype: torch.dtype) -> "Painn":
        """Cast the weights, but never the energy reference; return the potential."""
        self.to(dtype)
        self._reference = self._tabulate_reference().to(self.device)
        return self

    def energies_of_atoms(self, batch: Batch, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the network's energy of each atom in units of the scale, and its reference [eV], shape (n_atoms,)."""
        atomic = self.atomic_energies(batch.numbers, vectors, batch.first, batch.second)
        return atomic, self._reference.index_select(0, batch.numbers)

    def repulsion(self, batch: Batch, vectors: Tensor) -> Repulsion | None:
        """Compute what the baseline adds, ``None`` without one."""
        return None if self.architecture["baseline"] is None else compute_zbl(batch, vectors, self.cutoff_A)

    def atomic_energies(self, numbers: Tensor, vectors: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Compute y_i, the network's energy of each atom without scale and reference, shape (n_atoms,).

        Parameters are those of ``Batch``.
        """
        net = self.representation
        n_atoms, width = len(numbers), net.n_atom_basis
        owner, neighbour = torch.cat([first, second]), torch.cat([second, first])
        stencil = Stencil(owner, n_atoms)
        basis, directions = self._expand(vectors)
        # The bias of the filter is one more basis function, so that cut-off and bias cost nothing per feature.
        filters = torch.cat([net.filter_net.weight, net.filter_net.bias.unsqueeze(1)], 1).split(3 * width)

        scalar = net.embedding(numbers)
        vector: Tensor | None = None
        for layer, (interaction, mixing) in enumerate(zip(net.interactions, net.mixing, strict=True)):
            context = interaction.interatomic_context_net(scalar)
            on_scalar, along, on_vector = context.split(width, 1)
            if vector is None:
                state, sent, weight = scalar, on_scalar, linear(basis, filters[layer][: 2 * width])
            else:
                state = torch.cat([scalar, vector.view(n_atoms, -1)], 1)
                sent = torch.cat([on_scalar, (on_vector.unsqueeze(1) * vector).view(n_atoms, -1)], 1)
                weight = linear(basis, filters[layer])
            pushed, carried = weigh(weight, along.index_select(0, neighbour), sent.index_select(0, neighbour))
            state = state.index_add(0, owner, carried)
            push = gather_sum(stencil, directions, pushed)
            scalar = state[:, :width]
            vector = push if vector is None else push + state[:, width:].view(n_atoms, 3, width)
            scalar, vector = self._mix(mixing, scalar, vector, is_last=layer == net.n_interactions - 1)
        return self.readout(scalar).squeeze(1)

    def _expand(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Expand pairs in Gaussians and the cut-off, shape (n_pairs, n_rbf + 1), and direct them from either end."""
        radial = self.representation.radial_basis
        distance = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
        direction = vectors / distance
        cutoff = (0.5 * torch.cos(distance * (pi / self.cutoff_A)) + 0.5) * (distance < self.cutoff_A)
        offset = distance - radial.offsets
        gaussians = torch.exp(offset * offset * (-0.5 / radial.widths**2)) * cutoff
        return torch.cat([gaussians, cutoff], 1), torch.cat([direction, -direction])

    @staticmethod
    def _mix(mixing: Any, scalar: Tensor, vector: Tensor, is_last: bool) -> tuple[Tensor, Tensor]:
        """Mix the channels of each atom; the vectors after the last layer are read by nobody."""
        left, right = linear(vector, mixing.mu_channel_mix.weight).split(scalar.shape[1], 2)
        length = torch.sqrt((left * left).sum(1) + mixing.epsilon)
        change = mixing.intraatomic_context_net(torch.cat([scalar, length], 1))
        on_scalar, on_vector, on_product = change.split(scalar.shape[1], 1)
        scalar = scalar + on_scalar + on_product * (left * right).sum(1)
        return scalar, vector if is_last else vector + on_vector.unsqueeze(1) * right


def build_painn(
    architecture: Mapping[str, Any] | None = None,
    *,
    energy_reference: Mapping[str, float] | Sequence[str],
    scale: float = 1.0,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    level_of_theory: str = "unstated",
    training_hash: str | None = None,
) -> Painn:
    """Build an untrained PaiNN with weights drawn from ``seed``.

    Parameters
    ----------
    architecture
        Fields of ``Architecture``.
    energy_reference
        E0 of each element [eV], or the elements alone for references of zero.
    scale
        Energy of one unit of the network's output [eV].
    seed
        Of the weights; the global random state is left as it was.
    dtype
        ``torch.float32`` or ``torch.float64``.
    level_of_theory, training_hash
        What the labels are and which frames carry them; kept in the file.

    Raises
    ------
    InputError
        On an unknown key of the architecture, or if SchNetPack is not installed.
    """
    reference = energy_reference if isinstance(energy_reference, Mapping) else dict.fromkeys(energy_reference, 0.0)
    record = {"level_of_theory": level_of_theory, "seed": seed, "training_hash": training_hash}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        potential = Painn(architecture or {}, reference, scale, record)
    return potential.set_precision(dtype)
