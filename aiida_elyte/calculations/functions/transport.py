"""calcfunctions from series to transport results."""

from aiida import orm

from aiida_elyte.calculations.uncached import uncached_calcfunction
from aiida_elyte.data.series import SeriesData
from aiida_elyte.science.transport.arrhenius import fit_arrhenius
from aiida_elyte.science.transport.estimates import estimate_transport, result_from_dict

__all__ = ["arrhenius", "transport"]


@uncached_calcfunction
def transport(series: SeriesData, settings: orm.Dict) -> orm.Dict:
    """Return diffusion coefficients, conductivities and Haven ratio, or why there is none."""
    choices = settings.get_dict()
    estimates = estimate_transport(series.get_series(), **choices)
    results = {name: estimate.as_dict() for name, estimate in estimates.items()}
    results["conditions"] = {
        "temperature_K": choices["temperature_K"],
        "duration_ps": series.base.attributes.get("duration_ps"),
        "thermostat": series.base.attributes.get("thermostat", None),
    }
    return orm.Dict(results)


@uncached_calcfunction
def arrhenius(settings: orm.Dict, **results: orm.Dict) -> orm.Dict:
    """Return activation energy, prefactor and the conductivity extrapolated, or why there is none."""
    found = sorted((node["conditions"]["temperature_K"], node.get_dict()) for node in results.values())
    conductivities = [result_from_dict(result["conductivity"]) for _, result in found]
    fit = fit_arrhenius([temperature for temperature, _ in found], conductivities, **settings.get_dict())
    return orm.Dict({name: estimate.as_dict() for name, estimate in fit.items()})
