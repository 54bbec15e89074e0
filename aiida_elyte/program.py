"""The contract of every program we send to a cluster: ``settings.json`` in, ``results.json`` out, whatever happens.

A program is ``main(path)`` around ``execute(run, path)``, where ``run(job)`` returns the results as a dictionary,
and ``job`` holds the settings and the time left; ``Checkpoint`` and ``Pace`` let a run that is ended early go on.
Standard library and numpy only.
"""

import io
import json
import os
import platform
import signal
import subprocess
import sys
import time
import traceback
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from reprlib import repr as brief
from typing import Any, NamedTuple

import numpy as np

from aiida_elyte.errors import EngineMissingError, InputError, ProgramFailure

__all__ = [
    "CHECKPOINT",
    "LIMITS",
    "PROGRESS",
    "RESULTS",
    "TRACEBACK",
    "Checkpoint",
    "Job",
    "Pace",
    "Saved",
    "execute",
    "guarded",
    "write_atomically",
]

RESULTS = "results.json"
PROGRESS = "progress.json"
LIMITS = "limits.json"
TRACEBACK = "traceback.txt"
CHECKPOINT = "checkpoint.npz"

_REPORT_SECONDS = 5.0
"""Time between two reports of a run that laps often."""


class Job:
    """One run of a program in its folder.

    Parameters
    ----------
    settings
        Content of ``settings.json``.
    folder
        The job's folder; every path of the program is inside.
    max_seconds
        Wall time granted to the job [s]; ``None`` when nothing limits it.
    """

    def __init__(self, settings: dict[str, Any], folder: Path, max_seconds: float | None = None) -> None:
        self.settings = settings
        self.folder = folder
        self.max_seconds = max_seconds
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def should_stop(self, reserve_s: float = 0.0) -> bool:
        """Tell whether the wall time is near: 5 % of it and ``reserve_s`` are kept for the last checkpoint."""
        return self.max_seconds is not None and self.seconds > 0.95 * self.max_seconds - reserve_s

    def sizes(self, files: Iterable[str | Sequence[str]]) -> dict[str, int]:
        """Return the size of each file that is there [bytes]: tells files apart that are too large for a hash.

        Parameters
        ----------
        files
            Names, or lists of names of parts.
        """
        names = [name for named in files for name in ([named] if isinstance(named, str) else named)]
        return {name: (self.folder / name).stat().st_size for name in names if (self.folder / name).is_file()}

    def report(self, **progress: Any) -> None:
        """Write ``progress.json``, which ``aiida-elyte status`` reads while the job runs."""
        write_atomically(self.folder / PROGRESS, json.dumps({"seconds": round(self.seconds, 1), **progress}))


class Saved(NamedTuple):
    """What a checkpoint holds."""

    state: Any
    """What JSON can hold: numbers, strings, lists and dictionaries."""
    arrays: dict[str, np.ndarray]
    """Arrays by name."""


