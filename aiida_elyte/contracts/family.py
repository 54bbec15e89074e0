"""The contract of every family of potentials, as a test class that its author inherits."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms

from aiida_elyte.errors import InputError
from aiida_elyte.science.potentials.calculators import PotentialCalculator
from aiida_elyte.science.potentials.family import Family, resolve_family
from aiida_elyte.science.potentials.files import find_family
from aiida_elyte.science.potentials.potential import Potential, Prediction, state_of

__all__ = ["FamilyContract", "forces_by_differences", "stress_by_differences"]

_STEP_A = 1e-4
"""Displacement of central differences [Å]."""
_STRAIN = 1e-5
"""Strain of central differences."""


class FamilyContract:
    """Inherit, and give three fixtures; ``tests/science/potentials/test_foreign_family.py`` is the shortest example.

    ``family``
        The family.
    ``content``
        Content of a file of a small potential, energies of a few eV.
    ``frame``
        A periodic frame of its elements, of two of them, a few atoms off equilibrium in a cell of no symmetry.
    """

    heavy: tuple[str, ...] = ("torch",)
    """Modules that the family's own module must not import before a potential is loaded."""

    @pytest.fixture
    def potential(self, family: Family, content: bytes) -> Potential:
        """Return the potential in double precision, in which derivatives can be compared."""
        return family.load(content, "cpu", torch.float64)

    def test_file_and_potential_are_described_alike(self, family: Family, content: bytes) -> None:
        """What the database records is what is loaded."""
        description, potential = family.describe(content), family.load(content)
        assert description.family == family.name
        assert description.elements == sorted(description.elements) == potential.elements
        assert description.dtype == str(potential.dtype).removeprefix("torch.")
        assert description.cutoff_A > 0
        assert description.n_parameters > 0
        assert potential.device == torch.device("cpu")
        assert set(family.versions()) == set(family.packages)

    def test_module_is_found_by_reference_and_imports_no_engine(self, family: Family) -> None:
        """A program finds the family by its reference; describing the door loads no engine."""
        assert type(resolve_family(family.reference())) is type(family)
        code = f"import sys, {type(family).__module__}\nprint([name for name in {self.heavy!r} if name in sys.modules])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"

    @pytest.mark.parametrize("other", [b"", b"weights", b"PK\x03\x04"])
    def test_unknown_files_are_rejected_by_name(self, family: Family, other: bytes) -> None:
        """A foreign file is not recognised, and is rejected with a reason."""
        assert not family.recognises(other)
        with pytest.raises(InputError):
            family.describe(other)
        with pytest.raises(InputError):
            family.load(other)
        with pytest.raises(InputError, match=rf"strange\.pt is not a potential of a family .*{family.name}"):
            find_family(other, "strange.pt", [family])

    def test_copies_predict_the_same(self, family: Family, content: bytes, frame: Atoms, tmp_path: Path) -> None:
        """A file that was copied is recognised and predicts the same, bit by bit."""
        (tmp_path / "copy.pt").write_bytes(content)
        copied = (tmp_path / "copy.pt").read_bytes()
        assert find_family(copied, families=[family]) is family
        one, other = (_evaluate(family.load(each), frame) for each in (content, copied))
        assert torch.equal(one.energy, other.energy)
        assert torch.equal(one.forces, other.forces)

    def test_elements_it_does_not_know_are_rejected(self, potential: Potential) -> None:
        """Elements that were not trained are named."""
        assert "Og" not in potential.elements
        with pytest.raises(InputError, match="Og"):
            potential.require_elements([118])

    def test_forces_are_minus_the_slope_of_the_energy(self, potential: Potential, frame: Atoms) -> None:
        """Every component of every force is a central difference of the energy."""
        forces = _evaluate(potential, frame).forces.numpy()
        assert forces.shape == (len(frame), 3)
        assert np.abs(forces).max() > 1e-3, "the frame is at equilibrium; give one that is not"
        np.testing.assert_allclose(
            forces, forces_by_differences(partial(_energy, potential), frame), rtol=1e-4, atol=1e-5
        )

    def test_stress_is_the_slope_of_the_energy_with_strain(self, potential: Potential, frame: Atoms) -> None:
        """Stress is symmetric, positive under tension, and ∂E/∂ε over the volume."""
        found = _evaluate(potential, frame, stress=True).stress
        assert found is not None
        stress = found[0].numpy()
        np.testing.assert_allclose(stress, stress.T, atol=1e-10)
        expected = stress_by_differences(partial(_energy, potential), frame)
        np.testing.assert_allclose(stress, expected, rtol=1e-3, atol=1e-7)

    def test_translation_rotation_and_order_of_atoms_change_no_energy(self, potential: Potential, frame: Atoms) -> None:
        """The energy is a scalar of the structure; forces turn and permute with it."""
        before = _evaluate(potential, frame)
        moved = frame.copy()
        moved.positions += [1.7, -9.1, 4.4]
        turn = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
        turn *= np.sign(np.linalg.det(turn))
        turned = frame.copy()
        turned.set_cell(frame.cell.array @ turn, scale_atoms=True)
        order = np.random.default_rng(1).permutation(len(frame))
        forces = before.forces.numpy()
        for after, expected in ((moved, forces), (turned, forces @ turn), (frame[order], forces[order])):
            found = _evaluate(potential, after)
            assert float(found.energy[0]) == pytest.approx(float(before.energy[0]), abs=1e-8)
            np.testing.assert_allclose(found.forces.numpy(), expected, atol=1e-8)

    def test_frames_side_by_side_are_as_each_alone(self, potential: Potential, frame: Atoms) -> None:
        """Frames predicted together, or systems of one batch, do not interact."""
        import torch_sim

        frames = [frame, frame.repeat((1, 2, 1))]
        alone = [_evaluate(potential, each, stress=True) for each in frames]
        expected = {
            "energy": torch.cat([one.energy for one in alone]).numpy(),
            "forces": torch.cat([one.forces for one in alone]).numpy(),
            "stress": torch.cat([one.stress for one in alone if one.stress is not None]).numpy(),
        }
        assert expected["energy"][1] == pytest.approx(2 * expected["energy"][0], abs=1e-7)
        together = potential.predict(frames, stress=True)
        batch = potential.model(stress=True)(torch_sim.io.atoms_to_state(frames, torch.device("cpu"), torch.float64))
        for name, values in expected.items():
            np.testing.assert_allclose(getattr(together, name).numpy(), values, atol=1e-8)
            np.testing.assert_allclose(batch[name].detach().numpy(), values, atol=1e-8)

    def test_a_model_forgets_nothing_that_matters(self, potential: Potential, frame: Atoms) -> None:
        """A model that has followed a path gives what a new one gives, and so does the calculator around it."""
        kept, calculator = potential.model(), PotentialCalculator(potential)
        rng = np.random.default_rng(0)
        moving = frame.copy()
        for _ in range(8):
            moving.positions += 0.05 * rng.normal(size=(len(moving), 3))
            found = kept(state_of(moving))["forces"].detach().numpy()
            np.testing.assert_allclose(found, potential.model()(state_of(moving))["forces"].detach().numpy(), atol=1e-8)
            np.testing.assert_allclose(calculator.get_forces(moving), found, atol=1e-8)

    def test_single_precision_is_double_precision_rounded(self, family: Family, content: bytes, frame: Atoms) -> None:
        """Both precisions can be loaded from one file; energies are float64 in either."""
        single, double = (family.load(content, dtype=dtype) for dtype in (torch.float32, torch.float64))
        assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
        one, other = _evaluate(single, frame), _evaluate(double, frame)
        assert one.energy.dtype == other.energy.dtype == torch.float64
        scale = float(other.forces.abs().max())
        np.testing.assert_allclose(one.energy.numpy(), other.energy.numpy(), rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(one.forces.double().numpy(), other.forces.numpy(), atol=1e-4 * max(scale, 1.0))


def _evaluate(potential: Potential, frame: Atoms, stress: bool = False) -> Prediction:
    return potential.predict([frame], stress=stress)


def forces_by_differences(energy: Callable[[Atoms], float], frame: Atoms) -> np.ndarray:
    """Return the central differences of an energy with displacements, their sign turned, shape ``(n_atoms, 3)``."""
    forces = np.zeros((len(frame), 3))
    for atom, axis in np.ndindex(forces.shape):
        ends = []
        for sign in (1, -1):
            moved = frame.copy()
            moved.positions[atom, axis] += sign * _STEP_A
            ends.append(energy(moved))
        forces[atom, axis] = -(ends[0] - ends[1]) / (2 * _STEP_A)
    return forces


def stress_by_differences(energy: Callable[[Atoms], float], frame: Atoms) -> np.ndarray:
    """Return the central differences of an energy with strains, over the volume, shape ``(3, 3)``."""
    stress = np.zeros((3, 3))
    for a, b in np.ndindex(3, 3):
        ends = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += sign * _STRAIN / 2
            strain[b, a] += sign * _STRAIN / 2
            strained = frame.copy()
            strained.set_cell(frame.cell.array @ strain, scale_atoms=True)
            ends.append(energy(strained))
        stress[a, b] = (ends[0] - ends[1]) / (2 * _STRAIN) / frame.cell.volume
    return stress


def _energy(potential: Potential, frame: Atoms) -> float:
    return float(_evaluate(potential, frame).energy[0])
