"""The contract of every labeller, as a test class that its author inherits."""

from collections.abc import Callable

import numpy as np
import pytest
from aiida import orm
from aiida.common.links import LinkType
from aiida.engine import ProcessBuilder, run_get_node
from aiida.manage.caching import enable_caching
from ase import Atoms

from aiida_elyte.data.frames import FramesData
from aiida_elyte.provenance.names import parse_call
from aiida_elyte.science.frames import LABELS, labels_of
from aiida_elyte.workflows.label.base import LabellerWorkChain

__all__ = ["LabellerContract"]

_STEP_A = 0.01
"""Length of the displacement of all atoms together, by which energies and forces are compared [Å]."""
_IN_FLIGHT = 2
"""Jobs at a time [1]."""
_STRAIN = 2e-3
"""Isotropic strain by which energies and stress are compared."""


class LabellerContract:
    """Inherit, and give four fixtures; ``tests/workflows/test_label_ase.py`` is the shortest example.

    ``build``
        Function that takes a ``FramesData`` and returns the labeller's builder.
    ``frame``
        A periodic frame off equilibrium that the engine labels.
    ``broken``
        A frame that it cannot label.
    ``beyond``
        A builder without frames, and a frame with an element that its engine lacks.
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
        builder = build(FramesData(given))
        builder.max_in_flight = orm.Int(_IN_FLIGHT)
        outputs, node = run_get_node(builder)

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

        _check_answers(builder, labelled[0].info["level_of_theory"], set(self.labels), sorted(set(frame.symbols)))
        _check_window(node)

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

    def test_element_beyond_the_engine_is_rejected_before_submission(
        self, beyond: tuple[ProcessBuilder, Atoms]
    ) -> None:
        """The labeller says which element, and takes no inputs with it."""
        builder, frame = beyond
        frame.info = {"origin": "block#0"}
        inputs = builder._inputs(prune=True)
        labeller = builder.process_class
        assert issubclass(labeller, LabellerWorkChain)
        sentence = labeller.validate_elements(inputs, sorted(set(frame.symbols)))
        assert sentence is not None
        assert any(symbol in sentence for symbol in frame.symbols)
        invalid = labeller.spec().inputs.validate({**inputs, "frames": FramesData([frame])})
        assert invalid is not None
        assert sentence in invalid.message


def _check_answers(builder: ProcessBuilder, level: str, labels: set[str], elements: list[str]) -> None:
    """Compare the labels with what the labeller says about them beforehand."""
    labeller, inputs = builder.process_class, builder._inputs(prune=True)
    assert issubclass(labeller, LabellerWorkChain)
    assert labeller.level_of_theory(inputs) in (None, level)
    assert labeller.validate_level(inputs, level, elements) is None
    if labeller.level_of_theory(inputs) is not None:
        assert labeller.validate_level(inputs, "a method of nobody", elements) is not None
    assert labeller.gives(inputs) in (None, labels)
    assert labeller.validate_elements(inputs, elements) is None
    assert all(isinstance(module, str) for module in labeller.python_modules(inputs))
    assert labeller.labels_per_frame(inputs) == 1
    times = [labeller.seconds(inputs, n_atoms) for n_atoms in (10, 100)]
    known = [seconds for seconds in times if seconds is not None]
    assert not known or (len(known) == 2 and 0 < known[0] <= known[1])


def _check_window(node: orm.ProcessNode) -> None:
    """Count the children that run at a time; read the names of their calls."""
    calls = node.base.links.get_outgoing(link_type=(LinkType.CALL_WORK, LinkType.CALL_CALC)).all()
    children = [call for call in calls if not isinstance(call.node, orm.CalcFunctionNode)]
    spans = [(one.node.ctime, max(made.ctime for made in one.node.called_descendants)) for one in children]
    assert len(spans) > _IN_FLIGHT, "give frames for more jobs than are in flight"
    assert max(sum(begin <= at < end for begin, end in spans) for at, _ in spans) <= _IN_FLIGHT
    assert all(parse_call(call.link_label) is not None for call in children)


def _displaced(frame: Atoms, displacement: np.ndarray) -> Atoms:
    moved = frame.copy()
    moved.positions += displacement
    return moved


def _strained(frame: Atoms, strain: float) -> Atoms:
    strained = frame.copy()
    strained.set_cell(frame.cell * (1 + strain), scale_atoms=True)
    return strained
