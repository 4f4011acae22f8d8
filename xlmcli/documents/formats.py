"""The formats of documents, by their names and by the endings of files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from xlmcli.errors import DataError
from xlmcli.lines import content_suffix

DocumentFormat = Literal["po", "xliff", "srt", "vtt", "html", "md", "json", "properties"]

DOCUMENT_FORMATS: tuple[DocumentFormat, ...] = get_args(DocumentFormat)
PLAIN_FORMATS: tuple[DocumentFormat, ...] = ("md", "json", "properties")
"""Any text may be called so."""

_ENDINGS: dict[str, DocumentFormat] = {
    **{f".{name}": name for name in DOCUMENT_FORMATS},
    ".pot": "po",
    ".xlf": "xliff",
    ".htm": "html",
    ".xhtml": "html",
    ".markdown": "md",
}

# Codes of one language, the older or narrower first; then codes that name none, such as LL of gettext's templates.
_SYNONYMS = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "ji": "yi", "sh": "sr", "cmn": "zho"}
_NO_LANGUAGES = ("und", "mul", "mis", "zxx", "xx", "ll")


@dataclass(frozen=True, slots=True)
class DocumentOptions:
    """How documents are read and written.

    Attributes:
        source_lang: What its texts are in; None where nobody says.
        target_lang: What a document says that its language is; None leaves that.
        only_missing: A catalogue whose values are taken over; what it lacks is translated.
        redoes: Whether what is translated already is translated anew.
        marks_fuzzy: Whether what is filled in is marked as fuzzy.
        max_line_length: Of a subtitle, in characters.
    """

    source_lang: str | None = None
    target_lang: str | None = None
    only_missing: Path | None = None
    redoes: bool = False
    marks_fuzzy: bool = True
    max_line_length: int = 42


def document_format(path: Path) -> DocumentFormat | None:
    """Tells the format by the ending of a file's name; None if it is none of a document."""
    return _ENDINGS.get(content_suffix(path))


def same_language(declared: str, lang: str) -> bool | None:
    """Whether a tag such as ``pt-BR`` or ``de_AT`` is of a language; None where it may be or names none."""
    one, other = (_SYNONYMS.get(base, base) for base in (_base(declared), _base(lang)))
    return one == other if len(one) == len(other) and one not in _NO_LANGUAGES else None


def kept_translation_error(place: str, declared: str, lang: str | None) -> DataError:
    """Returns the error of a translation that would be kept, but is into another language than the document's new one.

    Args:
        place: Of the translation.
        declared: What it is in, as the document says.
        lang: What the document is translated into.
    """
    return DataError(
        f"{place}: translated into {declared!r}, as the document says, not into {lang!r}",
        hint=f"give --tgt {_base(declared)}, or --all to translate this anew, too",
    )


def _base(tag: str) -> str:
    return re.split(r"[-_@.]", tag, maxsplit=1)[0].lower()
