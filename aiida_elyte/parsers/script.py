"""The base of the parsers of our programs."""

import io
import json
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import ExitCode
from aiida.parsers import Parser

from aiida_elyte.errors import InputError
from aiida_elyte.program import RESULTS

__all__ = ["ScriptParser"]


class ScriptParser(Parser):
    """Read ``results.json``; ``attach`` turns the other files into nodes."""

    KEEPS_FAILED: tuple[str, ...] = ()
    """Kinds of failure whose files are worth nodes all the same."""

    def parse(self, **kwargs: Any) -> ExitCode | None:
        """Parse the retrieved files."""
        try:
            results = json.loads(self.read(RESULTS))
        except FileNotFoundError:
            return self.exit_codes.ERROR_RESULTS_MISSING
        except ValueError as error:
            return self.exit_codes.ERROR_RESULTS_UNREADABLE.format(name=RESULTS, message=error)
        status = results.pop("status")
        self.out("results", orm.Dict(results))
        if status == "failed" and results["kind"] not in self.KEEPS_FAILED:
            return self._failure(results)
        try:
            self.attach(results)
        except FileNotFoundError as error:
            if status == "ok":
                return self.exit_codes.ERROR_FILE_MISSING.format(name=error.filename or error)
        except (InputError, ValueError) as error:
            return self.exit_codes.ERROR_RESULTS_UNREADABLE.format(name="an output file", message=error)
        return self._failure(results) if status == "failed" else None

    def attach(self, results: dict[str, Any]) -> None:
        """Attach the outputs beside ``results``; raise ``FileNotFoundError`` if a file is missing."""

    def read(self, name: str) -> str:
        """Return the text of a retrieved file."""
        return self.retrieved.base.repository.get_object_content(name, mode="r")

    def read_bytes(self, name: str) -> bytes:
        """Return the bytes of a retrieved file."""
        return self.retrieved.base.repository.get_object_content(name, mode="rb")

    def read_file(self, name: str) -> orm.SinglefileData:
        """Return a retrieved file as a node."""
        return orm.SinglefileData(io.BytesIO(self.read_bytes(name)), filename=name)

    def read_arrays(self, name: str) -> orm.ArrayData:
        """Return the arrays of a retrieved npz file as a node."""
        node = orm.ArrayData()
        with np.load(io.BytesIO(self.read_bytes(name)), allow_pickle=False) as arrays:
            for key in arrays:
                node.set_array(key, arrays[key])
        return node

    def read_stream(self, name: str) -> io.StringIO:
        """Return a retrieved text file as a stream."""
        return io.StringIO(self.read(name))

    def _failure(self, results: dict[str, Any]) -> ExitCode:
        code = getattr(self.exit_codes, f"ERROR_{results['kind']}", None)
        if code is None:
            return self.exit_codes.ERROR_UNEXPECTED.format(message=f"{results['kind']}: {results['message']}")
        return code.format(message=results["message"])
