"""The base of CalcJobs that read trajectories where they are."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from aiida import orm
from aiida.common import CalcInfo
from aiida.common.folders import Folder

from aiida_elyte.calculations.script import ScriptCalculation

__all__ = ["TrajectoryCalculation"]


class TrajectoryCalculation(ScriptCalculation):
    """Read trajectories and their topology; those on the cluster are linked, never moved."""

    @classmethod
    def define(cls, spec: Any) -> None:
        """Define the ports."""
        super().define(spec)
        spec.input_namespace(
            "trajectories",
            valid_type=(orm.RemoteData, orm.SinglefileData),
            dynamic=True,
            validator=_validate_given,
            help="Replica → its file, or the folder on the code's computer with the file that "
            "`settings.trajectories` names; a list there names its parts in order of time.",
        )
        spec.input(
            "topology",
            valid_type=(orm.RemoteData, orm.SinglefileData),
            required=False,
            help="File with elements, masses and bonds; or the folder of the file that `settings.topology` names.",
        )

    @classmethod
    def validate_inputs(cls, inputs: Mapping[str, Any]) -> str | None:
        """Return a sentence if folders and the names of files in them do not go together."""
        return super().validate_inputs(inputs) or _validate_folders(inputs)

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        """Link what is on the cluster into the job's folder."""
        info = super().prepare_for_submission(folder)
        info.remote_symlink_list = [
            (node.computer.uuid, str(PurePosixPath(node.get_remote_path()) / name), _place(port, name))
            for port, (node, names) in self._sources().items()
            if isinstance(node, orm.RemoteData)
            for name in names
        ]
        return info

    def settings(self) -> dict[str, Any]:
        """Return the settings with the files under their names in the job's folder."""
        named = _names(self.inputs.settings.get_dict())
        places: dict[str, str | list[str]] = {}
        for port, (_, names) in self._sources().items():
            files = [_place(port, name) for name in names]
            places[port] = files if isinstance(named.get(port), list) else files[0]
        trajectories = {replica: places[f"trajectories.{replica}"] for replica in self.inputs.trajectories}
        return {**super().settings(), "trajectories": trajectories, "topology": places.get("topology")}

    def files(self) -> dict[str, orm.SinglefileData]:
        """Return the files that travel."""
        return {
            _place(port, names[0]): node
            for port, (node, names) in self._sources().items()
            if isinstance(node, orm.SinglefileData)
        }

    def _sources(self) -> dict[str, tuple[orm.Data, list[str]]]:
        """Return port → node and names of the files in it."""
        names = _names(self.inputs.settings.get_dict())
        return {
            port: (node, [node.filename] if isinstance(node, orm.SinglefileData) else _files(names[port]))
            for port, node in _nodes(self.inputs).items()
        }


def _nodes(inputs: Mapping[str, Any]) -> dict[str, orm.Data]:
    """Return port → node of each file."""
    nodes = {f"trajectories.{replica}": node for replica, node in inputs["trajectories"].items()}
    return nodes | ({"topology": inputs["topology"]} if "topology" in inputs else {})


def _files(name: str | list[str]) -> list[str]:
    return [name] if isinstance(name, str) else name


def _names(settings: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Return port → name of the file in its folder, or names of its parts."""
    names = {f"trajectories.{replica}": name for replica, name in settings.get("trajectories", {}).items()}
    return names | ({"topology": settings["topology"]} if settings.get("topology") is not None else {})


def _place(port: str, name: str) -> str:
    """Return the path of a file in the job's folder: under its own name, by which the format of a topology is known."""
    return f"{port.replace('.', '/')}/{PurePosixPath(name).name}"


def _validate_given(trajectories: Mapping[str, orm.Data], _: object) -> str | None:
    return None if trajectories else "trajectories is empty; expected at least one replica (r0)"


def _validate_folders(inputs: Mapping[str, Any]) -> str | None:
    """Return a sentence if a folder has no name of a file, a name has no folder, or a folder is on another computer."""
    if "trajectories" not in inputs:
        return None  # another WorkChain fills them in
    settings = inputs["settings"].get_dict()
    if not isinstance(given := settings.get("trajectories", {}), dict):
        return f'settings.trajectories is {given!r}; expected replica → file in its folder, as {{"r0": "run.xtc"}}'
    names = _names(settings)
    for port, name in names.items():
        files = name if isinstance(name, list) and name and port != "topology" else [name]
        if any(not isinstance(file, str) or set("*?[") & set(file) for file in files):
            return (
                f"settings.{port} is {name!r}; expected the name of one file in its folder, or of each part; "
                "patterns are not expanded"
            )
    folders = {port: node for port, node in _nodes(inputs).items() if isinstance(node, orm.RemoteData)}
    if names.keys() != folders.keys():
        return (
            f"settings name a file for {', '.join(names) or 'no folder'}; expected one for each folder "
            f"({', '.join(folders) or 'none'}) and no other; look at settings.trajectories and settings.topology"
        )
    computer = inputs["code"].computer if "code" in inputs else None
    for port, node in folders.items():
        if computer is not None and node.computer.uuid != computer.uuid:
            return (
                f"{port} is on {node.computer.label}; expected a folder on {computer.label}, where the code runs; "
                "take a code there, or give the file itself"
            )
    return None
