"""Overrides of the crystal street that no job could run with: a dry run rejects them in one line."""

from math import nan

import pytest
from ase.build import bulk

from aiida_elyte.api.crystal_street import plan_crystal
from aiida_elyte.errors import InputError


def learning(**changes):
    return {"active_learning": {"learning": changes}}


def training(**settings):
    return {"active_learning": {"ensemble": {"train": {"settings": settings}}}}


def labels(**changes):
    return {"active_learning": {"label": {"ase": changes}}}


def conditions(**changes):
    return {"conductivity": {"conditions": changes}}


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (training(zzz=1), "inputs of TrainPainnBaseWorkChain: settings has 'zzz'; expected architecture, seed"),
        (
            training(batch_size=-1),
            "inputs of TrainPainnBaseWorkChain: settings: batch_size is -1; expected a whole number, 1 or more",
        ),
        (
            training(max_epochs=-1),
            "inputs of TrainPainnBaseWorkChain: settings: max_epochs is -1; expected a whole number, 1 or more",
        ),
        (
            training(max_epochs="nan"),
            "inputs of TrainPainnBaseWorkChain: settings: max_epochs is 'nan'; expected a whole number",
        ),
        (training(max_epochs=nan), "have max_epochs: nan; expected a finite number"),
        (
            training(dtype="float16"),
            "inputs of TrainPainnBaseWorkChain: settings: dtype is 'float16'; expected 'float32' or 'float64'",
        ),
        (training(split={"validation_fraction": "nan"}), "split: validation_fraction is 'nan'; expected a number"),
        (training(architecture={"n_features": "x"}), "architecture: n_features is 'x'; expected a whole number"),
        ({"active_learning": {"ensemble": {"n_members": "x"}}}, "have n_members: 'x'; expected a whole number"),
        ({"active_learning": {"ensemble": {"trainer": ["painn"]}}}, r"trainer: \['painn'\]; expected a word"),
        ({"active_learning": {"sampler": ["md"]}}, r"sampler: \['md'\]; expected a word, as 'md'"),
        ({"active_learning": {"sampler": None}}, "sampler is None; expected the name of"),
        (learning(selection={"selector": ["spread"]}), r"selector: \['spread'\]; expected a word, as 'calibrated'"),
        (
            {
                "active_learning": {
                    "ensemble": {"n_members": 1},
                    "more_samplers": {"attack": {}},
                    "learning": {"selection": {"selector": "random"}},
                }
            },
            "expected at least 2, as the sampler 'attack' needs a committee; .* set more_samplers.attack to null",
        ),
        (learning(selection={"selector": 3}), "selector is 3; expected the name of"),
        (learning(retraining={"zz": 1}), "learning.retraining: settings has 'zz'; expected architecture"),
        (learning(retraining={"max_epochs": -1}), "learning.retraining: settings: max_epochs is -1; expected a whole"),
        (learning(retraining={"max_epochs": nan}), "have max_epochs: nan; expected a finite number"),
        (learning(uncertain_share=nan), "have uncertain_share: nan; expected a finite number"),
        (learning(uncertain_share=-1), "learning: uncertain_share is -1; expected a number from 0 to 1"),
        (learning(uncertain_share=1e300), "learning: uncertain_share is 1e.300; expected a number from 0 to 1"),
        (learning(least_gain=nan), "have least_gain: nan; expected a finite number"),
        (learning(sampling={"temperature_K": 1e300}), "temperature_K is 1e.300; expected a positive number up to"),
        (learning(sampling={"n_steps": "x"}), "learning.sampling: settings: n_steps is 'x'; expected a whole number"),
        (learning(sampling={"n_replicas": [1]}), r"n_replicas: \[1\]; expected one value"),
        (learning(sampling={"supercell": [1000] * 3}), "supercell is .*, 1000000000 cells; expected 100000 at most"),
        (conditions(supercell="all"), "supercell: 'all'; expected a list, as .1, 1, 1"),
        (conditions(supercell="auto", max_atoms=100), "supercell auto takes .* atoms; expected 100 at most"),
        (conditions(max_atoms=-1), "conditions.max_atoms is -1; expected a whole number, 1 or more"),
        (conditions(target_relative_error=-1), "conditions: target_relative_error is -1; expected a positive number"),
        (conditions(target_relative_error=0.1, max_steps=5), "conditions: max_steps is 5; expected at least n_steps"),
        (conditions(supercell=[1000] * 3), "conditions: settings: supercell is .*expected 100000 at most"),
        (conditions(n_steps="x"), "conditions: settings: n_steps is 'x'; expected a whole number"),
        (conditions(n_step=3), "conditions: settings has 'n_step'; expected .*did you mean n_steps"),
        (conditions(n_replicas=0), "conditions.n_replicas is 0; expected a whole number, 1 or more"),
        (conditions(temperatures_K=["x"]), "temperatures_K holds 'x'; expected positive numbers, in K"),
        (conditions(temperatures_K=700), "temperatures_K: 700; expected a list"),
        (conditions(temperatures_K=[1e300]), "temperature_K is 1e.300; expected a positive number up to"),
        ({"conductivity": {"md": {"settings": {"zz": 1}}}}, "settings has 'zz'; expected temperature_K"),
        ({"conductivity": {"max_in_flight": "x"}}, "have max_in_flight: 'x'; expected a whole number"),
        (labels(options={"zz": 1}), "options has 'zz'; expected"),
        (labels(options={"max_wallclock_seconds": "x"}), "max_wallclock_seconds"),
        (labels(batch_size=2.5), "have batch_size: 2.5; expected a whole number"),
        (labels(settings={"parameters": {"method": "zz"}}), "method of tblite is 'zz'; expected GFN1-xTB"),
        (labels(settings={"zz": 1}), "settings has 'zz'; expected calculator"),
        (labels(settings={"heat": {"count": 0}}), "heat: count is 0; expected a whole number"),
        (labels(settings={"calculator": "emtt", "level_of_theory": "EMT"}), "'emtt' is unknown; .*did you mean emt"),
        ({"seeds": {"perturb": {"supercell": {"count": 1, "repeats": [[1000] * 3]}}}}, "expected 100000 at most"),
        ({"structure": 3}, "overrides of CrystalWorkChain have 'structure'; expected seeds, active_learning"),
        ({"metadata": {}}, "overrides of CrystalWorkChain have 'metadata'; expected seeds"),
        ({"active_learning": {"dataset": 3}}, "overrides of ActiveLearningWorkChain have 'dataset'; expected labeller"),
    ],
)
def test_overrides_that_no_job_could_run_with_are_rejected_by_a_dry_run(
    overrides, said, aiida_profile_clean, python_code
):
    crystal = bulk("LiCl", "rocksalt", a=5.14, cubic=True)
    with pytest.raises(InputError, match=said) as caught:
        plan_crystal(
            crystal, charges={"Li": 1}, protocol="fast", overrides=overrides, codes={"python": python_code.uuid}
        )
    assert "\n" not in str(caught.value)
