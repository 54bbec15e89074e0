"""Stored processes and their outputs, as the engine leaves them: provenance graphs made by hand."""

import io

import numpy as np
from aiida import orm
from aiida.common.links import LinkType


def process(
    label,
    caller=None,
    link="",
    inputs=None,
    cls=orm.WorkChainNode,
    state="finished",
    exit_status=0,
    entry_point=None,
    computer=None,
):
    """Return a stored process as the engine leaves it."""
    node = cls(
        process_type=None if entry_point is None else f"aiida.workflows:{entry_point}",
        **({} if computer is None else {"computer": computer}),
    )
    node.set_process_label(label)
    node.set_process_state(state)
    if state == "finished":
        node.set_exit_status(exit_status)
    is_work = cls is orm.WorkChainNode
    for name, data in (inputs or {}).items():
        node.base.links.add_incoming(data.store(), LinkType.INPUT_WORK if is_work else LinkType.INPUT_CALC, name)
    if caller is not None:
        node.base.links.add_incoming(caller, LinkType.CALL_WORK if is_work else LinkType.CALL_CALC, link)
    return node.store()


def give(node, link, data):
    """Attach an output, made by a calculation or returned by a WorkChain."""
    if isinstance(node, orm.WorkChainNode):
        data.store()
        data.base.links.add_incoming(node, LinkType.RETURN, link)
    else:
        data.base.links.add_incoming(node, LinkType.CREATE, link)
        data.store()
    return data


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()
