"""Options that hold pairs, as ``NAME=VALUE,…``, or names."""

from collections.abc import Iterable

from aiida_elyte.errors import InputError

__all__ = ["parse_charges", "parse_elements", "parse_pairs", "parse_selections", "split_names"]


def parse_pairs(words: Iterable[str], option: str, example: str) -> dict[str, str]:
    """Return name → value of an option that may be repeated, or hold several pairs between commas.

    Parameters
    ----------
    words
        What was given: ``("Li=1,TFSI=-1",)`` or ``("Li=1", "TFSI=-1")``.
    option, example
        Name of the option and a value of it, for the error message.

    Raises
    ------
    InputError
        If a word is not a pair, or a name comes twice.
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
        If a word is not a pair, or a charge not a number.
    """
    return {name: _charge(name, value) for name, value in parse_pairs(words, "--charges", example).items()}


def _charge(species: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"charge of {species} is {text!r}; expected a number, in e, e.g. --charges Li=1") from error


def split_names(text: str | None) -> tuple[str, ...]:
    """Return the names between commas, each once."""
    return tuple(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))


def parse_elements(text: str) -> dict[str, str] | list[str]:
    """Return type → symbol of ``1=Li,2=Cl``, or the symbols of ``Li,Cl`` in the order of the types.

    Raises
    ------
    InputError
        If a word with a sign is not a pair, or a type comes twice.
    """
    return parse_pairs([text], "--elements", "1=Li,2=Cl") if "=" in text else [*map(str.strip, text.split(","))]


def parse_selections(words: Iterable[str]) -> dict[str, str]:
    """Return name → selection of what was given to ``--molecule``, which may hold commas and further signs.

    Raises
    ------
    InputError
        If a word is not a pair, or a name comes twice.
    """
    selections: dict[str, str] = {}
    for word in words:
        name, _, selection = (part.strip() for part in word.partition("="))
        if not (name and selection):
            raise InputError(f"--molecule is {word!r}; expected NAME=SELECTION, e.g. --molecule TFSI='resname TFSI'")
        if name in selections:
            raise InputError(f"--molecule names {name} twice; expected one selection a name; join them with 'or'")
        selections[name] = selection
    return selections
