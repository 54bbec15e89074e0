"""Options of the form ``NAME=VALUE,…``."""

from collections.abc import Iterable

from aiida_elyte.errors import InputError

__all__ = ["parse_charges", "parse_pairs"]


def parse_pairs(words: Iterable[str], option: str, example: str) -> dict[str, str]:
    """Return name → value of an option that may be repeated, or hold several pairs between commas.

    Parameters
    ----------
    words
        What was given: ``("Li=1,TFSI=-1",)`` or ``("Li=1", "TFSI=-1")``.
    option, example
        Name of the option and a value of it, for the message of a refusal.

    Raises
    ------
    InputError
        When a word is no pair, or a name comes twice.
    """
    pairs = {}
    for word in [part for given in words for part in given.split(",")]:
        name, sign, value = word.partition("=")
        if not (sign and name.strip() and value.strip()):
            raise InputError(f"{option} is {word!r}; expected NAME=VALUE, e.g. {option} {example}")
        if name.strip() in pairs:
            raise InputError(f"{option} gives {name.strip()} twice; expected one value a name; leave one out")
        pairs[name.strip()] = value.strip()
    return pairs


def parse_charges(words: Iterable[str], example: str) -> dict[str, float]:
    """Return species → charge [e] from what was given to ``--charges``.

    Raises
    ------
    InputError
        When a word is no pair, or a charge no number.
    """
    return {name: _charge(name, value) for name, value in parse_pairs(words, "--charges", example).items()}


def _charge(species: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"charge of {species} is {text!r}; expected a number, in e, e.g. --charges Li=1") from error
