"""Launch a street once: find the run of its inputs or start one, and see to it that a process works on it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from aiida_elyte.api.attendance import RUNNER, describe_neglect, runner_here
from aiida_elyte.api.daemon import ensure_daemon, revive
from aiida_elyte.api.runner import Observer, go_on_here, run_here
from aiida_elyte.api.runs import KEY, find_run, forget_jobs, key_of
from aiida_elyte.api.watch import observe
from aiida_elyte.errors import InputError

if TYPE_CHECKING:
    from aiida import orm
    from aiida.engine import ProcessBuilder

__all__ = ["Launch", "attend", "launch"]


_Launch = TypeVar("_Launch", bound="Launch")


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A street whose inputs were found and fit together, and its run if it was launched."""

    builder: "ProcessBuilder"
    """Inputs of the WorkChain."""
    node: "orm.WorkChainNode | None" = None
    """The WorkChain; ``None`` after a dry run."""
    is_found: bool = False
    """Whether a run of these inputs was there."""

    @property
    def pk(self) -> int | None:
        """PK of the WorkChain; ``None`` after a dry run."""
        return None if self.node is None else self.node.pk


def launch(
    street: _Launch,
    *,
    run: bool = False,
    force: bool = False,
    is_new: bool = False,
    progress: Callable[[str], None] | None = None,
) -> _Launch:
    """Find the run of the inputs of a street, or start one; return the street with its run.

    Parameters
    ----------
    street
        What is to be run.
    run
        Compute in this process and return at the end; else the daemon computes, and the call returns at once.
    force
        Compute again even where a run of these inputs exists, its jobs included.
    is_new
        Start a run even where one of these inputs exists; jobs come from the cache.
    progress
        Called with a sentence as something happens.

    Raises
    ------
    InputError
        If AiiDA rejects the inputs.
    ElyteError
        If the daemon cannot be started.
    Interruption
        If a street that runs in this process is interrupted.
    """
    from aiida.engine import submit

    say, builder = progress or _say_nothing, street.builder
    key = key_of(builder)
    if force:
        forget_jobs(builder)
    found = None if force or is_new else find_run(key)
    if found is not None:
        state = "has finished" if found.is_terminated else "is under way"
        say(f"The run of these inputs {state}: {found.process_label} {found.pk} (compute again with `force`).")
        if run and not found.is_terminated:
            attend(found, run=True, progress=progress)
        return replace(street, node=found, is_found=True)
    node: Any
    try:
        if run:
            node = run_here(builder, _observer({KEY: key, RUNNER: runner_here()}, say))
        else:
            ensure_daemon()
            node = submit(builder)
    except ValueError as error:
        raise InputError(str(error)) from error
    if not run:
        node.base.extras.set(KEY, key)
        say(f"Submitted {node.process_label} {node.pk}.")
    return replace(street, node=node)


def attend(node: "orm.WorkChainNode", *, run: bool = False, progress: Callable[[str], None] | None = None) -> None:
    """See to it that a process works on a street that has not ended.

    Parameters
    ----------
    node
        The street.
    run
        Go on in this process, to the end, with a street that another one computed and that has ended.
    progress
        Called with a sentence as something happens.

    Raises
    ------
    InputError
        If ``run`` is given for a street that the daemon has.
    """
    say = progress or _say_nothing
    name = f"{node.process_label} {node.pk}"
    if RUNNER in node.base.extras and describe_neglect(node) is None:
        say(f"{name} is computed by the process {node.base.extras.get(RUNNER)['pid']}.")
    elif run and RUNNER not in node.base.extras:
        raise InputError(f"{name} was submitted to the daemon; expected one that is not; drop `run`")
    elif run:
        go_on_here(node, _observer({RUNNER: runner_here()}, say))
    else:
        ensure_daemon()
        if revive(node):
            if RUNNER in node.base.extras:
                node.base.extras.delete(RUNNER)
            say(f"{name} had lost its place in the queue and was put back.")


def _observer(extras: dict[str, Any], say: Callable[[str], None]) -> Observer:
    """Return what notes the start of a street on its node, and says what is new of it."""
    watch = observe(say)

    def begin(node: "orm.WorkChainNode") -> Callable[[], None]:
        node.base.extras.set_many(extras)
        say(f"Started {node.process_label} {node.pk}.")
        return watch(node)

    return begin


def _say_nothing(_: str) -> None:
    return None
