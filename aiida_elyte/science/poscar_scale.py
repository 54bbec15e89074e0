"""The scale of a POSCAR or XDATCAR, its second line: one factor, the volume as a negative one, or one for each axis."""

import numpy as np

__all__ = ["axis_factors"]


def axis_factors(line: str, vectors: np.ndarray) -> np.ndarray:
    """Return by what x, y and z of cell vectors and of Cartesian positions are multiplied, shape ``(3,)``.

    Parameters
    ----------
    line
        The line; what follows its numbers is a comment.
    vectors
        Rows are the cell vectors as they stand in the file, shape ``(3, 3)``.

    Raises
    ------
    ValueError
        If the line holds neither one number other than zero nor three positive ones, or a volume is given for vectors
        that span none.
    """
    numbers = []
    for word in line.split()[:3]:
        try:
            numbers.append(float(word))
        except ValueError:
            break
    scale = np.array(numbers if len(numbers) == 3 else numbers[:1])
    if not len(scale) or not np.isfinite(scale).all() or (scale == 0).any() or (len(scale) == 3 and scale.min() < 0):
        raise ValueError(f"the scale is {line.strip()!r}; expected one number other than 0, or three positive ones")
    if len(scale) == 3:
        return scale
    if scale[0] > 0:
        return np.repeat(scale, 3)
    volume = abs(float(np.linalg.det(vectors)))
    if volume < 1e-9:
        raise ValueError("the scale is a volume, and the vectors span none; expected three vectors of a cell")
    return np.repeat((-scale / volume) ** (1 / 3), 3)
