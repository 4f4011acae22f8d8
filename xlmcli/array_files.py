"""Arrays that are written as they come, as .npy."""

from __future__ import annotations

import io
from typing import IO

import numpy as np
from numpy.typing import NDArray


class ArrayWriter:
    """Writes rows of one type as an .npy file, whose number of rows is filled in at the end.

    numpy leaves room in the header for the first axis to grow.

    Args:
        file: Where to; it must be seekable. What stands there already, header and rows, is gone on with.
        dtype: Type of a row's numbers, or of a row with named parts.
        row_shape: Shape of a row.
    """

    def __init__(self, file: IO[bytes], dtype: np.dtype[np.generic], row_shape: tuple[int, ...]) -> None:
        self._file = file
        self._dtype = dtype
        self._row_shape = row_shape
        self._num_rows = 0
        header = self._header()
        if start := file.tell():
            self._num_rows = (start - len(header)) // np.dtype((dtype, row_shape)).itemsize
        else:
            file.write(header)

    def __len__(self) -> int:
        return self._num_rows

    def append(self, rows: NDArray[np.generic]) -> None:
        """Writes an array of rows."""
        self._file.write(np.ascontiguousarray(rows, dtype=self._dtype).tobytes())
        self._num_rows += len(rows)

    def finish(self) -> None:
        """Fills in the number of rows."""
        self._file.seek(0)
        self._file.write(self._header())

    def _header(self) -> bytes:
        shape = (self._num_rows, *self._row_shape)
        described = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": shape}
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, described)
        return header.getvalue()
