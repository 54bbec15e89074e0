"""Velocities of AMBER have a unit and a factor of their own, whatever those of positions and times are."""

import numpy as np
import pytest
from scipy.io import netcdf_file

from aiida_elyte.errors import InputError
from aiida_elyte.science.trajectory.netcdf import read_netcdf

STORED = np.array([[0.5, -1.0, 0.25], [2.0, 0.0, -0.125]], np.float32)


def velocities_of(path, *, unit="angstrom/picosecond", factor=20.455, has_times=True):
    with netcdf_file(path, "w", version=2) as file:
        for name, size in (("frame", None), ("spatial", 3), ("atom", 2)):
            file.createDimension(name, size)
        if has_times:
            time = file.createVariable("time", "f", ("frame",))
            time.units = "nanosecond"
            time[:1] = [1.0]
        coordinates = file.createVariable("coordinates", "f", ("frame", "atom", "spatial"))
        coordinates.units = "angstrom"
        coordinates[:1] = np.ones((1, 2, 3))
        velocities = file.createVariable("velocities", "f", ("frame", "atom", "spatial"))
        if unit:
            velocities.units = unit
        if factor is not None:
            velocities.scale_factor = factor
        velocities[:1] = STORED[None]
    return next(read_netcdf(path, 0, 1, [])).velocities_A_fs


@pytest.mark.parametrize("has_times", [True, False])
def test_factor_and_unit_of_amber_give_velocities_whatever_the_times(tmp_path, has_times):
    found = velocities_of(tmp_path / "a.nc", has_times=has_times)
    np.testing.assert_allclose(found, STORED * 20.455 / 1000.0, rtol=1e-6)  # Å/ps to Å/fs


@pytest.mark.parametrize(
    ("unit", "A_fs"), [("", 1e-3), ("nanometers/picoseconds", 1e-2), ("angstrom / femtosecond", 1.0)]
)
def test_other_units_of_velocities_are_converted(tmp_path, unit, A_fs):
    found = velocities_of(tmp_path / "a.nc", unit=unit, factor=None)
    np.testing.assert_allclose(found, STORED * A_fs, rtol=1e-6)


def test_unknown_unit_of_velocities_is_rejected(tmp_path):
    with pytest.raises(InputError, match="velocities in furlong/fortnight"):
        velocities_of(tmp_path / "a.nc", unit="furlong/fortnight")
