"""CHGNet as a potential: its layers and weights on our neighbours, many systems side by side, in either precision.

Its own graphs are built one structure at a time, in single precision. Here bonds are pairs within the cut-off, and
angles all ordered pairs of short bonds that share an atom; its layers make energies of them, and forces and stress
follow from the gradient with respect to the bonds (a test holds both to CHGNet's own calculator).

References
----------
Deng et al., Nature Machine Intelligence 5, 1031 (2023), doi:10.1038/s42256-023-00716-3.
"""

import contextlib
import hashlib
import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aiida_elyte.errors import EngineMissingError, InputError
from aiida_elyte.science.potentials.chgnet.bundled import Bundled, is_bundled, read_bundled
from aiida_elyte.science.potentials.chgnet.storage import ELEMENTS, read_checkpoint
from aiida_elyte.science.potentials.neighbours import Batch
from aiida_elyte.science.potentials.pairwise import PairwisePotential

__all__ = ["Chgnet", "load_chgnet"]


class Chgnet(PairwisePotential):
    """A CHGNet ready for evaluation, made by ``load_chgnet``.

    Parameters
    ----------
    network
        CHGNet's own module, its weights without gradient.
    dtype
        Precision of its weights.
    """

    def __init__(self, network: Any, dtype: torch.dtype) -> None:
        # Energies of the elements keep all their digits, whatever the precision of the network.
        embedding, composition = network.atom_embedding.embedding.weight, network.composition_model
        self._references = (
            embedding.new_zeros(len(embedding), dtype=torch.float64)
            if composition is None
            else composition.fc.weight[0].double()
        )
        self._network = network.to(dtype)
        self._dtype = dtype
        self._bond_cutoff_A = float(network.graph_converter.bond_graph_cutoff)

    @property
    def elements(self) -> list[str]:
        """Elements the potential was trained for, sorted."""
        return list(ELEMENTS)

    @property
    def dtype(self) -> torch.dtype:
        """Precision of weights and forces; energies are always float64."""
        return self._dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._references.device

    @property
    def cutoff_A(self) -> float:
        """Distance up to which atoms are neighbours [Å]."""
        return float(self._network.graph_converter.atom_graph_cutoff)

    def energies_of_atoms(self, batch: Batch, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the energy of each atom beyond its element's, and that of its element [eV], shape (n_atoms,)."""
        from chgnet.model.model import BatchedGraph

        network, n_pairs = self._network, len(batch.first)
        pairs = torch.arange(n_pairs, device=vectors.device)
        centre, neighbour = torch.cat([batch.first, batch.second]), torch.cat([batch.second, batch.first])
        lengths = torch.linalg.vector_norm(vectors, dim=1)
        directions = vectors / lengths.unsqueeze(1)
        directions = torch.cat([directions, -directions])  # from the centre outwards, either end as centre
        bonds = network.bond_basis_expansion
        left, right = _angles(centre, torch.cat([lengths, lengths]).detach() < self._bond_cutoff_A)
        found = network._compute(
            BatchedGraph(
                atomic_numbers=batch.numbers,
                bond_bases_ag=bonds.rbf_expansion_ag(lengths),
                bond_bases_bg=bonds.rbf_expansion_bg(lengths),
                angle_bases=network.angle_basis_expansion(directions[left], directions[right]),
                batched_atom_graph=torch.stack([centre, neighbour], 1),
                batched_bond_graph=torch.stack([centre[left], left % max(n_pairs, 1), right % max(n_pairs, 1)], 1),
                # Energies of atoms are added up by us, in double precision: one owner will do.
                atom_owners=torch.zeros_like(batch.numbers),
                directed2undirected=torch.cat([pairs, pairs]),
                atom_positions=[],
                strains=[],
                volumes=[],
            ),
            return_site_energies=True,
        )
        return torch.cat(found["site_energies"]), self._references.index_select(0, batch.numbers - 1)


def _angles(centre: Tensor, is_short: Tensor) -> tuple[Tensor, Tensor]:
    """Return all ordered pairs of different short bonds that share their centre, as indices of directed bonds.

    Parameters
    ----------
    centre
        Centre of each directed bond, shape (n_bonds,).
    is_short
        Whether a bond makes angles, shape (n_bonds,).
    """
    short = is_short.nonzero().squeeze(1)
    short = short[torch.argsort(centre[short], stable=True)]
    counts = torch.bincount(centre[short])
    starts = torch.cumsum(counts, 0) - counts
    partners = counts[centre[short]]  # bonds at the centre of each, itself among them
    left = torch.repeat_interleave(torch.arange(len(short), device=short.device), partners)
    place = torch.arange(len(left), device=short.device) - torch.repeat_interleave(
        torch.cumsum(partners, 0) - partners, partners
    )
    right = starts[centre[short]][left] + place
    is_angle = left != right
    return short[left[is_angle]], short[right[is_angle]]


def load_chgnet(content: bytes, device: str | torch.device = "cpu", dtype: torch.dtype | None = None) -> Chgnet:
    """Load a CHGNet, ready for evaluation; parameters as of ``Family.load``.

    Raises
    ------
    EngineMissingError
        If CHGNet is not installed.
    InputError
        If the file is not a CHGNet, the weights that it names are not those of the wheel that is installed, or it does
        not sum over atoms.
    """
    bundled = read_bundled(content)[1] if is_bundled(content) else None
    # Its modules announce themselves on standard output, which is the user's.
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            import chgnet
            from chgnet.model.model import CHGNet
        except ImportError as error:
            raise EngineMissingError(
                f"CHGNet cannot be imported ({error}); expected it where potentials are evaluated; pip install "
                "'aiida-elyte[chgnet]'"
            ) from error
        if bundled is not None:
            content = _read_weights(Path(chgnet.__file__).parent / "pretrained", bundled)
        bias = {"mlp_out_bias": True} if bundled is not None and bundled.has_output_bias else {}
        network = CHGNet.from_dict(read_checkpoint(content), **bias)
    if not network.mlp_first:
        raise InputError("the CHGNet reads out whole crystals; expected `mlp_first`, a sum over atoms; train it so")
    network.to(device).eval().requires_grad_(False)
    return Chgnet(network, torch.float32 if dtype is None else dtype)


def _read_weights(folder: Path, bundled: Bundled) -> bytes:
    path = folder / bundled.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"CHGNet's wheel has no weights {bundled.file} ({error.strerror}); expected those of chgnet 0.4; pip "
            "install 'aiida-elyte[chgnet]'"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != bundled.sha256:
        raise InputError(
            f"CHGNet's weights {bundled.file} have the hash {found[:12]}; expected {bundled.sha256[:12]}, those the "
            "potential was made with; install chgnet 0.4"
        )
    return content
