"""Install the plug-in where ``importlib`` finds it, as ``pip install --target`` would, without pip or network."""

import shutil
import tomllib
from pathlib import Path

__all__ = ["install"]

_HERE = Path(__file__).parent


def install(target: Path) -> None:
    """Copy the package to a folder and write its metadata beside it."""
    project = tomllib.loads((_HERE / "pyproject.toml").read_text())["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    shutil.copytree(_HERE / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    metadata = target / f"{name}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n")
    groups = project["entry-points"].items()
    points = [f"[{group}]\n" + "".join(f"{key} = {place}\n" for key, place in one.items()) for group, one in groups]
    (metadata / "entry_points.txt").write_text("\n".join(points))
    files = [path.relative_to(target) for path in target.rglob("*") if path.is_file()]
    (metadata / "RECORD").write_text("".join(f"{path},,\n" for path in files))
