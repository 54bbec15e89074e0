"""A Python that has torch imported already: each job is a fork of it, so that a toy job costs no import.

``start`` serves at a socket and writes a small executable to run in its place, as a code of AiiDA. A program sees
the same arguments, environment, folder and streams as if Python had been started for it, and ends with its client; but
what Python and libraries read of the environment as they start (``PYTHONPATH``, ``OMP_NUM_THREADS``) is the server's.
"""

import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path

PRELOADED = ("numpy", "scipy.optimize", "scipy.spatial", "ase.io", "ase.io.extxyz", "rdkit.Chem.AllChem", "torch")
"""What programs import that is not ours; all that is missing here is imported in the job as usual."""

_CLIENT = """\
#!{python} -IS
import json, os, socket, sys

if not sys.argv[1:2] or not sys.argv[1].endswith(".py"):
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
request = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
socket.send_fds(server, [len(request).to_bytes(4, "big")], [0, 1, 2])
server.sendall(request)
status = int(server.recv(16) or b"-9")
if status < 0:
    os.kill(os.getpid(), -status)
sys.exit(status)
"""


def start(folder):
    """Start the server; return its process, which ends when its standard input is closed, and the executable."""
    address, executable = Path(folder) / "socket", Path(folder) / "python"
    executable.write_text(_CLIENT.format(python=sys.executable, address=str(address)))
    executable.chmod(0o755)
    for program in Path(sys.executable).parent.iterdir():  # as packmol, which is looked for beside a Python
        if program.name != executable.name:
            (Path(folder) / program.name).symlink_to(program)
    server = subprocess.Popen([sys.executable, __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout.readline() == b"ready\n"
    return server, executable


def _serve(address):
    for name in PRELOADED:
        with suppress(ImportError):  # what is missing here is missing in the job, which says so
            import_module(name)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while listener in select.select([sys.stdin, listener], [], [])[0]:
        client, _ = listener.accept()
        if not os.fork():
            listener.close()
            _attend(client)
        client.close()


def _attend(client):
    """Run the job of a client; tell it the exit status, or end the job when the client is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, _, _ = socket.recv_fds(client, 4, 3)
    words, environment, folder = json.loads(_receive(client, int.from_bytes(size, "big")))
    job = os.fork()
    if not job:
        client.close()
        _run(words, environment, folder, streams)
    ended = os.pidfd_open(job)
    if ended not in select.select([client, ended], [], [])[0]:
        os.kill(job, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(job, 0)[1])
    with suppress(BrokenPipeError):
        client.sendall(str(status).encode())
    os._exit(0)


def _receive(client, size):
    parts = b""
    while len(parts) < size:
        parts += client.recv(size - len(parts))
    return parts


def _run(words, environment, folder, streams):
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv[:], sys.path[0] = words, str(Path(words[0]).resolve().parent)
    status = 0
    try:
        runpy.run_path(words[0], run_name="__main__")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - whatever ends a program ends it as Python would
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _serve(sys.argv[1])
