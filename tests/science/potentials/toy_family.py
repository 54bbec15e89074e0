"""A family of soft spheres, ε (1 − r / r_c)⁴ between all pairs: the least that a family has to do."""

import json

import torch
from torch_sim.models.interface import ModelInterface

from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.family import Description, Family
from aiida_elyte.science.potentials.neighbours import VerletList
from aiida_elyte.science.potentials.potential import Potential


class SoftSphereModel(ModelInterface):
    def __init__(self, strength_eV, cutoff_A, device, dtype, stress):
        super().__init__()
        self.strength_eV, self.pairs = strength_eV, VerletList(cutoff_A, skin_A=0.0)
        self._device, self._dtype = device, dtype
        self._compute_stress, self._compute_forces = stress, True

    def forward(self, state, **kwargs):
        cells, periodic = state.row_vector_cell, torch.as_tensor(state.pbc).expand(3)
        batch = self.pairs.batch(
            state.atomic_numbers, state.positions, cells, periodic, state.system_idx, dtype=self._dtype
        )
        distance = batch.vectors.norm(dim=1, keepdim=True)
        overlap = 1 - distance / self.pairs.cutoff_A
        owner = state.system_idx[batch.first]
        energy = torch.zeros(len(cells), dtype=torch.float64)
        energy.index_add_(0, owner, self.strength_eV * (overlap[:, 0] ** 4).double())
        slope = -4 * self.strength_eV / self.pairs.cutoff_A * overlap**3 * batch.vectors / distance
        forces = torch.zeros(len(state.positions), 3, dtype=self._dtype)
        forces.index_add_(0, batch.first, slope).index_add_(0, batch.second, -slope)
        found = {"energy": energy, "forces": forces}
        if self._compute_stress:
            virial = torch.zeros(len(cells), 3, 3, dtype=self._dtype)
            virial.index_add_(0, owner, batch.vectors.unsqueeze(2) * slope.unsqueeze(1))
            found["stress"] = virial / batch.volumes.view(-1, 1, 1)
        return found


class SoftSpheres(Potential):
    def __init__(self, parameters, device, dtype):
        self.parameters = parameters
        self._device, self._dtype = torch.device(device), dtype

    @property
    def elements(self):
        return self.parameters["elements"]

    @property
    def dtype(self):
        return self._dtype

    @property
    def device(self):
        return self._device

    def model(self, *, stress=False):
        strength_eV, cutoff_A = self.parameters["strength_eV"], self.parameters["cutoff_A"]
        return SoftSphereModel(strength_eV, cutoff_A, self._device, self._dtype, stress)


class SoftSphereFamily(Family):
    name = "soft-spheres"
    packages = ("torch-sim-atomistic",)

    def recognises(self, content):
        try:
            return json.loads(content)["family"] == self.name
        except (ValueError, TypeError, KeyError):
            return False

    def describe(self, content):
        parameters = self._read(content)
        return Description(
            family=self.name,
            elements=parameters["elements"],
            cutoff_A=parameters["cutoff_A"],
            dtype="float64",
            n_parameters=2,
        )

    def load(self, content, device="cpu", dtype=None):
        return SoftSpheres(self._read(content), device, dtype or torch.float64)

    def _read(self, content):
        if not self.recognises(content):
            raise InputError("the given content holds no soft spheres; expected their parameters")
        return json.loads(content)
