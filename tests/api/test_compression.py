"""What a run of LAMMPS left is read, or said to be broken."""

import pytest

from aiida_elyte.api.compression import assess_equilibrium, run_stages
from aiida_elyte.errors import InputError


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"no archive"])
def test_broken_records_are_said(tmp_path, content):
    (tmp_path / "compression").mkdir()
    (tmp_path / "compression" / "thermo.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"thermo\.npz cannot be read"):
        assess_equilibrium(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("settings.json", b"{", r"settings\.json cannot be read"),
        ("settings.json", b"[]", r"settings\.json holds no stages"),
        ("results.json", b"\xff", r"results\.json cannot be read"),
    ],
)
def test_broken_settings_and_results_are_said_before_anything_runs(tmp_path, name, content, said):
    folder = tmp_path / "push_off"
    folder.mkdir()
    (folder / "settings.json").write_text('{"stages": []}')
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        next(run_stages(tmp_path, "exit 1", is_compressed=False))
