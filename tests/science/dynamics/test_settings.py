import json
import subprocess
import sys

import pytest

from aiida_elyte.errors import InputError
from aiida_elyte.science.dynamics.settings import read_md_settings

GOOD = {"temperature_K": 600, "n_steps": 100, "replicas": [{"seed": 1, "member": "m00"}]}


def test_defaults_fill_what_is_not_given():
    settings = read_md_settings({**GOOD, "ramp": {"ramp_steps": 10}, "stops": {"framework": ["P", "S"]}})
    assert settings.ensemble == "nvt_langevin"
    assert settings.ramp.start_K == 100.0
    assert settings.stops.framework == ("P", "S")
    assert settings.max_temperature_K == 3000.0


def test_identity_is_what_a_continued_run_shares():
    first, second = (read_md_settings({**GOOD, "n_steps": n_steps}) for n_steps in (100, 200))
    assert json.dumps(first.identity) == json.dumps(second.identity)
    assert first.identity != read_md_settings({**GOOD, "temperature_K": 500}).identity


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature_K": 0}, "temperature_K is 0; expected a positive number"),
        ({"temperature_K": -3}, "temperature_K is -3; expected a positive number"),
        ({"temperature_K": None}, "temperature_K is None; expected a positive number"),
        ({"timestep_fs": 0.0}, "timestep_fs is 0.0; expected a positive number"),
        ({"timestep_fs": float("nan")}, "timestep_fs is nan; expected a positive number"),
        ({"ensemble": "nvt_nose"}, "did you mean nvt_nose_hoover"),
        ({"ensemble": "npt"}, "did you mean npt_nose_hoover"),
        ({"temprature_K": 300}, "settings has 'temprature_K'; expected .*; did you mean temperature_K"),
        ({"ramp": {"start": 1}}, "ramp has 'start'; expected start_K, .*; did you mean start_K"),
        ({"ramp": {"ramp_steps": -1}}, "ramp: ramp_steps is -1; expected a whole number, 0 or more"),
        ({"n_steps": 0}, "n_steps is 0; expected a whole number, 1 or more"),
        ({"n_steps": 1.5}, "n_steps is 1.5; expected a whole number"),
        ({"replicas": []}, "replicas is empty"),
        ({"replicas": 3}, "replicas is 3; expected a list"),
        ({"supercell": 2}, "supercell is 2; expected a list"),
        ({"stops": 3}, "stops is 3; expected a mapping with min_distance_factor"),
        ({"stops": {"framework": "PS"}}, "stops.framework is 'PS'; expected a list"),
        ({"device": None}, "device is None; expected auto, cpu or cuda"),
        ({"replicas": [{"seed": 1}]}, r"replicas\[0\] lacks member"),
        ({"replicas": [{"seed": -1, "member": "m00"}]}, r"replicas\[0\]: seed is -1"),
        ({"supercell": [2, 2]}, "supercell is .2, 2.; expected three whole numbers"),
        ({"supercell": [2, 0, 1]}, r"supercell\[1\] is 0"),
        ({"stops": {"max_framework_rmsd_A": 1.0}}, "stops: max_framework_rmsd_A is given without framework"),
        ({"stops": {"framework": ["Xy"], "max_framework_rmsd_A": 1.0}}, "expected chemical symbols"),
        ({"dtype": "float16"}, "expected float32, float64 or null"),
    ],
)
def test_bad_settings_are_refused_in_one_line(change, message):
    with pytest.raises(InputError, match=message) as caught:
        read_md_settings({**GOOD, **change})
    assert "\n" not in str(caught.value)


def test_settings_are_read_without_torch():
    code = "import sys, aiida_elyte.science.dynamics.settings; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
