"""Why processes failed, in their own words."""

from aiida import orm

__all__ = ["cause_of", "reason_of"]


def reason_of(node: orm.ProcessNode) -> str:
    """Return why a process failed: its own message, that of its exception, or the state in which it ended."""
    if node.exit_message:
        return str(node.exit_message)
    state = node.process_state.value if node.process_state else "created"
    said = (node.exception or "").strip().splitlines()
    return f"the process is {state}" + (f": {said[-1]}" if said else "")


def cause_of(node: orm.ProcessNode) -> str:
    """Return why a process failed in the words of the last process below it that said why."""
    said = [child.exit_message for child in node.called_descendants if child.exit_message]
    return str(said[-1]) if said else reason_of(node)
