"""A labeller: that of ASE, with a protocol and a calculator of its own."""

from pathlib import Path

from aiida_elyte.workflows.label.ase import AseLabelWorkChain

__all__ = ["SoftLabelWorkChain"]


class SoftLabelWorkChain(AseLabelWorkChain):
    """Label frames by soft spheres."""

    @classmethod
    def get_protocol_filepath(cls) -> Path:
        """Return the path of the protocol."""
        return Path(__file__).with_name("label_soft.yaml")
