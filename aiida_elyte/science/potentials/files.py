"""Files of potentials of any family that is installed."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aiida_elyte.doors import load, names, naming
from aiida_elyte.errors import InputError, suggest
from aiida_elyte.science.potentials.family import Description, Family

if TYPE_CHECKING:
    import torch

    from aiida_elyte.science.potentials.potential import Potential

__all__ = ["describe_potential", "find_family", "pretrained_potentials", "read_content", "read_potential"]


def read_potential(
    source: str | Path | bytes, device: "str | torch.device" = "cpu", dtype: "torch.dtype | None" = None
) -> "Potential":
    """Load a potential, ready for evaluation: its weights take no gradient.

    Parameters
    ----------
    source
        Path of its file, name of a pretrained one, or the content.
    device, dtype
        As in ``Family.load``.

    Raises
    ------
    InputError
        If the file is missing, or is not a potential of an installed family.
    """
    content = read_content(source)
    return find_family(content, _name(source)).load(content, device, dtype)


def describe_potential(source: str | Path | bytes) -> Description:
    """Return what a database should know of a potential, without building it.

    Parameters
    ----------
    source
        Path of its file, name of a pretrained one, or the content.

    Raises
    ------
    InputError
        If the file is missing, or is not a potential of an installed family.
    """
    content = read_content(source)
    return find_family(content, _name(source)).describe(content)


def find_family(content: bytes, name: str = "the given content", families: Iterable[Family] | None = None) -> Family:
    """Return the family that recognises a file.

    Parameters
    ----------
    content
        Of the file.
    name
        What to call it.
    families
        Families to ask, those that are installed by default.

    Raises
    ------
    InputError
        If none does; a family that could not be asked is named with the reason.
    """
    asked: list[str] = []
    broken: list[str] = []
    for family in _installed(broken) if families is None else families:
        try:
            with naming(f"family {family.name!r} cannot say whether {name} is one of its potentials"):
                is_known = family.recognises(content)
        except InputError as error:
            broken.append(str(error))
            continue
        if is_known:
            return family
        asked.append(family.name)
    raise InputError(
        f"{name} is not a potential of a family that is installed ({', '.join(asked) or 'there is none'}); expected "
        f"a file that a trainer wrote; train it again, or install its family{''.join(f' ({one})' for one in broken)}"
    )


def pretrained_potentials() -> dict[str, bytes]:
    """Return the contents of the potentials that come trained with the families installed, by name."""
    found: dict[str, bytes] = {}
    for family in _installed([]):
        with naming(f"family {family.name!r} cannot name its pretrained potentials"):
            found.update(family.pretrained())
    return found


def _installed(broken: list[str]) -> Iterator[Family]:
    """Yield the families that can be loaded; keep why others cannot, which are nobody's concern if one knows a file."""
    for name in names("families"):
        try:
            with naming(f"family {name!r} cannot be made"):
                family: Family = load("families", name)()
        except InputError as error:
            broken.append(str(error))
        else:
            yield family


def read_content(source: str | Path | bytes) -> bytes:
    """Return the content of a potential's file, or that of a pretrained one by its name; a file goes first.

    Raises
    ------
    InputError
        If it is neither.
    """
    if isinstance(source, bytes):
        return source
    try:
        return Path(source).read_bytes()
    except FileNotFoundError as error:
        known = pretrained_potentials()
        if str(source) in known:
            return known[str(source)]
        raise InputError(
            f"potential {source} does not exist; expected the file of a potential, as m00.pt, or the name of a "
            f"pretrained one{suggest(str(source), sorted(known))}"
        ) from error
    except OSError as error:
        raise InputError(
            f"potential {source} cannot be read ({error.strerror}); expected the file of a potential, as m00.pt"
        ) from error


def _name(source: str | Path | bytes) -> str:
    return "the given content" if isinstance(source, bytes) else str(source)
