"""Runs of a street, found again by a hash of their inputs."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiida import orm
    from aiida.engine import ProcessBuilder

__all__ = ["KEY", "find_run", "forget_jobs", "key_of"]

KEY = "elyte_key"
"""Extra of a street's node under which the hash of its inputs is stored."""
_ROOMS = ("science", "data", "calculations", "parsers", "remote", "workflows")
"""Packages whose modules take part in a result."""


def key_of(builder: "ProcessBuilder") -> str:
    """Return the hash of all that can change a result: input nodes by their content, and our modules."""
    import aiida_elyte

    content: dict[str, str] = {}
    _flatten(builder._inputs(prune=True), "", content)
    root = Path(aiida_elyte.__file__).parent
    for path in (*root.glob("*.py"), *(path for room in _ROOMS for path in (root / room).rglob("*.py"))):
        if path.parent != root or path.name != "__init__.py":  # the version changes no result
            content[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def forget_jobs(key: str) -> None:
    """Take the jobs of all streets of these inputs out of the cache, so that a new one computes them again."""
    from aiida import orm

    query = orm.QueryBuilder().append(orm.WorkChainNode, filters={f"extras.{KEY}": key})
    for street in query.all(flat=True):
        for job in street.called_descendants:
            if isinstance(job, orm.CalcJobNode):
                job.base.caching.is_valid_cache = False


def find_run(key: str) -> "orm.WorkChainNode | None":
    """Return the newest street of these inputs that finished well or still runs."""
    from aiida import orm

    query = orm.QueryBuilder().append(orm.WorkChainNode, filters={f"extras.{KEY}": key}, tag="street")
    query.order_by({"street": {"id": "desc"}})
    found: list[orm.WorkChainNode] = query.all(flat=True)
    return next((node for node in found if node.is_finished_ok or not node.is_terminated), None)


def _flatten(inputs: Mapping[str, Any], above: str, content: dict[str, str]) -> None:
    """Collect the hash of every input under its path; metadata and options of the jobs change no result."""
    from aiida import orm
    from aiida.common.hashing import make_hash

    for name, value in inputs.items():
        path = f"{above}.{name}".lstrip(".")
        if name in ("metadata", "options"):
            continue
        if isinstance(value, orm.Node):
            content[path] = make_hash(value.base.caching.get_objects_to_hash())
        elif isinstance(value, Mapping):
            _flatten(value, path, content)
        else:
            content[path] = json.dumps(value, sort_keys=True, default=str)
