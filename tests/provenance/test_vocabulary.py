"""Names of calls are written in one place."""

import ast
import re
from pathlib import Path

import pytest

import aiida_elyte

PACKAGE = Path(aiida_elyte.__file__).parent
_PART_OF_A_NAME = re.compile(
    r"^(seeds_label|clusters_label)$|^(round_|train_m|md_T|label_b|settle_|iteration_)(\d.*)?$|^train_$|^round_\d+_"
)
"""Literals, or pieces of f-strings, of which a name of a call could be made or by which one could be recognised."""


@pytest.mark.parametrize(
    "text", ["seeds_label", "round_", "round_03_train", "train_", "train_m00", "md_T", "md_T0600_00", "settle_"]
)
def test_what_would_make_a_name_is_known(text):
    assert _PART_OF_A_NAME.match(text)


@pytest.mark.parametrize("text", ["train_loss", "train_rmse_kcal_mol_A", "round_frame", "settle_ps", "label", "md"])
def test_other_words_are_left_alone(text):
    assert not _PART_OF_A_NAME.match(text)


def test_no_other_module_spells_a_name_of_a_call():
    spelt = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {node.value}"
        for path in PACKAGE.rglob("*.py")
        if path != PACKAGE / "provenance" / "names.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _PART_OF_A_NAME.match(node.value)
    ]
    assert spelt == []
