"""What both streets share: labels for the frames they make, and an ensemble that learns from them."""

from collections.abc import Mapping
from typing import Any

from aiida.common import AttributeDict
from aiida.engine import ExitCode, ToContext, WorkChain

from aiida_elyte.data.frames import FramesData
from aiida_elyte.plugins import load
from aiida_elyte.workflows.active_learning import ActiveLearningWorkChain
from aiida_elyte.workflows.failures import reason_of
from aiida_elyte.workflows.protocols import ProtocolMixin

__all__ = ["StreetWorkChain"]


class StreetWorkChain(ProtocolMixin, WorkChain):
    """The first stations of a street: labelled frames in ``ctx.dataset``, members in ``ctx.members``.

    A street defines the output ``refused``, the outputs of learning in a namespace ``learning``, and the exit codes
    ``ERROR_LABELLING_FAILED`` and ``ERROR_LEARNING_FAILED``.
    """

    _learning: type[ActiveLearningWorkChain] = ActiveLearningWorkChain
    """What learns."""

    def should_make_dataset(self) -> bool:
        """Return whether frames have to be made and labelled."""
        return self.ctx.dataset is None

    def submit_to_labeller(
        self, frames: FramesData, labeller: str, inputs: Mapping[str, Any], name: str, call: str
    ) -> ToContext:
        """Submit frames to a labeller.

        Parameters
        ----------
        frames
            The frames.
        labeller
            Name of the labeller.
        inputs
            Its other inputs.
        name
            What the frames are, in the plural.
        call
            Label of the call.
        """
        self.report(f"{len(frames)} {name} go to the labeller {labeller!r}")
        given = AttributeDict({**inputs, "frames": frames, "metadata": {"call_link_label": call}})
        return ToContext(labelling=self.submit(load("labellers", labeller), **given))

    def inspect_labelling(self) -> ExitCode | None:
        """Keep the labelled frames."""
        node = self.ctx.labelling
        if "refused" in node.outputs:
            self.out("refused", node.outputs.refused)
        if not node.is_finished_ok:
            return self.exit_codes.ERROR_LABELLING_FAILED.format(reason=reason_of(node))
        self.ctx.dataset = node.outputs.frames
        return None

    def inspect_learning(self) -> ExitCode | None:
        """Keep the members."""
        node = self.ctx.learning
        self.out_many(self.exposed_outputs(node, self._learning, namespace="learning"))
        if not node.is_finished_ok:
            return self.exit_codes.ERROR_LEARNING_FAILED.format(reason=reason_of(node))
        self.ctx.members = dict(node.outputs.potentials)
        return None
