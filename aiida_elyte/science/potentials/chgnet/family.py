"""CHGNet as a family of potentials."""

from typing import TYPE_CHECKING

from aiida_elyte.science.potentials.chgnet.bundled import BUNDLED, dump_bundled
from aiida_elyte.science.potentials.chgnet.storage import describe_chgnet, is_chgnet
from aiida_elyte.science.potentials.family import Description, Family

if TYPE_CHECKING:
    import torch

    from aiida_elyte.science.potentials.chgnet.model import Chgnet

__all__ = ["ChgnetFamily"]


class ChgnetFamily(Family):
    """Files that name weights which come with the engine, and checkpoints that its trainer wrote.

    References
    ----------
    Deng et al., *CHGNet as a pretrained universal neural network potential for charge-informed atomistic modelling*,
    Nature Machine Intelligence 5, 1031 (2023), doi:10.1038/s42256-023-00716-3.
    """

    name = "chgnet"
    packages = ("torch", "chgnet", "torch-sim-atomistic")
    modules = ("torch_sim", "chgnet")

    @classmethod
    def pretrained(cls) -> dict[str, bytes]:
        """Return the weights that come with the engine: ``chgnet`` the newest, others with their version."""
        versions = {f"{cls.name}-{version}": dump_bundled(version) for version in BUNDLED}
        return {cls.name: next(iter(versions.values())), **versions}

    def recognises(self, content: bytes) -> bool:
        """Tell whether a file of this content is a CHGNet."""
        return is_chgnet(content)

    def describe(self, content: bytes) -> Description:
        """Describe a potential without building it."""
        return describe_chgnet(content)

    def load(
        self, content: bytes, device: "str | torch.device" = "cpu", dtype: "torch.dtype | None" = None
    ) -> "Chgnet":
        """Load a potential, ready for evaluation."""
        from aiida_elyte.science.potentials.chgnet.model import load_chgnet

        return load_chgnet(content, device, dtype)
