"""JSON catalogues: an object of texts, however nested. Keys, numbers and layout stay as they are.

Python's parser checks the document but does not say where values stand: places are found by a scan of tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from xlmcli.documents.formats import DocumentOptions
from xlmcli.documents.messages import message_parts
from xlmcli.documents.parts import Part, WholeDocument
from xlmcli.errors import DataError
from xlmcli.lines import iter_file_lines

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]')
_SURROGATE = re.compile("[\ud800-\udfff]")

Key = tuple[str | int, ...]
"""Where a value stands: the names and numbers of what it is in, from the outside."""


def json_parser(options: DocumentOptions) -> WholeDocument:
    """Returns a parser of JSON catalogues.

    Raises:
        DataError: The catalogue whose values are taken over cannot be read.
    """
    known = {} if options.only_missing is None else _read_known(options.only_missing)
    return WholeDocument(partial(_parse, known=known))


def _parse(text: str, name: str, known: dict[Key, str]) -> Iterator[Part]:
    position = 0
    for key, start, end in _find_texts(text, name):
        yield text[position:start]
        yield from [known[key]] if key in known else _text_parts(text[start:end])
        position = end
    yield text[position:]


def _text_parts(raw: str) -> list[Part]:
    value = json.loads(raw)
    if _SURROGATE.search(value):
        return [raw]
    is_ascii = raw.isascii() and "\\u" in raw

    def spell(plain: str) -> str:
        return json.dumps(plain, ensure_ascii=is_ascii)[1:-1]

    return ['"', *message_parts(value, raw[1:-1], spell), '"']


def _find_texts(text: str, name: str) -> Iterator[tuple[Key, int, int]]:
    """Yields the key of each text of a document, and where it stands, quotes included.

    Raises:
        DataError: It is no JSON.
    """
    _check(text, name)
    path: list[str | int] = []
    is_object: list[bool] = []
    awaits_name = False
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in "{[":
            is_object.append(sign == "{")
            path.append(0)
            awaits_name = sign == "{"
        elif sign in "}]":
            is_object.pop()
            path.pop()
            awaits_name = False
        elif sign == ",":
            awaits_name = is_object[-1]
            if not awaits_name:
                path[-1] = int(path[-1]) + 1
        elif sign == ":":
            awaits_name = False
        elif awaits_name:
            path[-1] = json.loads(sign)
        else:
            yield tuple(path), *token.span()


def _check(text: str, name: str) -> None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        message = error.msg.removesuffix(" at")
        raise DataError(f"{name}:{error.lineno}: not JSON: {message} at character {error.colno}") from error
    except RecursionError as error:
        raise DataError(f"{name}: nested too deep") from error
    except ValueError as error:
        raise DataError(f"{name}: a number has too many digits") from error


def _read_known(path: Path) -> dict[Key, str]:
    """The texts of a catalogue as they are written, by their keys; empty ones are none."""
    text = "\n".join(iter_file_lines(path))
    return {key: text[start:end] for key, start, end in _find_texts(text, str(path)) if end - start > len('""')}
