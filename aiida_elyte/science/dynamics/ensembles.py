"""The integrator of each ensemble."""

from aiida_elyte.science.dynamics.integrator import Integrator
from aiida_elyte.science.dynamics.langevin import Langevin
from aiida_elyte.science.dynamics.nose_hoover import NoseHoover
from aiida_elyte.science.dynamics.npt import IsotropicNoseHoover
from aiida_elyte.science.dynamics.nve import VelocityVerlet
from aiida_elyte.science.dynamics.replicas import Replicas
from aiida_elyte.science.dynamics.settings import MdSettings
from aiida_elyte.units import GPA

__all__ = ["build_integrator", "describe_thermostat"]


def build_integrator(settings: MdSettings, replicas: Replicas) -> Integrator:
    """Return the integrator of the ensemble asked for."""
    timestep_fs, temperature_K = settings.timestep_fs, settings.temperature_K
    if settings.ensemble == "nve":
        return VelocityVerlet(replicas, timestep_fs)
    if settings.ensemble == "nvt_langevin":
        return Langevin(replicas, timestep_fs, temperature_K, settings.friction_per_ps)
    if settings.ensemble == "nvt_nose_hoover":
        return NoseHoover(replicas, timestep_fs, temperature_K, settings.thermostat_time_fs)
    return IsotropicNoseHoover(
        replicas,
        timestep_fs,
        temperature_K,
        settings.pressure_GPa * GPA,
        settings.thermostat_time_fs,
        settings.barostat_time_fs,
    )


def describe_thermostat(settings: MdSettings) -> dict[str, float | str]:
    """Return what belongs beside every diffusion coefficient: how strongly the dynamics was disturbed."""
    described: dict[str, float | str] = {"ensemble": settings.ensemble}
    if settings.ensemble == "nvt_langevin":
        described["friction_per_ps"] = settings.friction_per_ps
    elif settings.ensemble != "nve":
        described["thermostat_time_fs"] = settings.thermostat_time_fs
    if settings.ensemble == "npt_nose_hoover":
        described |= {"barostat_time_fs": settings.barostat_time_fs, "pressure_GPa": settings.pressure_GPa}
    return described
