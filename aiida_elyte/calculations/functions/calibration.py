"""calcfunction on what a committee's spread is worth."""

from typing import Any

from aiida import orm

from aiida_elyte.calculations.uncached import uncached_calcfunction
from aiida_elyte.data.frames import FramesData
from aiida_elyte.science.learning.calibration import Calibration, CalibrationSettings
from aiida_elyte.science.learning.calibration_fit import fit_calibration
from aiida_elyte.science.learning.observations import Observations, observe
from aiida_elyte.science.settings import read_record

__all__ = ["calibrate"]


@uncached_calcfunction
def calibrate(
    labelled: FramesData,
    sampled: FramesData,
    dataset: FramesData,
    settings: orm.Dict,
    earlier: orm.ArrayData | None = None,
    previous: orm.Dict | None = None,
) -> dict[str, Any]:
    """Calibrate the committee that sampled a round by the labels of the round, before it is trained on them.

    ``labelled`` are the new labels, ``sampled`` the frames that were sent to the labeller, ``dataset`` what the
    committee was trained on, ``settings`` fields of ``CalibrationSettings``. Of the round before come ``earlier``, the
    ``observations``, and ``previous``, the ``calibration``, which is judged by the new labels.
    """
    choices = read_record(CalibrationSettings, settings.get_dict(), "calibration")
    known = dataset.get_frames()
    found = observe(labelled.get_frames(), sampled.get_frames(), known, choices.cutoff_A)
    before = None if previous is None or not found.n_frames else Calibration.from_dict(previous.get_dict())
    if earlier is not None:
        arrays = {name: earlier.get_array(name) for name in earlier.get_arraynames()}
        found = Observations.from_arrays(arrays).pooled(found, choices.rounds)
    return {
        "calibration": orm.Dict(fit_calibration(found, choices, before).as_dict()),
        "observations": orm.ArrayData(found.to_arrays()),
    }
