"""Which modules a program needs to carry, found by following its imports, and the node that carries them.

They are those of this package, and those of every distribution that registers an entry point in a group of ours,
``aiida_elyte.<door>``: a plug-in travels like what it plugs into. Everything else is installed where the program runs.
"""

import ast
import hashlib
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from aiida import orm

import aiida_elyte
from aiida_elyte.doors import read_points

__all__ = ["PROGRAMS", "pack_rooms", "plugin_modules", "program_node", "rooms_of"]

_Node = TypeVar("_Node", bound=orm.Data)

_ROOT = Path(aiida_elyte.__file__).parent
PROGRAMS = _ROOT / "remote"
"""Folder of the programs, which are read as files."""
_PACKAGE = _ROOT.name
_TOP = f"{_PACKAGE}/__init__.py"
"""It travels without its content: no program needs the version and the names of the library."""
_EXTRA = "elyte_content"
_EXTEND = b"""from pkgutil import extend_path
__path__ = extend_path(__path__, __name__)
"""
"""What is added to the packages that travel: a module that does not is found where the package is installed."""


def rooms_of(program: Path, modules: Iterable[str] = ()) -> dict[str, Path]:
    """Return the files that a program carries: path below its folder → path of the file, in order of the paths.

    Parameters
    ----------
    program
        Its file.
    modules
        Names of modules that it imports without naming them, as that of a calculator in its settings; one that belongs
        neither to this package nor to a plug-in is expected to be installed where the program runs.
    """
    found: dict[str, Path] = {}
    waiting = [*modules, *_imports(program.read_text(), "")]
    while waiting:
        for room, path in _files(waiting.pop()):
            if room in found:
                continue
            found[room] = path
            if room != _TOP:
                waiting.extend(_imports(path.read_text(), room.rpartition("/")[0].replace("/", ".")))
    return dict(sorted(found.items()))


@cache
def _imports(text: str, package: str) -> tuple[str, ...]:
    """Return the names that a module of a package imports: of modules, and of what may be modules in them."""
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found.extend([base, *(f"{base}.{alias.name}" for alias in node.names)])
    return tuple(found)


def _files(module: str) -> Iterator[tuple[str, Path]]:
    """Yield the file of a module that travels, and those of the packages above it."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        stem = "/".join(parts[:depth])
        for place in _places(parts[0]):
            for room in (f"{stem}/__init__.py", f"{stem}.py"):
                if (place / room).is_file():
                    yield room, place / room


def _places(name: str) -> Sequence[Path]:
    """Return the folders that hold a top-level package or module, none if it does not travel."""
    if name == _PACKAGE:
        return (_ROOT.parent,)
    if name in sys.stdlib_module_names or name not in _plugin_packages(tuple(sys.path)):
        return ()
    spec = find_spec(name)
    if spec is None:
        return ()
    if spec.submodule_search_locations is not None:
        return tuple(Path(folder).parent for folder in spec.submodule_search_locations)
    return (Path(spec.origin).parent,) if spec.origin else ()


@cache
def _plugin_packages(path: tuple[str, ...]) -> frozenset[str]:
    """Return the top-level packages and modules of all distributions that open a door of ours."""
    found: set[str] = set()
    for distribution in distributions(path=list(path)):
        points = read_points(distribution)
        if any(point.group.startswith(f"{_PACKAGE}.") for point in points):
            found.update(point.module.split(".")[0] for point in points)
            found.update((distribution.read_text("top_level.txt") or "").split())
            files = [file for file in distribution.files or () if file.suffix == ".py"]
            found.update(file.parts[0].removesuffix(".py") for file in files)
    return frozenset(found)


def plugin_modules() -> dict[str, Path]:
    """Return every module of the installed plug-ins, whether a program carries it or not, as ``rooms_of`` does."""
    found: dict[str, Path] = {}
    for name in _plugin_packages(tuple(sys.path)) - {_PACKAGE}:
        for place in _places(name):
            paths = (place / f"{name}.py", *(place / name).rglob("*.py"))
            found |= {path.relative_to(place).as_posix(): path for path in paths if path.is_file()}
    return dict(sorted(found.items()))


def pack_rooms(program: Path, modules: Iterable[str] = ()) -> orm.FolderData:
    """Return the node with the files that a program carries, the stored one where it exists already.

    Package files travel without docstrings, and ours without the version, so that neither voids a cache.

    Parameters
    ----------
    program, modules
        As of ``rooms_of``.
    """
    files = {room: _content(room, path) for room, path in rooms_of(program, modules).items()}
    node = orm.FolderData()
    for room, content in files.items():
        node.base.repository.put_object_from_bytes(content, room)
    return _once(node, files)


def _content(room: str, path: Path) -> bytes:
    """Return a file as it travels."""
    content = path.read_bytes()
    if path.name != "__init__.py":
        return content
    body = ast.parse(content).body
    if room == _TOP or all(_is_text(node) for node in body):
        return _EXTEND
    # What comes before all else stays there.
    n_lines = max((node.end_lineno or 0 for node in body if _is_text(node) or _is_future(node)), default=0)
    lines = content.splitlines(keepends=True)
    return b"".join(lines[:n_lines]) + _EXTEND + b"".join(lines[n_lines:])


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def program_node(program: Path) -> orm.SinglefileData:
    """Return the node with a program's source, the stored one where it exists already."""
    content = program.read_bytes()
    return _once(orm.SinglefileData(io.BytesIO(content), filename=program.name), {program.name: content})


def _once(node: _Node, files: dict[str, bytes]) -> _Node:
    """Return the stored node of the same content, or store this one: one copy serves a whole campaign."""
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    query = orm.QueryBuilder().append(type(node), filters={f"extras.{_EXTRA}": digest.hexdigest()})
    stored = query.first(flat=True)
    if stored is not None:
        return stored
    node.base.extras.set(_EXTRA, digest.hexdigest())
    return node.store()
