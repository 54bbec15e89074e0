"""What transport needs of a run, as a node."""

import io
from typing import Any

import numpy as np
from aiida.orm import SinglefileData

from aiida_elyte.science.trajectory.reduction import Series, unpack_series

__all__ = ["SeriesData"]


class SeriesData(SinglefileData):
    """Displacements, cell and times of the replicas of one run, reduced beside the trajectory.

    Queryable attributes: ``replicas``, ``species``, ``duration_ps``, and what an MD run states, as ``temperature_K``.

    Parameters
    ----------
    content
        Bytes of the ``series.npz`` that a program of ours wrote.
    description
        Attributes beyond those read from the file.
    """

    FILENAME = "series.npz"

    def __init__(self, content: bytes, description: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(file=io.BytesIO(content), filename=self.FILENAME, **kwargs)
        replicas = _unpack(content)
        self.base.attributes.set_many(
            {
                "replicas": len(replicas),
                "species": sorted({name for series in replicas for name in series.species}),
                "duration_ps": [_duration_ps(series.time_fs) for series in replicas],
                **(description or {}),
            }
        )

    def get_series(self) -> list[Series]:
        """Return one ``Series`` a replica."""
        return _unpack(self.get_content(mode="rb"))


def _duration_ps(time_fs: np.ndarray) -> float:
    """Return the length of a run [ps]; 0 for a replica that stopped before its production began."""
    return float(time_fs[-1] - time_fs[0]) / 1000 if len(time_fs) else 0.0


def _unpack(content: bytes) -> list[Series]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return unpack_series(arrays)
