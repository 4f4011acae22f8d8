"""Where attention goes, and as what: the one place that picks how it is shown."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from xlmcli.attention.maps import AttentionMap
from xlmcli.attention.show.page import format_page
from xlmcli.attention.show.tables import format_entropy_json, format_entropy_tsv, format_json, format_tsv
from xlmcli.attention.show.terminal import Canvas, format_entropy_text, format_text, stdout_canvas
from xlmcli.errors import UsageError
from xlmcli.figures import PICTURE_SUFFIXES
from xlmcli.lines import STDIN
from xlmcli.outputs import atomic_write

Kind = Literal["text", "json", "tsv", "html", "picture"]

_KINDS: dict[str, Kind] = {
    "": "text",
    ".txt": "text",
    ".json": "json",
    ".tsv": "tsv",
    ".html": "html",
    ".htm": "html",
    **dict.fromkeys(PICTURE_SUFFIXES, "picture"),
}


def find_kind(path: Path | None, format_name: Literal["text", "json", "tsv"] | None, *, is_entropy: bool) -> Kind:
    """Returns how attention is to be shown, by the format's name or the file's ending.

    Args:
        path: The file to write; None is stdout.
        format_name: None is as the file's ending says.
        is_entropy: Whether entropies are shown, which are a table.

    Raises:
        UsageError: The ending says nothing, or something else than the format.
    """
    by_ending = "text" if path is None else _KINDS.get(path.suffix.lower())
    if format_name is not None and by_ending not in ("text", format_name, None):
        raise UsageError(f"-o {path} is no file of --format {format_name}", hint="leave out --format, or the ending")
    kind = format_name or by_ending
    if kind is None:
        raise UsageError(f"-o {path}: cannot tell the format", hint=f"end it with {', '.join(filter(None, _KINDS))}")
    if is_entropy and kind in ("html", "picture"):
        raise UsageError(f"--entropy is a table, -o {path} is none", hint="end it with .txt, .json or .tsv")
    return kind


def write_attention(attention: AttentionMap, path: Path | None, kind: Kind, *, is_entropy: bool) -> None:
    """Shows attention in a file, which appears once complete, or on stdout.

    Args:
        attention: What to show.
        path: The file; None is stdout.
        kind: What `find_kind` says of it.
        is_entropy: Whether to show the entropies of the heads.

    Raises:
        DataError: The file cannot be written.
    """
    if path is None or path == STDIN:
        canvas = stdout_canvas()
        encoding = canvas.encoding if kind == "text" else "utf-8"
        sys.stdout.buffer.write(_format(attention, kind, canvas, is_entropy=is_entropy).encode(encoding))
    elif kind == "picture":
        from xlmcli.attention.show.plots import plot_attention

        plot_attention(attention, path)
    else:
        with atomic_write(path) as file:
            file.write(_format(attention, kind, Canvas(), is_entropy=is_entropy))


def _format(attention: AttentionMap, kind: Kind, canvas: Canvas, *, is_entropy: bool) -> str:
    if kind == "text":
        return (format_entropy_text if is_entropy else format_text)(attention, canvas)
    if kind == "json":
        return (format_entropy_json if is_entropy else format_json)(attention)
    if kind == "tsv":
        return (format_entropy_tsv if is_entropy else format_tsv)(attention)
    return format_page(attention)
