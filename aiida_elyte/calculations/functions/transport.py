"""calcfunctions from series to transport results."""

from aiida import orm

from aiida_elyte.calculations.uncached import uncached_calcfunction
from aiida_elyte.data.series import SeriesData
from aiida_elyte.science.dynamics.production import analyse_production, fit_production, state_quantities
from aiida_elyte.science.transport.estimates import estimate_transport

__all__ = ["arrhenius", "transport"]


@uncached_calcfunction
def transport(
    series: SeriesData, settings: orm.Dict, run: orm.Dict | None = None, qualification: orm.Dict | None = None
) -> orm.Dict:
    """Return diffusion coefficients, conductivities and Haven ratio, as the run and the qualification let them be."""
    choices, replicas = settings.get_dict(), series.get_series()
    cell = choices.pop("supercell", None)
    tested = None if qualification is None else qualification.get_dict()
    if run is None:
        is_allowed = choices.pop("allow_unqualified", False)
        results = state_quantities(estimate_transport(replicas, **choices), tested, allow_unqualified=is_allowed)
    else:
        results = analyse_production(replicas, run.get_dict(), tested, **choices)
    results["conditions"] = results.get("conditions", {}) | {
        "temperature_K": choices["temperature_K"],
        "duration_ps": series.base.attributes.get("duration_ps"),
        "thermostat": series.base.attributes.get("thermostat", None),
        **({} if cell is None else {"supercell": cell}),
    }
    return orm.Dict(results)


@uncached_calcfunction
def arrhenius(settings: orm.Dict, **results: orm.Dict) -> orm.Dict:
    """Return activation energy, prefactor and the conductivity extrapolated, or why there is none."""
    return orm.Dict(fit_production([node.get_dict() for node in results.values()], **settings.get_dict()))
