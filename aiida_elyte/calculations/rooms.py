"""Which of our modules a program needs, found by following its imports, and the node that carries them."""

import ast
import hashlib
import io
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from aiida import orm

import aiida_elyte

__all__ = ["PROGRAMS", "pack_rooms", "program_node", "rooms_of"]

_ROOT = Path(aiida_elyte.__file__).parent
PROGRAMS = _ROOT / "remote"
"""Where the programs lie; they are read as files."""
_PACKAGE = _ROOT.name
_EXTRA = "elyte_content"
_EXTEND = b"""from pkgutil import extend_path
__path__ = extend_path(__path__, __name__)
"""
"""First lines of the packages that travel: a module that does not is found where the package is installed."""


def rooms_of(program: Path) -> list[str]:
    """Return the paths, relative to the package's parent, of the modules of ours that a program imports."""
    found: set[Path] = set()
    waiting = list(_imports(program, program.read_text()))
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            if path.parent != _ROOT or path.name != "__init__.py":  # it travels empty: its names would bring all of us
                waiting.extend(_imports(path, path.read_text()))
    return sorted(str(path.relative_to(_ROOT.parent)) for path in found)


@cache
def _imports(path: Path, text: str) -> tuple[Path, ...]:
    """Return the files of our modules that one file imports, the packages above them included; parsed once."""
    found: list[Path] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.ImportFrom):
            above = path.parent
            for _ in range(node.level - 1):
                above = above.parent
            base = ".".join(above.relative_to(_ROOT.parent).parts) + (f".{node.module}" if node.module else "")
            modules = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        for module in modules:
            found.extend(_files(module))
    return tuple(found)


def _files(module: str) -> Iterable[Path]:
    parts = module.split(".")
    if parts[0] != _PACKAGE:
        return
    place = _ROOT.parent
    for part in parts:
        place = place / part
        if (place / "__init__.py").exists():
            yield place / "__init__.py"
        elif place.with_suffix(".py").exists():
            yield place.with_suffix(".py")


def pack_rooms(program: Path) -> orm.FolderData:
    """Return the node with the rooms a program imports, the stored one where it exists already.

    Of packages travels what they do and not what they say: neither the version nor a docstring voids a cache.
    """
    files = {path: _content(_ROOT.parent / path) for path in rooms_of(program)}
    node = orm.FolderData()
    for path, content in files.items():
        node.base.repository.put_object_from_filelike(io.BytesIO(content), path)
    return _once(node, files)


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if path.name != "__init__.py":
        return content
    is_docstring = [isinstance(node, ast.Expr) for node in ast.parse(content).body]
    return _EXTEND if path.parent == _ROOT or all(is_docstring) else _EXTEND + content


def program_node(program: Path) -> orm.SinglefileData:
    """Return the node with a program's source, the stored one where it exists already."""
    content = program.read_bytes()
    return _once(orm.SinglefileData(io.BytesIO(content), filename=program.name), {program.name: content})


def _once(node: orm.Data, files: dict[str, bytes]) -> orm.Data:
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
