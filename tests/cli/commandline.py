"""``aiida-elyte`` as a user runs it, and what a refusal looks like.

Run as a program, it is a child that runs one command a line, so that AiiDA is imported once for all tests.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace


class Child:
    """A Python of its own, with its own folder for AiiDA, that runs commands of ``aiida-elyte``."""

    def __init__(self, home):
        self.home = home
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(home)
        )

    def run(self, *words):
        self._process.stdin.write(json.dumps([str(word) for word in words]) + "\n")
        self._process.stdin.flush()
        return SimpleNamespace(**json.loads(self._process.stdout.readline()))

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=30)


def run_command(*words, home):
    """Run the installed command in a process of its own."""
    program = Path(sys.executable).with_name("aiida-elyte")
    return subprocess.run(
        [program, *map(str, words)], capture_output=True, text=True, check=False, env=environment(home), timeout=300
    )


def run_in_process(*words):
    """Run a command that needs no profile in this process."""
    from click.testing import CliRunner

    from aiida_elyte.cli import main

    return CliRunner().invoke(main, [str(word) for word in words])


def environment(home):
    return {**os.environ, "AIIDA_PATH": str(home), "OMP_NUM_THREADS": "1"}


def one_line(code, stdout, stderr):
    """Check that a command was refused as promised, and return what it said."""
    assert code == 2, (code, stdout, stderr)
    assert stdout == ""
    lines = stderr.strip().splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("Error: ")
    return lines[0]


def _serve():
    replies, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        result = run_in_process(*json.loads(line))
        crash = "" if result.exception is None or isinstance(result.exception, SystemExit) else repr(result.exception)
        reply = {"returncode": result.exit_code, "stdout": result.stdout, "stderr": result.stderr + crash}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    _serve()
