"""Records of settings: what is none of them is refused, and what they say agrees with what is run."""

from dataclasses import dataclass, fields
from inspect import Parameter, signature

import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.forcefield.fit import fit_discrete
from aiida_elyte.science.forcefield.fit_settings import FitKeywords, FitSettings, Target
from aiida_elyte.science.lammps.compression import Compression
from aiida_elyte.science.lammps.sampling_settings import Sampling
from aiida_elyte.science.settings import Count, Flag, NotNegative, Number, Positive, Settings, Whole, read_record

REPLICAS = [{"seed": 1, "member": "m00"}]


def test_keywords_of_a_fit_are_those_of_the_function_with_its_defaults():
    own = [one for one in fields(FitKeywords) if one.name not in {each.name for each in fields(Target)}]
    keywords = {
        name: one.default
        for name, one in signature(fit_discrete).parameters.items()
        if one.kind is Parameter.KEYWORD_ONLY and name not in ("bootstrap", "start", "on_step")
    }
    assert keywords == {one.name: one.default for one in own}


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        (FitSettings, None, "settings is None; expected a mapping with seed, bootstrap, split"),
        (FitSettings, {"sed": 1}, "settings has 'sed'; expected seed, .*; did you mean seed"),
        (FitSettings, {"seed": 1.0}, "settings: seed is 1.0; expected a whole number"),
        (FitSettings, {"bootstrap": "no"}, "settings: bootstrap is 'no'; expected true or false"),
        (FitSettings, {"fit": {"n_step": 3}}, "settings: fit has 'n_step'; expected terms, .*; did you mean n_steps"),
        (FitSettings, {"fit": {"terms": "class3"}}, "fit: terms is 'class3'; expected class2 or class1"),
        (FitSettings, {"fit": {"model_error": 0}}, "fit: model_error is 0; expected a positive number"),
        (FitSettings, {"split": {"by": "clusters"}}, "split: by is 'clusters'; expected 'cluster' or 'frame'"),
        (FitSettings, {"split": {"shares": [60, "a", 1]}}, r"split: shares is \[60, 'a', 1\]; expected those"),
        (FitSettings, {"split": {"shares": [0, 50, 50]}}, r"split: shares is \[0, 50, 50\]"),
        (Sampling, {"timestep": 1.0}, "settings has 'timestep'; expected .*did you mean timestep_fs"),
        (Sampling, {"n_steps": 9.0}, "settings: n_steps is 9.0; expected a whole number"),
        (Sampling, {"n_steps": 9, "sample_stride": 10}, "sample_stride is 10, n_steps 9; expected frames within"),
        (Sampling, {"replicas": []}, r"replicas is \[\]; expected a list as"),
        (Sampling, {"boxes": None}, "boxes is None; expected a mapping with count, n_atoms"),
        (Sampling, {"boxes": {"n_atom": 3}}, "boxes has 'n_atom'; expected count, n_atoms, .*did you mean n_atoms"),
        (Sampling, {"boxes": {"pressure_bar": -1}}, "boxes: pressure_bar is -1; expected a positive number"),
        (Sampling, {"boxes": {"count": 2}, "replicas": REPLICAS}, "boxes.count is 2, with 1 replicas; expected no"),
        (Compression, {"record_stride": 10.0}, "settings: record_stride is 10.0; expected a whole number"),
        (
            Compression,
            {"minimize_iterations": 300.0},
            "settings: minimize_iterations is 300.0; expected a whole number",
        ),
    ],
)
def test_settings_that_cannot_be_run_are_refused_in_one_line(kind, content, said):
    with pytest.raises(InputError, match=said) as caught:
        read_record(kind, content, "settings")
    assert "\n" not in str(caught.value)


def test_what_is_filled_in_later_is_asked_for_where_it_is_run():
    early = read_record(Sampling, {"temperature_K": 400.0, "timestep_fs": 1.0}, "settings")
    with pytest.raises(InputError, match="settings lacks n_steps, sample_stride, replicas"):
        early.require_all()
    run = {"temperature_K": 400.0, "timestep_fs": 1.0, "n_steps": 10, "sample_stride": 10, "replicas": REPLICAS}
    Sampling(**run).require_all()
    with pytest.raises(InputError, match="without a recipe"):
        Sampling(**run, boxes={"count": 1}).require_all()


@dataclass(frozen=True)
class Own(Settings):
    steps: Count = 1
    skip: Whole = 0
    shift: Number = 0.0
    width: Positive | None = None
    pause: NotNegative = 0.0
    is_on: Flag = True


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"steps": 0}, "steps is 0; expected a whole number, 1 or more"),
        ({"steps": True}, "steps is True; expected a whole number"),
        ({"steps": None}, "steps is None; expected a whole number"),
        ({"skip": -1}, "skip is -1; expected a whole number, 0 or more"),
        ({"shift": "far"}, "shift is 'far'; expected a number"),
        ({"shift": float("inf")}, "shift is inf; expected a number"),
        ({"width": 0}, "width is 0; expected a positive number"),
        ({"pause": -1e-9}, "pause is -1e-09; expected a number, 0 or more"),
        ({"is_on": 1}, "is_on is 1; expected true or false"),
    ],
)
def test_fields_are_checked_by_their_types(content, said):
    with pytest.raises(InputError, match=said):
        Own(**content)


def test_fields_at_their_limits_are_taken():
    own = Own(steps=1, skip=0, shift=-2, width=None, pause=0, is_on=False)
    assert (own.steps, own.width, own.is_on) == (1, None, False)
