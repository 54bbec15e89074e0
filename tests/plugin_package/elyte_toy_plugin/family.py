"""A family of potentials with one parameter."""

import json
from typing import TYPE_CHECKING

from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.family import Description, Family

if TYPE_CHECKING:
    import torch

    from elyte_toy_plugin.potential import SoftPotential

__all__ = ["SoftFamily"]

_MARK = b'{"toy_soft": '


class SoftFamily(Family):
    """Soft spheres whose strength was learned; the file is JSON."""

    name = "toy_soft"
    packages = ("torch", "torch-sim-atomistic")

    @staticmethod
    def write(description: Description) -> bytes:
        """Return the content of a file; ``architecture`` holds the strength [eV]."""
        return _MARK + json.dumps(description.as_dict(), sort_keys=True).encode() + b"}"

    def recognises(self, content: bytes) -> bool:
        """Return whether a file begins as ours."""
        return content.startswith(_MARK)

    def describe(self, content: bytes) -> Description:
        """Describe a potential without building it."""
        if not self.recognises(content):
            raise InputError("the file is not a potential of toy_soft; expected one; give the file of its training")
        return Description(**json.loads(content)["toy_soft"])

    def load(
        self, content: bytes, device: "str | torch.device" = "cpu", dtype: "torch.dtype | None" = None
    ) -> "SoftPotential":
        """Load a potential."""
        import torch

        from elyte_toy_plugin.potential import SoftPotential

        description = self.describe(content)
        return SoftPotential(description, torch.device(device), dtype or getattr(torch, description.dtype))
