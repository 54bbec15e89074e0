"""The weights that come with CHGNet's wheel, and the small file that names one of them."""

import json
from dataclasses import dataclass

from aiida_elyte.errors import InputError

__all__ = ["BUNDLED", "Bundled", "dump_bundled", "is_bundled", "read_bundled"]

_FORMAT = "aiida-elyte chgnet 1"
_MARK = json.dumps({"format": _FORMAT})[:-1].encode()


@dataclass(frozen=True)
class Bundled:
    """Weights that come with the wheel."""

    file: str
    """Where they lie below the folder ``pretrained`` of the package."""
    sha256: str
    """Hash of that file."""
    functional: str
    """What made the labels they were trained on."""
    cutoff_A: float
    """Cut-off of the graph of atoms [Å]."""
    n_parameters: int
    """Number of parameters."""
    has_output_bias: bool = False
    """Whether its output layers keep a bias, which early weights were trained with."""


BUNDLED = {
    "0.3.0": Bundled(
        "0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar",
        "d14ab7c0f093efe64b60a7bcd540bca10e74fb7f46c86108a079af60524659d1",
        "PBE(+U)",
        6.0,
        412_525,
    ),
    "0.2.0": Bundled(
        "0.2.0/chgnet_0.2.0_e30f77s348m32.pth.tar",
        "ef624f78b6db9d315b4ef256f1bb3207449924191b91720dc17d3f60c5df980e",
        "PBE(+U)",
        5.0,
        400_438,
        has_output_bias=True,
    ),
    "r2scan": Bundled(
        "r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar",
        "8eba3db0f35a2788bb3ae22885ad340591e27996f213c6643af522a633b50dad",
        "r2SCAN",
        6.0,
        412_525,
    ),
}
"""Version → weights, the newest of the Materials Project first."""


def dump_bundled(version: str) -> bytes:
    """Return the file that names weights of the wheel: what they are is in their hash."""
    return json.dumps({"format": _FORMAT, "model": version, "weights_sha256": BUNDLED[version].sha256}).encode()


def is_bundled(content: bytes) -> bool:
    """Tell whether a file names weights of the wheel."""
    return content.startswith(_MARK)


def read_bundled(content: bytes) -> tuple[str, Bundled]:
    """Return which weights a file names, and what they are.

    Raises
    ------
    InputError
        If it is damaged, or names weights that no version known here has.
    """
    try:
        named = json.loads(content)
        version, digest = named["model"], named["weights_sha256"]
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"a file of CHGNet cannot be read ({type(error).__name__}: {error}); expected the JSON that names its "
            "weights; make it anew"
        ) from error
    if version not in BUNDLED or digest != BUNDLED[version].sha256:
        raise InputError(
            f"weights {version!r} of CHGNet with the hash {str(digest)[:12]!r} are unknown; expected one of "
            f"{', '.join(BUNDLED)}; make the file anew with this version"
        )
    return version, BUNDLED[version]
