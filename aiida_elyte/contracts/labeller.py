"""What every labeller keeps to, as a test class its author inherits."""

from collections.abc import Callable

import numpy as np
import pytest
from aiida import orm
from aiida.engine import ProcessBuilder, run_get_node
from aiida.manage.caching import enable_caching
from ase import Atoms

from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.frames import LABELS, labels_of

__all__ = ["LabellerContract"]

_STEP_A = 0.01
"""Length of the displacement of all atoms together, by which energies and forces are compared [Å]."""
_STRAIN = 2e-3
"""Isotropic strain by which energies and stress are compared."""


class LabellerContract:
    """Inherit, and give three fixtures; ``tests/workflows/test_label_ase.py`` is the shortest example.

    ``build``
        Function that takes a ``FramesData`` and returns the labeller's builder.
    ``frame``
        A periodic frame off equilibrium that the engine labels.
    ``broken``
        A frame that it cannot label.
    """

    labels: tuple[str, ...] = ("energy", "forces", "stress")
    """What the labeller gives."""
    stress_is_derivative: bool = True
    """Whether the stress is the derivative of the energy, which it is not in an unconverged plane-wave basis."""

    def test_labels_obey_the_contract(
        self, build: Callable[[FramesData], ProcessBuilder], frame: Atoms, broken: Atoms
    ) -> None:
        """Order and origin are kept, labels are whole and in our units, a failing frame loses only itself."""
        direction = np.random.default_rng(0).normal(size=(len(frame), 3))
        direction /= np.linalg.norm(direction)
        forth, back = _displaced(frame, _STEP_A * direction), _displaced(frame, -_STEP_A * direction)
        wide, narrow = _strained(frame, _STRAIN), _strained(frame, -_STRAIN)
        given = [frame, forth, broken.copy(), back, *([wide, narrow] if self.stress_is_derivative else [])]
        for index, each in enumerate(given):
            each.info = {"origin": f"block-{index % 2}#{index}"}
        outputs, node = run_get_node(build(FramesData(given)))

        assert node.is_finished_ok, node.exit_message
        refused = outputs["refused"].get_dict()
        assert list(refused) == ["2"], refused
        assert len(refused["2"]) > 10, "the reason for a refusal is a sentence"

        labelled = outputs["frames"].get_frames()
        kept = [each for index, each in enumerate(given) if index != 2]
        assert [each.info["origin"] for each in labelled] == [each.info["origin"] for each in kept]
        for found, each in zip(labelled, kept, strict=True):
            assert found.get_chemical_symbols() == each.get_chemical_symbols()
            np.testing.assert_allclose(found.positions, each.positions, atol=1e-8)
            shapes = {"energy": (), "forces": (len(each), 3), "stress": (6,), "charges": (len(each),)}
            labels = labels_of(found)
            assert set(labels) == set(self.labels) <= set(LABELS)
            assert all(np.shape(labels[name]) == shapes[name] for name in labels)
            assert all(np.isfinite(labels[name]).all() for name in labels)
            job = orm.load_node(found.info["labelled_by"])
            assert isinstance(job, orm.CalcJobNode)
            assert job.pk in {called.pk for called in node.called_descendants}
        assert len({each.info["level_of_theory"] for each in labelled}) == 1
        assert labelled[0].info["level_of_theory"] not in ("", "unstated")

        centre, plus, minus = (labels_of(each) for each in labelled[:3])
        slope = (plus["energy"] - minus["energy"]) / (2 * _STEP_A)
        assert slope == pytest.approx(-np.vdot(centre["forces"], direction), rel=0.02, abs=2e-3)
        if self.stress_is_derivative:
            plus, minus = (labels_of(each) for each in labelled[3:])
            slope = (plus["energy"] - minus["energy"]) / (2 * _STRAIN) / frame.get_volume()
            assert slope == pytest.approx(centre["stress"][:3].sum(), rel=0.02, abs=1e-4)

    def test_same_frames_again_come_from_the_cache(
        self, build: Callable[[FramesData], ProcessBuilder], frame: Atoms
    ) -> None:
        """No frame is computed twice."""
        frame.info = {"origin": "block#0"}
        first, _ = run_get_node(build(FramesData([frame])))
        with enable_caching():
            second, node = run_get_node(build(FramesData([frame])))
        jobs = [called for called in node.called_descendants if isinstance(called, orm.CalcJobNode)]
        assert jobs
        assert all(job.base.caching.is_created_from_cache for job in jobs)
        before, after = (labels_of(outputs["frames"].get_frames()[0]) for outputs in (first, second))
        for name in self.labels:
            np.testing.assert_array_equal(before[name], after[name])


def _displaced(frame: Atoms, displacement: np.ndarray) -> Atoms:
    moved = frame.copy()
    moved.positions += displacement
    return moved


def _strained(frame: Atoms, strain: float) -> Atoms:
    strained = frame.copy()
    strained.set_cell(frame.cell * (1 + strain), scale_atoms=True)
    return strained
