"""A translator at the engine's edge, and what it makes of documents."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from xlmcli.documents.formats import DocumentOptions
from xlmcli.documents.parsers import new_parser
from xlmcli.documents.parts import Answered, DocumentLine, Segment, UnwritableError

Convert = Callable[..., str]


@pytest.fixture(scope="session")
def convert() -> Convert:
    """Translates a document: ``convert("json", content, translate, only_missing=…)``; by itself, to the same text."""

    def run(name: Any, content: str, translate: Callable[[str], str] = str, **options: Any) -> str:
        parser = new_parser(name, DocumentOptions(**options))
        mark, content = re.fullmatch("(\ufeff?)(.*)", content, re.DOTALL).groups()
        parts = [mark]
        for number, line in enumerate(re.findall(r"[^\n]*\n|[^\n]+", content), start=1):
            text = line.removesuffix("\n").removesuffix("\r")
            parts += parser.read(DocumentLine(text, line[len(text) :], f"FILE:{number}"))
        parts += parser.end()
        return "".join(part if isinstance(part, str) else write(part, translate(part.text)) for part in parts)

    return run


def write(segment: Segment, translation: str) -> str:
    try:
        return segment.write(Answered(translation))
    except UnwritableError:
        return segment.raw
