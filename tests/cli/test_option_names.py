"""The library names its keywords, the command line its options."""

import click
import pytest

from aiida_elyte.cli import main
from aiida_elyte.cli.option_names import with_options


def command(*words):
    """Return a command of ``aiida-elyte``."""
    context = click.Context(main)
    found = main
    for word in words:
        found = found.get_command(context, word)
    return found


@pytest.mark.parametrize(
    ("words", "sentence", "said"),
    [
        (("launch", "crystal"), "`temperatures_K` holds 0", "--temperature-K holds 0"),
        (("launch",), "give `force_fields` or `codes`", "give --forcefield or --code"),
        (("box",), "`changes` loose=3 names no setting", "--set loose=3 names no setting"),
        (("import",), "name them with `labels`", "name them with --labels"),
        (("demo",), "compute again with `force`; `verdi status`", "compute again with `force`; `verdi status`"),
    ],
)
def test_keywords_become_the_options_that_a_command_has(words, sentence, said):
    assert with_options(sentence, command(*words)) == said
