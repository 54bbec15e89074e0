"""What follows the compression of a box: how long it may settle, and the stages of production at constant volume."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aiida_elyte.errors import InputError
from aiida_elyte.science.lammps.stages import Stage
from aiida_elyte.science.settings import Flag, Positive, Settings, Whole

__all__ = ["ProductionSettings", "Settling", "production_stages"]


@dataclass(frozen=True)
class Settling(Settings):
    """How often a box that has not settled is run for longer."""

    max_extensions: Whole
    """Times the last stage of the compression is made longer."""
    extension_ps: Positive
    """By how much each time [ps]."""
    is_required: Flag
    """Whether a box that has not settled then is given up."""


@dataclass(frozen=True)
class ProductionSettings(Settings):
    """How long a box is run for its trajectory.

    Raises
    ------
    InputError
        If a number is invalid, or there are fewer than two frames.
    """

    thermalise_ps: Positive
    """Constant volume before the first frame, in which the box comes to its density [ps]."""
    length_ps: Positive
    """Length of the trajectory [ps]."""
    frame_ps: Positive
    """Time between frames [ps]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frame_ps > self.length_ps:
            raise InputError(
                f"frame_ps is {self.frame_ps:g}, length_ps {self.length_ps:g}; expected frames within the length; "
                "lower frame_ps"
            )


def production_stages(settled: Mapping[str, Any], density_g_cm3: float, production: ProductionSettings) -> list[Stage]:
    """Return the stages at constant volume that follow a box in equilibrium at constant pressure.

    Parameters
    ----------
    settled
        Fields of the ``Stage`` in which it has settled.
    density_g_cm3
        Mean density in equilibrium: the box is scaled to it, as the volume of any one moment is off by its fluctuation.
    production
        Lengths.

    Returns
    -------
    list of Stage
        ``thermalise`` and ``produce``.
    """
    base = Stage(**{**settled, "kind": "nvt", "pressure_bar": None, "is_production": False})
    content = {key: value for key, value in asdict(base).items() if key not in ("name", "n_steps", "is_production")}

    def steps(length_ps: float) -> int:
        return max(1, round(1000 * length_ps / base.timestep_fs))

    return [
        Stage("thermalise", n_steps=steps(production.thermalise_ps), **{**content, "density_g_cm3": density_g_cm3}),
        Stage("produce", n_steps=steps(production.length_ps), is_production=True, **content),
    ]
