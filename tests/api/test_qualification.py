import pytest
from ase.build import bulk

from aiida_elyte.api.qualification import qualify
from aiida_elyte.errors import InputError

CRYSTAL = bulk("NaCl", "rocksalt", a=5.6, cubic=True)


@pytest.mark.parametrize(
    ("mobile", "temperature_K", "message"),
    [
        (["Li"], 900.0, "mobile names 'Li'; expected species of the structure, Cl, Na"),
        (["Na"], -1.0, "temperature_K"),
    ],
)
def test_what_fits_no_structure_is_rejected_before_a_profile_is_opened(mobile, temperature_K, message):
    with pytest.raises(InputError, match=message):
        qualify("nowhere", CRYSTAL, temperature_K, mobile=mobile)
