"""Where training text is: ``en=mono.txt``, ``en-fr=pairs.tsv.xz,only=tatoeba*,repeat=0.5``, …"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import islice, zip_longest
from pathlib import Path

from xlmcli.errors import DataError, UsageError
from xlmcli.facts import format_name
from xlmcli.lines import iter_file_lines

LANG_PLACEHOLDER = "{}"

_CHUNK_ROWS = 20_000

_MOST_REPEATS = 1_000_000
_OPTION = re.compile(r"([a-z][a-z-]*)=(.*)")
_FORMS = (
    "write LANG=FILE, LANG-LANG=FILE.tsv or LANG-LANG=FILE.{}, "
    "then ,column=NUMBER, ,only=GLOB, ,max-words=NUMBER, ,synthetic=LANG or ,repeat=NUMBER where needed"
)


@dataclass(frozen=True, slots=True)
class Source:
    """Text in one language, or in two languages line by line.

    Attributes:
        langs: One language code, or two.
        path: A file of lines (one language), a TSV file with a language in each of its first columns, or a path with
            ``{}`` in place of the language code, which stands for one file of lines a language.
        only: Globs joined by ``|``; only the rows of a TSV file whose third column matches one of them are taken.
        repeat: How often the source counts in an epoch of training; 0.2 draws a fifth of it each time.
        column: Of a file in one language that is a TSV file, the column with the text, from 1; None takes whole lines.
        max_words: Rows with more words, between spaces, in a language are left out.
        synthetic: The language whose text a model made, of text in two; training never learns to write that text.
    """

    langs: tuple[str, ...]
    path: Path
    only: str | None = None
    repeat: float = 1.0
    column: int | None = None
    max_words: int | None = None
    synthetic: str | None = None

    @property
    def is_paired(self) -> bool:
        """Whether each language has a file of its own."""
        return LANG_PLACEHOLDER in str(self.path)

    def path_of(self, lang: str) -> Path:
        """The file that holds ``lang``."""
        return Path(str(self.path).replace(LANG_PLACEHOLDER, lang))

    @property
    def name(self) -> str:
        """What it is, wherever its file lies and however it counts."""
        return format_name(replace(self, path=Path(self.path.name), repeat=1.0, synthetic=None))

    @property
    def selection(self) -> str:
        """What is read of its files, as it is written behind their names; empty for all."""
        only = "" if self.only is None else f",only={self.only}"
        column = "" if self.column is None else f",column={self.column}"
        max_words = "" if self.max_words is None else f",max-words={self.max_words}"
        return f"{only}{column}{max_words}"

    def __str__(self) -> str:
        synthetic = "" if self.synthetic is None else f",synthetic={self.synthetic}"
        repeat = "" if self.repeat == 1.0 else f",repeat={self.repeat:g}"
        return f"{'-'.join(self.langs)}={self.path}{self.selection}{synthetic}{repeat}"


def parse_source(text: str) -> Source:
    """Reads ``LANGS=PATH``, then ``,OPTION=VALUE`` any number of times; other commas are the path's.

    Options are ``only``, ``column``, ``max-words``, ``synthetic`` and ``repeat``; see `Source`.

    Raises:
        UsageError: ``text`` is not of this form, or an option is used where it says nothing.
    """
    langs_text, separator, rest = text.partition("=")
    langs = tuple(langs_text.split("-"))
    path, options = _split_options(rest, text)
    if not separator or not path:
        raise UsageError(f"not a source: {text!r}", hint=_FORMS)
    if len(langs) > 2 or len(set(langs)) != len(langs) or not all(re.fullmatch(r"\w+", lang) for lang in langs):
        raise UsageError(f"not one or two language codes: {langs_text!r} in {text!r}", hint=_FORMS)
    for name in options:
        if name not in ("only", "column", "max-words", "synthetic", "repeat"):
            raise UsageError(f"unknown option {name!r} in {text!r}", hint=_FORMS)
    only = options.get("only")
    if only is not None and (len(langs) == 1 or LANG_PLACEHOLDER in path):
        raise UsageError(f"only= looks at the third column of a TSV file, and {text!r} is none")
    column = options.get("column")
    if column is not None and len(langs) == 2 and LANG_PLACEHOLDER not in path:
        raise UsageError(f"column= is for files in one language, and {text!r} is a table of two")
    synthetic = options.get("synthetic")
    if synthetic is not None and (len(langs) == 1 or synthetic not in langs):
        raise UsageError(f"synthetic= names one of the two languages of a source, and {text!r} has no such two")
    max_words = options.get("max-words")
    return Source(
        langs,
        Path(path),
        only=only,
        repeat=_parse_repeat(options.get("repeat", "1"), text),
        column=None if column is None else _parse_whole("column", column, text),
        max_words=None if max_words is None else _parse_whole("max-words", max_words, text),
        synthetic=synthetic,
    )


def iter_rows(source: Source) -> Iterator[tuple[str, ...]]:
    """Yields a text per language, rows with an empty side included.

    Raises:
        DataError: A file cannot be read, a row has too few columns, or paired files differ in length.
    """
    rows = _iter_all(source)
    if source.max_words is None:
        return rows
    most = source.max_words
    return (row for row in rows if all(len(text.split()) <= most for text in row))


def iter_chunks(source: Source) -> Iterator[list[tuple[str, ...]]]:
    """Yields the rows of `iter_rows`, many at a time."""
    rows = iter_rows(source)
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        yield chunk


def _iter_all(source: Source) -> Iterator[tuple[str, ...]]:
    if source.is_paired:
        return _iter_paired(source)
    if len(source.langs) == 2:
        return _iter_table(source)
    return ((text,) for text in _iter_texts(source.path, source.column))


def _iter_table(source: Source) -> Iterator[tuple[str, ...]]:
    num_langs = len(source.langs)
    num_needed = num_langs if source.only is None else num_langs + 1
    globs = None if source.only is None else source.only.split("|")
    for number, line in enumerate(iter_file_lines(source.path), start=1):
        columns = line.split("\t")
        if len(columns) < num_needed:
            raise DataError(f"{source.path}:{number}: expected {num_needed} columns, found {len(columns)}")
        if globs is None or any(fnmatchcase(columns[num_langs], glob) for glob in globs):
            yield tuple(columns[:num_langs])


def _iter_texts(path: Path, column: int | None) -> Iterator[str]:
    """The lines of a file in one language, or a column of them."""
    if column is None:
        yield from iter_file_lines(path)
        return
    for number, line in enumerate(iter_file_lines(path), start=1):
        columns = line.split("\t")
        if len(columns) < column:
            raise DataError(f"{path}:{number}: expected {column} columns, found {len(columns)}")
        yield columns[column - 1]


def _iter_paired(source: Source) -> Iterator[tuple[str, ...]]:
    paths = [source.path_of(lang) for lang in source.langs]
    for number, row in enumerate(zip_longest(*(_iter_texts(path, source.column) for path in paths)), start=1):
        if None in row:
            ended = paths[row.index(None)]
            raise DataError(
                f"{ended}:{number}: the file ends, and {next(path for path in paths if path != ended)} goes on",
                hint="paired files need a line for every line of the other",
            )
        yield row


def _split_options(rest: str, text: str) -> tuple[str, dict[str, str]]:
    options: dict[str, str] = {}
    while True:
        path, separator, last = rest.rpartition(",")
        match = _OPTION.fullmatch(last) if separator else None
        if match is None:
            return rest, options
        if match[1] in options:
            raise UsageError(f"{match[1]}= stands twice in {text!r}", hint="leave one of them out")
        options[match[1]] = match[2]
        rest = path


def _parse_whole(name: str, value: str, text: str) -> int:
    if not re.fullmatch("[1-9][0-9]*", value):
        raise UsageError(f"{name}={value} in {text!r} is not a whole number from 1")
    return int(value)


def _parse_repeat(value: str, text: str) -> float:
    try:
        repeat = float(value)
    except ValueError:
        repeat = -1.0
    if not 1e-30 < repeat <= _MOST_REPEATS:  # Of less, float32 makes nothing.
        raise UsageError(f"repeat={value} in {text!r} is not a number above 0 and up to {_MOST_REPEATS:,}")
    return repeat
