"""Errors are found where trainers say, and their mean over members judges a training."""

import pytest

from aiida_elyte.science.learning.error_key import ErrorKey, held_out_error

KEY = ErrorKey(("overall", "force_rmse_kcal_mol_A"), "force RMSE", "kcal/mol/Å")


def side(error: float) -> dict:
    return {"overall": {"force_rmse_kcal_mol_A": error}}


def test_an_error_is_found_by_its_path():
    assert KEY.of(side(2.5)) == 2.5
    assert KEY.name == "force_rmse_kcal_mol_A"


@pytest.mark.parametrize("errors", [{}, {"overall": {}}, {"overall": 1.0}, {"force_rmse_kcal_mol_A": 1.0}])
def test_an_error_that_is_not_reported_is_unknown(errors):
    assert KEY.of(errors) is None


def test_frames_of_a_test_judge_before_those_of_validation():
    tested = {"errors": {"test": side(3.0), "validation": side(1.0)}}
    validated = {"errors": {"validation": side(5.0), "train": side(1.0)}}
    assert held_out_error([tested, validated], KEY) == 4.0
    assert held_out_error([{"errors": {"train": side(1.0)}}], KEY) is None
