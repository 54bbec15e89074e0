"""What a CalcJob declares of its program: the program, the files it takes and leaves, and how it fails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiida import orm

from aiida_elyte.calculations.rooms import PROGRAMS
from aiida_elyte.calculations.settings import validate_record

__all__ = ["Failure", "Input", "Members", "Output", "Program"]


@dataclass(frozen=True)
class Program:
    """A program that runs with the cluster's Python."""

    file: str | Path
    """Name of a program in ``aiida_elyte/remote``, or path of that of a plug-in."""
    parser: str | None = None
    """Entry point of the parser."""
    settings: type | None = None
    """Record that the settings fill, which checks its fields; ``None`` if they are checked in another way."""
    needs: tuple[str, ...] = ()
    """Modules that have to be installed where it runs, beside those that its inputs name."""
    checkpoints: tuple[str, ...] = ("checkpoint*.npz",)
    """Patterns of the files from which an interrupted run resumes."""
    logs: tuple[str, ...] = ()
    """Files to retrieve beside ``results.json`` and those of the outputs."""

    @property
    def path(self) -> Path:
        """Path of the program."""
        return PROGRAMS / self.file

    def define(self, spec: Any) -> None:
        """Set the parser, and the validator of the settings."""
        if self.parser is not None:
            spec.inputs["metadata"]["options"]["parser_name"].default = self.parser
        if self.settings is not None:
            spec.inputs["settings"].validator = validate_record(self.settings)


@dataclass(frozen=True)
class _Port:
    """A port whose node is a file in the job's folder."""

    name: str
    """Name of the port."""
    kind: type[orm.Data]
    """Type of the node."""
    help: str
    """Meaning and unit."""
    file: str
    """Name of the file."""
    required: bool = True
    """Whether it is always there."""


@dataclass(frozen=True)
class Input(_Port):
    """A file that the program takes."""

    validator: Callable[[Any, Any], str | None] | None = None
    """Returns a sentence if the node is invalid."""

    def define(self, spec: Any) -> None:
        """Define the port."""
        spec.input(self.name, valid_type=self.kind, required=self.required, validator=self.validator, help=self.help)

    def files(self, inputs: Mapping[str, Any]) -> dict[str, orm.SinglefileData]:
        """Return the file: name in the job's folder → node."""
        return {self.file: inputs[self.name]} if self.name in inputs else {}


@dataclass(frozen=True)
class Members(Input):
    """The members m00, m01 … of an ensemble, at least one; ``*`` in ``file`` stands for a member's name."""

    def define(self, spec: Any) -> None:
        """Define the namespace."""
        spec.input_namespace(self.name, valid_type=self.kind, dynamic=True, validator=self._validate, help=self.help)

    def files(self, inputs: Mapping[str, Any]) -> dict[str, orm.SinglefileData]:
        """Return the files of the members."""
        return {self.file.replace("*", name): node for name, node in inputs[self.name].items()}

    def _validate(self, members: Mapping[str, orm.Data], port: Any) -> str | None:
        if not members:
            return f"{self.name} is empty; expected at least one member (m00)"
        return None if self.validator is None else self.validator(members, port)


@dataclass(frozen=True)
class Output(_Port):
    """What the parser makes of a file that the program leaves."""

    def define(self, spec: Any) -> None:
        """Define the port."""
        spec.output(self.name, valid_type=self.kind, required=self.required, help=self.help)


@dataclass(frozen=True)
class Failure:
    """An exit code; the program names it by its label without ``ERROR_``."""

    status: int
    """Its number: 2xx of inputs, 30x missing, 31x unreadable, 40x out of budget, 41x broken."""
    label: str
    """Its name."""
    message: str
    """What went wrong, and what to do; ``{message}`` is what the program says."""

    def define(self, spec: Any) -> None:
        """Define the exit code; up to 410, unforeseen, the same inputs need not fail again, so none is cached."""
        may_pass = 300 <= self.status <= 410
        spec.exit_code(self.status, self.label, message=self.message, invalidates_cache=may_pass)
