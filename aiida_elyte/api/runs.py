"""Runs of a street, found again by a hash of their inputs."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiida import orm
    from aiida.engine import ProcessBuilder

__all__ = ["KEY", "find_run", "forget_jobs", "key_of"]

KEY = "elyte_key"
"""Extra of a street's node under which the hash of its inputs is stored."""
_HASH = "_aiida_hash"
"""Extra under which AiiDA keeps the hash of a node."""
_ROOMS = ("science", "data", "calculations", "parsers", "remote", "workflows")
"""Packages whose modules take part in a result."""


def key_of(builder: "ProcessBuilder") -> str:
    """Return the hash of all that can change a result: input nodes by their content, our modules and plug-ins'."""
    import aiida_elyte
    from aiida_elyte.calculations.rooms import plugin_modules

    content = {path: _hash(value) for path, value in _leaves(builder._inputs(prune=True))}
    top = Path(aiida_elyte.__file__)
    ours = {*top.parent.glob("*.py"), *(path for room in _ROOMS for path in (top.parent / room).rglob("*.py"))}
    ours.remove(top)  # the version changes no result
    modules = plugin_modules() | {str(path.relative_to(top.parents[1])): path for path in ours}
    content |= {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in modules.items()}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def forget_jobs(builder: "ProcessBuilder") -> None:
    """Take the jobs of all streets of these inputs out of the cache, so that a new one computes them again.

    Neither our modules nor those of plug-ins count: a job that carries none of those that have changed since is as good
    for the cache as before. Nor does it count for which street a job was computed: all that equal one of these go.
    """
    from aiida import orm

    query = orm.QueryBuilder().append(orm.WorkChainNode, filters={"id": {"in": _streets_of(builder)}})
    jobs = [
        job for street in query.all(flat=True) for job in street.called_descendants if isinstance(job, orm.CalcJobNode)
    ]
    hashes = {job.base.caching.get_hash() for job in jobs} - {None}
    equal = orm.QueryBuilder().append(orm.CalcJobNode, filters={f"extras.{_HASH}": {"in": sorted(hashes)}})
    for job in equal.all(flat=True) if hashes else ():
        job.base.caching.is_valid_cache = False


def _streets_of(builder: "ProcessBuilder") -> list[int]:
    """Return the PKs of the streets that were given all these inputs."""
    from aiida import orm

    leaves = _leaves(builder._inputs(prune=True))
    asked = {(path.replace(".", "__"), _hash(value)) for path, value in leaves if isinstance(value, orm.Node)}
    query = orm.QueryBuilder()
    kind = builder.process_class.build_process_type()
    query.append(orm.WorkChainNode, filters={"process_type": kind}, project="id", tag="street")
    query.append(orm.Data, with_outgoing="street", edge_project="label", project=f"extras.{_HASH}")
    given: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)
    for pk, hashed, label in query.all():
        given[pk].add((label, hashed))
    return [pk for pk, found in given.items() if asked <= found]


def find_run(key: str) -> "orm.WorkChainNode | None":
    """Return the newest street of these inputs that finished well or still runs."""
    from aiida import orm

    query = orm.QueryBuilder().append(orm.WorkChainNode, filters={f"extras.{KEY}": key}, tag="street")
    query.order_by({"street": {"id": "desc"}})
    found: list[orm.WorkChainNode] = query.all(flat=True)
    return next((node for node in found if node.is_finished_ok or not node.is_terminated), None)


def _leaves(inputs: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every input with its path; metadata and options of the jobs change no result."""
    for name, value in inputs.items():
        path = f"{above}.{name}".lstrip(".")
        if name in ("metadata", "options"):
            continue
        if isinstance(value, Mapping):
            yield from _leaves(value, path)
        else:
            yield path, value


def _hash(value: Any) -> str:
    """Return the hash of a node by its content, stored or not, or what a plain value is."""
    from aiida import orm
    from aiida.common.hashing import make_hash

    if isinstance(value, orm.Node):
        return make_hash(value.base.caching.get_objects_to_hash())
    return json.dumps(value, sort_keys=True, default=str)
