import pytest

from aiida_elyte.errors import suggest


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("li", "; did you mean Li?"),
        ("Lii", "; did you mean Li?"),
        ("max", "; did you mean max_steps or max_rounds?"),
        ("qqq", ""),
        ("", ""),
    ],
)
def test_words_that_resemble_are_suggested_whatever_their_case(word, hint):
    assert suggest(word, ["Li", "max_steps", "max_rounds"]) == hint
