"""The program with a toy potential: atoms tethered to lattice sites, each member with its own stiffness."""

import os
import sys
import time
from functools import partial

import torch
from torch_sim.models.interface import ModelInterface

from aiida_elyte.program import execute
from aiida_elyte.science.dynamics.forces import Forces
from aiida_elyte.science.dynamics.settings import read_md_settings
from aiida_elyte.science.frames import read_frames
from tests.remote.programs import run_md

PAUSE = float(os.environ.get("TOY_PAUSE", "0"))
"""Seconds a step takes longer than it must."""


class Tethers(ModelInterface):
    def __init__(self, sites, stiffness):
        super().__init__()
        self._device, self._dtype = torch.device("cpu"), torch.float64
        self._compute_stress, self._compute_forces = False, True
        self.sites, self.stiffness = sites, stiffness

    def forward(self, state, **kwargs):
        time.sleep(PAUSE)
        n_systems = state.cell.shape[0]
        away = state.positions - self.sites.repeat(n_systems, 1)
        energy = 0.5 * self.stiffness * (away**2).reshape(n_systems, -1).sum(dim=1)
        return {"energy": energy, "forces": -self.stiffness * away}


def build(sites, stiffness):
    return Forces(Tethers(sites, stiffness))


def run(job):
    settings = read_md_settings(job.settings)
    sites = torch.as_tensor(read_frames(job.folder / "start.extxyz")[0].repeat(settings.supercell).positions)
    members = {"m00": partial(build, sites, 2.0), "m01": partial(build, sites, 1.5)}
    return run_md.simulate(job, settings, members)


if __name__ == "__main__":
    sys.exit(execute(run, sys.argv[1]))
