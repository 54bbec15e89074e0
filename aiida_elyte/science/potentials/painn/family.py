"""PaiNN as a family of potentials."""

from typing import TYPE_CHECKING

from aiida_elyte.science.potentials.family import Description, Family

if TYPE_CHECKING:
    import torch

    from aiida_elyte.science.potentials.painn.model import Painn

__all__ = ["PainnFamily"]


class PainnFamily(Family):
    """Files ``potential.pt`` of format 1; SchNetPack's layers evaluate them."""

    name = "painn"
    packages = ("torch", "schnetpack", "torch-sim-atomistic")
    modules = ("torch_sim", "schnetpack")

    def recognises(self, content: bytes) -> bool:
        """Tell whether a file of this content is a PaiNN."""
        from aiida_elyte.science.potentials.painn.storage import is_painn

        return is_painn(content)

    def describe(self, content: bytes) -> Description:
        """Describe a potential without building it."""
        from aiida_elyte.science.potentials.painn.storage import describe_painn

        return describe_painn(content)

    def load(self, content: bytes, device: "str | torch.device" = "cpu", dtype: "torch.dtype | None" = None) -> "Painn":
        """Load a potential, ready for evaluation."""
        from aiida_elyte.science.potentials.painn.storage import load_painn

        return load_painn(content, device, dtype)
