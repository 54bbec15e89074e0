"""Nodes by their PK or UUID."""

from typing import TYPE_CHECKING

from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    from aiida import orm

__all__ = ["load_any", "load_process", "require_profile"]


def require_profile() -> None:
    """Reject to look for nodes, or make some, where no AiiDA profile is loaded.

    Raises
    ------
    InputError
        If none is.
    """
    from aiida.manage import get_manager

    if get_manager().get_profile() is None:
        raise InputError(
            "no AiiDA profile is loaded; expected one; call elyte.setup() first, or aiida.load_profile() for another"
        )


def load_any(identifier: str | int) -> "orm.Node":
    """Return the node of a PK or UUID.

    Raises
    ------
    InputError
        If there is none, or no profile is loaded.
    """
    from aiida import orm
    from aiida.common.exceptions import MultipleObjectsError, NotExistent

    require_profile()
    text = str(identifier)
    try:
        return orm.load_node(int(text) if text.isdecimal() else text)
    except (NotExistent, MultipleObjectsError, ValueError, OverflowError) as error:
        raise InputError(
            f"node {text} does not exist in this profile; expected a PK or UUID; see `verdi process list -a`"
        ) from error


def load_process(identifier: "str | int | orm.WorkChainNode") -> "orm.WorkChainNode":
    """Return the WorkChain of a PK or UUID; a node is returned as it is.

    Raises
    ------
    InputError
        If there is no such node, or it is not a WorkChain.
    """
    from aiida import orm

    node = load_any(identifier) if isinstance(identifier, str | int) else identifier
    if not isinstance(node, orm.WorkChainNode):
        raise InputError(f"node {node.pk} is {type(node).__name__}; expected a WorkChain; see `verdi process list -a`")
    return node
