"""The standard streams of the process, made fit for what may be at their other ends."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Any

from xlmcli.outputs import NamedFile

_ERROR_HANDLER = "xlm"


def prepare_standard_streams() -> None:
    """Makes stdout name itself in errors and stderr raise none, whether they are open or not.

    What the encoding of stdout lacks becomes ``?``. A file's name that is not UTF-8 comes out as it is.
    """
    # A stream that was closed would become the next file that is opened, which gets what libraries print then.
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) <= 2:
        pass
    os.close(descriptor)
    codecs.register_error(_ERROR_HANDLER, _replace)
    encoding = sys.stdout.encoding if sys.stdout else "utf-8"
    sys.stdout = _text_stream(NamedFile(1, "standard output", closefd=False), encoding, _ERROR_HANDLER)
    if sys.stderr:
        sys.stderr = _text_stream(_LossyFile(2, "wb", closefd=False), sys.stderr.encoding, sys.stderr.errors)


class _LossyFile(io.FileIO):
    """A file that loses what cannot be written: nobody's work ends because a terminal is gone."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _text_stream(raw: io.FileIO, encoding: str, errors: str | None) -> io.TextIOWrapper:
    is_line_buffered = raw.fileno() == 2 or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=is_line_buffered)


def _replace(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    codes = map(ord, error.object[error.start : error.end])
    # Python reads a byte of a file's name that is not UTF-8 as a surrogate.
    return bytes(code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else ord("?") for code in codes), error.end
