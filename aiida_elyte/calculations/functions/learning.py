"""calcfunctions that decide on rounds of learning."""

from aiida import orm

from aiida_elyte.calculations.uncached import uncached_calcfunction
from aiida_elyte.data.frames import FramesData
from aiida_elyte.data.series import SeriesData
from aiida_elyte.science.learning.criteria import measure_quantities
from aiida_elyte.science.learning.settings import LearningSettings
from aiida_elyte.science.learning.stopping import decide
from aiida_elyte.science.settings import read_record
from aiida_elyte.science.verdict import Verdict

__all__ = ["decide_next", "sampled_quantities"]


@uncached_calcfunction
def decide_next(
    history: orm.Dict,
    settings: orm.Dict,
    can_qualify: orm.Bool,
    qualification: orm.Dict | None = None,
    offending: FramesData | None = None,
) -> orm.Dict:
    """Return what follows the rounds so far and why.

    ``qualification`` is that of the ensemble as it is, ``offending`` the frames that failed it and wait for a round.
    """
    decision = decide(
        history["rounds"],
        read_record(LearningSettings, settings.get_dict(), "learning"),
        can_qualify=can_qualify.value,
        verdict=None if qualification is None else Verdict.from_dict(qualification.get_dict()),
        n_offending=0 if offending is None else len(offending),
    )
    return orm.Dict(decision.as_dict())


@uncached_calcfunction
def sampled_quantities(series: SeriesData, settings: orm.Dict) -> orm.Dict:
    """Return the quantities of interest by the dynamics of a round, or why there are none."""
    return orm.Dict(measure_quantities(series.get_series(), **settings.get_dict()))
