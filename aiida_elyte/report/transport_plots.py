"""Pictures of a transport analysis, as files."""

from pathlib import Path

from aiida_elyte.api.files import check_outputs, write_files
from aiida_elyte.api.transport import Analysis
from aiida_elyte.report.style import require_matplotlib
from aiida_elyte.report.transport_figures import PICTURES, draw_transport

__all__ = ["check_plots", "plot_transport"]


def plot_transport(analysis: Analysis, folder: str | Path) -> list[Path]:
    """Draw what an analysis stands on into a folder, whose pictures of an earlier analysis are replaced.

    Parameters
    ----------
    analysis
        What ``analyse`` returned.
    folder
        Where to write them; made if missing.

    Returns
    -------
    list of Path
        The files: those of ``msd.png``, ``spectrum.png``, ``green_kubo.png`` and ``onsager.png`` there is something to
        draw of; see ``draw_transport``.

    Raises
    ------
    InputError
        If matplotlib is not installed, or the folder cannot be written.
    """
    require_matplotlib()
    check_plots(folder)
    pictures = draw_transport(
        analysis.series,
        analysis.charges,
        analysis.temperature_K,
        analysis.quantities,
        mobile=analysis.species,
        frame=analysis.given_frame,
    )
    files = {Path(folder) / f"{name}.png": picture for name, picture in pictures.items()}
    write_files(files)
    for name in set(PICTURES) - set(pictures):
        (Path(folder) / f"{name}.png").unlink(missing_ok=True)
    return list(files)


def check_plots(folder: str | Path) -> None:
    """Reject a folder that pictures cannot be written to, before there is an analysis.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    check_outputs(Path(folder) / f"{name}.png" for name in PICTURES)
