"""LAMMPS on this machine."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from aiida_elyte.errors import InputError
from aiida_elyte.science.lammps.log import missing_packages

__all__ = ["find_lammps"]


def find_lammps(lmp: str = "lmp", processes: int = 1) -> str:
    """Return the shell script that starts LAMMPS, once it has listed the packages that class 2 needs.

    Parameters
    ----------
    lmp
        Name or path of the executable; names are sought beside this Python and on the ``PATH``.
    processes
        MPI processes.

    Raises
    ------
    InputError
        If LAMMPS or ``mpirun`` is missing, or LAMMPS lacks a package.
    """
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    path = shutil.which(lmp, path=places)
    if path is None:
        raise InputError(f"LAMMPS {lmp} is not found; expected it on the PATH; install it, or give its path as `lmp`")
    asked = subprocess.run([path, "-h"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    lacking = missing_packages(asked.stdout)
    if lacking is None:
        raise InputError(
            f"LAMMPS {path} lists no packages under -h; expected LAMMPS; give the path of another as `lmp`"
        )
    if lacking:
        raise InputError(
            f"LAMMPS {path} was built without {', '.join(lacking)}; expected a build with {' and '.join(lacking)}; add "
            "-D PKG_<NAME>=yes for each, or give the path of another as `lmp`"
        )
    parts = [str(Path(path).absolute())]
    if processes > 1:
        launcher = shutil.which("mpirun", path=places)
        if launcher is None:
            raise InputError(
                f"`processes` is {processes} and needs mpirun, which is not on the PATH; expected MPI; leave it out"
            )
        parts = [launcher, "-np", str(processes), *parts]
    return f'export OMP_NUM_THREADS="${{OMP_NUM_THREADS:-1}}"\nexec {shlex.join(parts)} "$@"\n'
