"""calcfunctions that test potentials by their dynamics."""

from typing import Any

from aiida import orm

from aiida_elyte.calculations.uncached import uncached_calcfunction
from aiida_elyte.data.frames import FramesData
from aiida_elyte.plugins import configure_all
from aiida_elyte.science.learning.calibration import Calibration
from aiida_elyte.science.qualification.conditions import read_conditions
from aiida_elyte.science.qualification.evidence import Evidence
from aiida_elyte.science.qualification.judgement import judge_potential
from aiida_elyte.science.qualification.kind import judge
from aiida_elyte.science.qualification.limits import production_limits
from aiida_elyte.science.qualification.offending import collect_offending, frames_of_runs

__all__ = ["qualification_settings", "qualify"]


@uncached_calcfunction
def qualification_settings(settings: orm.Dict, conditions: orm.Dict, members: orm.List, run: orm.Str) -> orm.Dict:
    """Return the settings of one run of a qualification."""
    chosen = read_conditions(conditions.get_dict())
    return orm.Dict(chosen.settings_of(run.value, settings.get_dict(), members.get_list()))


@uncached_calcfunction
def qualify(
    conditions: orm.Dict,
    tests: orm.Dict,
    start: FramesData,
    dataset: FramesData | None = None,
    calibration: orm.Dict | None = None,
    **runs: orm.Data,
) -> dict[str, Any]:
    """Return the verdict on potentials with what each test found, and the frames that offend.

    ``runs`` are ``results_<run>`` and, where there are any, ``frames_<run>``.
    """
    chosen = read_conditions(conditions.get_dict())
    frames = {name.removeprefix("frames_"): node for name, node in runs.items() if isinstance(node, FramesData)}
    evidence = Evidence(
        sampled=frames_of_runs({run: node.get_frames() for run, node in frames.items()}),
        labelled=[] if dataset is None else dataset.get_frames(),
        start=start.get_frames()[0].repeat(chosen.supercell),
        temperature_K=chosen.temperature_K,
        framework=chosen.framework,
        runs={
            name.removeprefix("results_"): node.get_dict() for name, node in runs.items() if isinstance(node, orm.Dict)
        },
        calibration=None if calibration is None else Calibration.from_dict(calibration.get_dict()),
    )
    battery = configure_all("qualifications", tests.get_dict(), "tests")
    findings = {name: judge(name, test, evidence) for name, test in battery.items()}
    verdict = judge_potential(findings, [name for name, test in battery.items() if test.is_mandatory])
    found = {**verdict.as_dict(), "tests": findings, "conditions": conditions.get_dict(), **production_limits(evidence)}
    offending = collect_offending(evidence.sampled, findings)
    return {"qualification": orm.Dict(found), **({"offending": FramesData(offending)} if offending else {})}
