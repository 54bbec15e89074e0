from dataclasses import replace

import pytest
import yaml

from aiida_elyte.errors import InputError
from aiida_elyte.science.lammps.compression import Compression, compression_stages, push_off_stages, schedule_rows
from aiida_elyte.workflows import protocols


def table(stages):
    return [(stage.kind, stage.n_steps, stage.temperature_K[0], stage.pressure_bar) for stage in stages]


def test_the_21_steps_are_those_of_larsen_and_others():
    # Table of doi:10.1021/ma201301x with T_max = 600 K, P_max = 50 kbar, a target of 300 K and 1 bar; in steps of 1 fs.
    published = [
        (600, None, 50), (300, None, 50), (300, 1000.0, 50),
        (600, None, 50), (300, None, 100), (300, 30000.0, 50),
        (600, None, 50), (300, None, 100), (300, 50000.0, 50),
        (600, None, 50), (300, None, 100), (300, 25000.0, 5),
        (600, None, 5), (300, None, 10), (300, 5000.0, 5),
        (600, None, 5), (300, None, 10), (300, 500.0, 5),
        (600, None, 5), (300, None, 10), (300, 1.0, 800),
    ]  # fmt: skip
    stages = compression_stages(300.0, 1.0, Compression())
    assert [stage.name for stage in stages[:4]] == ["minimize", "push_off", "loose", "compress_01"]
    expected = [
        ("nvt" if bar is None else "npt", 1000 * length, kelvin, None if bar is None else (bar, bar))
        for kelvin, bar, length in published
    ]
    assert table(stages[3:]) == expected
    assert sum(stage.n_steps for stage in stages[3:]) == 1_560_000
    assert [stage.name for stage in stages if stage.is_production] == ["settle"]


def test_lengths_scale_and_the_target_may_be_hot():
    settings = Compression(compression_ps=76.0, settling_ps=10.0, timestep_fs=0.5)
    stages = compression_stages(700.0, 100.0, settings)
    assert sum(stage.n_steps for stage in stages[3:-1]) == 152_000
    assert stages[-1].n_steps == 20_000
    assert stages[-1].pressure_bar == (100.0, 100.0)
    assert {stage.temperature_K for stage in stages} == {(700.0, 700.0)}


def test_the_push_off_comes_first():
    settings = Compression(push_off_ps=3.0)
    start = push_off_stages(363.0, settings)
    assert compression_stages(363.0, 1.0, settings)[:3] == start
    assert [(stage.kind, stage.n_steps) for stage in start] == [("minimize", 1000), ("push_off", 3000), ("nvt", 2000)]


def test_the_schedule_tells_times_temperatures_and_pressures():
    rows = schedule_rows(compression_stages(300.0, 1.0, Compression()))
    assert rows[1] == ["minimize", "minimize", "0.00", "", ""]
    assert rows[6] == ["compress_03", "npt", "154.00", "300", "1000"]
    assert rows[-1] == ["settle", "npt", "1564.00", "300", "1"]


@pytest.mark.parametrize(("name", "value"), [("settling_ps", 0.0), ("timestep_fs", -1.0), ("push_off_ps", "long")])
def test_what_is_not_positive_is_refused(name, value):
    with pytest.raises(InputError, match=f"{name} is"):
        replace(Compression(), **{name: value})


def test_protocols_name_settings_of_the_compression():
    content = yaml.safe_load((protocols_folder() / "compression.yaml").read_text())
    assert set(content["protocols"]) == {"fast", "balanced", "stringent"}
    for own in content["protocols"].values():
        own.pop("description")
        Compression(**{**content["default_inputs"], **own})
    assert Compression(**content["default_inputs"]) == Compression()


def protocols_folder():
    from pathlib import Path

    return Path(protocols.__file__).parent
