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


def begin_training(learning, number, dataset, trainer):
    """Return the training that ends a round, without members."""
    inputs = {"dataset": dataset, "trainer": orm.Str(trainer)}
    return process("TrainEnsembleWorkChain", learning, f"round_{number:02d}_train", inputs)


def judge(learning, sampled, dataset, threshold_eV_A, record):
    """Return the judgement of sampled frames in a learning, with what it recorded."""
    settings = orm.Dict({"selection": {"threshold_eV_A": threshold_eV_A}})
    inputs = {"sampled": sampled, "dataset": dataset, "settings": settings}
    selection = process("select_frames", learning, "select_frames", inputs, orm.CalcFunctionNode)
    give(selection, "record", orm.Dict(record))
    return selection


def add_labels(learning, chosen, new, dataset, merged):
    """Label the chosen frames of the first round of a learning and merge them with those it has; return all."""
    labelling = process("AseLabelWorkChain", learning, "round_01_label", {"frames": chosen})
    inputs = {"a": dataset, "b": give(labelling, "frames", new)}
    return give(process("merge_frames", learning, "merge_frames", inputs, orm.CalcFunctionNode), "result", merged)


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
