"""Labels of the calls of a graph that the vocabulary does not know."""

from aiida_elyte.provenance.names import is_attempt, parse_call
from aiida_elyte.provenance.steps import descendants


def unknown_calls(node):
    """Return the labels of calls below a process, made by our own WorkChains, that do not parse."""
    steps = descendants(node)
    ours = {node.pk} | {step.pk for step in steps if step.process.endswith("WorkChain")}
    labels = {step.label for step in steps if step.caller in ours}
    assert labels
    return sorted(label for label in labels if parse_call(label) is None and not is_attempt(label))