class Checkpoint:
    """How far a run is, on disk: an npz file of plain arrays, whose reading executes nothing that the file says.

    Parameters
    ----------
    path
        The file.
    identity
        What a run that goes on must have in common with the one before, as settings and hashes of files; JSON can
        hold it.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self._identity: dict[str, Any] = json.loads(json.dumps(identity, default=_plain))

    def load(self) -> Saved | None:
        """Return what was saved last; ``None`` if nothing was.

        Raises
        ------
        InputError
            If the file belongs to a run of another identity, or cannot be read.
        """
        if not self.path.exists():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as file:
                content = {name: file[name] for name in file}
            identity, state = json.loads(str(content.pop("identity"))), json.loads(str(content.pop("state")))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{self.path.name} cannot be read ({error}); expected a checkpoint of this program; remove it to start "
                "anew"
            ) from error
        for name in {**self._identity, **identity}:
            ours, theirs = self._identity.get(name), identity.get(name)
            if ours != theirs:
                raise InputError(
                    f"{self.path.name} belongs to another run: {name} is {brief(theirs)} there and "
                    f"{brief(ours)} here; expected the same; remove it to start anew"
                )
        return Saved(state, {name.removeprefix("arrays/"): array for name, array in content.items()})

    def save(self, state: Any, arrays: Mapping[str, np.ndarray | bytes] | None = None) -> None:
        """Replace what was saved.

        Parameters
        ----------
        state
            What JSON can hold.
        arrays
            Arrays by name, none of Python objects; bytes come back as an array of ``uint8``.

        Raises
        ------
        TypeError
            If JSON cannot hold the state, or an array holds Python objects.
        """
        content = {
            "identity": np.array(json.dumps(self._identity)),
            "state": np.array(json.dumps(state, default=_plain)),
        }
        for name, value in (arrays or {}).items():
            array = np.frombuffer(value, np.uint8) if isinstance(value, bytes) else np.asarray(value)
            if array.dtype.hasobject:
                raise TypeError(f"array {name} holds Python objects; expected numbers or strings")
            content[f"arrays/{name}"] = array
        buffer = io.BytesIO()
        np.savez(buffer, **content)  # type: ignore[arg-type]
        write_atomically(self.path, buffer.getvalue())


class Pace:
    """The clock of a run that works in laps: when it saves, reports, and has to stop.

    Parameters
    ----------
    job
        The job.
    save
        Writes a checkpoint; ``None`` where each lap leaves what it has done on disk.
    every_s
        Time between two checkpoints [s].
    reserve
        The run stops when this many times its slowest lap would not fit into the wall time.
    """

    def __init__(
        self, job: Job, save: Callable[[], None] | None = None, every_s: float = 0.0, reserve: float = 2.0
    ) -> None:
        self._job, self._save, self._every_s, self._reserve = job, save, every_s, reserve
        self._saved_s = self._reported_s = job.seconds
        self._last_s: float | None = None
        self._slowest_s = 0.0

    def lap(self, **progress: Any) -> bool:
        """Note that a lap ends and another begins; save and report what is due.

        The time before the first call is that of opening files; call it before a first lap that is long.

        Parameters
        ----------
        progress
            What ``Job.report`` takes; nothing is reported without.

        Returns
        -------
        bool
            Whether the wall time is too near for another lap. Everything is saved then.
        """
        now = self._job.seconds
        if self._last_s is not None:
            self._slowest_s = max(self._slowest_s, now - self._last_s)
        self._last_s = now
        should_stop = self._job.should_stop(self._reserve * self._slowest_s)
        if self._save is not None and (should_stop or now - self._saved_s > self._every_s):
            self._save()
            self._saved_s = self._job.seconds
        if progress and now - self._reported_s > _REPORT_SECONDS:
            self._job.report(**progress)
            self._reported_s = now
        return should_stop


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name, flush it to disk, then rename it: it is there whole or not at all."""
    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("wb") as handle:
            handle.write(content.encode() if isinstance(content, str) else content)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def guarded(command: Sequence[str], folder: Path, screen: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Run an engine for the time of a ``with``; afterwards nothing of it is left, even where this program is killed.

    Parameters
    ----------
    command
        What to run.
    folder
        Where.
    screen
        File for what it says.
    """
    with screen.open("wb") as said:
        engine = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        # When this program is killed, its end of the pipe closes, and all that belongs to the engine goes with it:
        # nothing may write to a trajectory after the job has ended.
        guard = subprocess.Popen(
            ["bash", "-c", 'read -r; kill -9 -- "-$0"', str(engine.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield engine
        finally:
            guard.kill()
            guard.communicate()
            _end(engine)


def _end(engine: "subprocess.Popen[bytes]") -> None:
    """End all that belongs to an engine: it must be gone before anything is read or hashed."""
    with suppress(ProcessLookupError):
        os.killpg(engine.pid, signal.SIGKILL)
        engine.wait()
        for _ in range(100):
            os.killpg(engine.pid, 0)
            time.sleep(0.01)


def execute(run: Callable[[Job], dict[str, Any]], path: str | Path) -> int:
    """Run a program and write ``results.json`` whatever happens.

    Parameters
    ----------
    run
        Takes the job, returns its results (JSON-serialisable).
    path
        ``settings.json``; its folder is the job's.

    Returns
    -------
    int
        0 when the program finished, 1 when it failed (the reason is in ``results.json``).
    """
    folder = Path(path).resolve().parent
    started = time.monotonic()
    limits: dict[str, Any] = {}
    try:
        settings = json.loads(Path(path).read_text())
        limits = json.loads((folder / LIMITS).read_text()) if (folder / LIMITS).exists() else {}
        results = {"status": "ok", **run(Job(settings, folder, limits.get("max_wallclock_seconds")))}
        _dump(results)
    except ProgramFailure as failure:
        results = {"status": "failed", "kind": failure.kind, "message": str(failure), **_dumpable(failure.results)}
    except EngineMissingError as error:
        results = {"status": "failed", "kind": "ENGINE_MISSING", "message": str(error)}
    except InputError as error:
        results = {"status": "failed", "kind": "INVALID_INPUT", "message": str(error)}
    except BaseException as error:  # noqa: BLE001 - the contract: a result whatever happens
        write_atomically(folder / TRACEBACK, traceback.format_exc())
        results = {"status": "failed", "kind": "UNEXPECTED", "message": f"{type(error).__name__}: {error}"}
    results["environment"] = _environment(limits.get("aiida_elyte"))
    results["seconds"] = round(time.monotonic() - started, 3)
    write_atomically(folder / RESULTS, _dump(results))
    return 0 if results["status"] == "ok" else 1


def _dump(results: dict[str, Any]) -> str:
    """Return results as JSON; numbers that are not finite have no place in it."""
    return json.dumps(results, allow_nan=False, default=_plain)


def _dumpable(results: dict[str, Any]) -> dict[str, Any]:
    """Return the results of a failed run that JSON can hold: it is reported even if its numbers are not finite."""
    kept = {}
    for name, value in results.items():
        try:
            _dump({name: value})
        except (TypeError, ValueError) as error:
            kept[name] = f"not kept: {error}"
        else:
            kept[name] = value
    return kept


def _environment(version: str | None) -> dict[str, Any]:
    """Return the versions of what is imported and of the package that sent the program, machine and accelerator."""
    versions = {"python": platform.python_version()} | ({"aiida-elyte": version} if version else {})
    for name in ("numpy", "ase", "torch", "schnetpack", "torch-sim-atomistic", "tblite", "pyscf", "MDAnalysis", "h5py"):
        # Of SchNetPack only the layers are imported.
        module = {"torch-sim-atomistic": "torch_sim", "schnetpack": "schnetpack.nn"}.get(name, name)
        if module in sys.modules:
            versions[name] = metadata.version(name)
    torch = sys.modules.get("torch")
    device = torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else "cpu"
    return {"versions": versions, "device": device, "machine": platform.machine(), "host": platform.node()}


def _plain(value: Any) -> Any:
    """Turn numpy scalars and arrays into plain Python for JSON."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"results hold a {type(value).__name__}; expected numbers, strings, lists and dictionaries")
