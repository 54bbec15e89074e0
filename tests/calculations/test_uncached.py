"""calcfunctions call science that AiiDA does not hash."""

from aiida import orm
from aiida.manage.caching import enable_caching

from aiida_elyte.calculations.functions import transport
from aiida_elyte.science.dynamics.production import fit_production
from aiida_elyte.science.statistics.estimate import Refusal


def test_a_function_is_computed_anew_after_its_science_changed(aiida_profile_clean, monkeypatch):
    """The hash that AiiDA makes of a function is the same before and after."""
    refused = Refusal("too short").as_dict()
    results = {
        f"T{kelvin}": orm.Dict({"conditions": {"temperature_K": float(kelvin)}, "conductivity": refused})
        for kelvin in (500, 600, 700)
    }
    said = []

    def corrected(*args, **kwargs):
        said.append(len(args))
        return fit_production(*args, **kwargs)

    with enable_caching():
        _, before = transport.arrhenius.run_get_node(orm.Dict({}), **results)
        monkeypatch.setattr(transport, "fit_production", corrected)
        _, after = transport.arrhenius.run_get_node(orm.Dict({}), **results)
    assert said
    assert not after.base.caching.is_created_from_cache
    assert before.base.caching.get_hash() == after.base.caching.get_hash()
