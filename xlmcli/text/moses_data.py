"""The character classes and abbreviations of Moses, as sacremoses carries them."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import cast

_OTHER_LANGUAGES_LIKE = "en"
_NUMERIC_ONLY = "#NUMERIC_ONLY#"


@cache
def characters(category: str) -> frozenset[str]:
    """Returns the characters of a Perl property, such as ``IsAlnum``, as Moses' tokenizer knows them."""
    return frozenset(cast(Mapping[str, str], _table("_data_perluniprops", "PERLUNIPROPS"))[category])


@cache
def word_characters(*, with_hangul: bool) -> tuple[frozenset[str], frozenset[str]]:
    """Returns the alphanumeric and the alphabetic characters, signs of Indic scripts among both."""
    others = characters_of_indic_signs() | (characters("Hangul") if with_hangul else frozenset())
    return characters("IsAlnum") | others, characters("IsAlpha") | others


@cache
def characters_of_indic_signs() -> frozenset[str]:
    """Returns viramas and nuktas, which hold the letters of a word together."""
    tables = [cast(Iterable[str], _table("indic", name)) for name in ("VIRAMAS", "NUKTAS")]
    return frozenset(character for table in tables for text in table for character in text)


@cache
def nonbreaking_prefixes(lang: str) -> tuple[frozenset[str], frozenset[str]]:
    """Returns the abbreviations that keep their full stop: always, and before a number only.

    A language without a list has the English one.
    """
    lists = cast(Mapping[str, str], _table("_data_nonbreaking_prefixes", "NONBREAKING_PREFIXES"))
    text = lists.get(f"nonbreaking_prefix.{lang}") or lists[f"nonbreaking_prefix.{_OTHER_LANGUAGES_LIKE}"]
    lines = [line.strip() for line in text.splitlines()]
    prefixes = [line for line in lines if line and not line.startswith("#")]
    numeric = {line.rpartition(" ")[0] for line in prefixes if re.search(rf"\s{_NUMERIC_ONLY}", line)}
    return frozenset(prefixes) - numeric, frozenset(numeric)


def character_class(members: Iterable[str]) -> str:
    """Returns the inside of a regular expression's ``[…]``: ranges of characters, few of them escaped, compile fast."""
    ranges: list[list[int]] = []
    for code in sorted(map(ord, members)):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    bounds = ({re.escape(chr(first)): None, re.escape(chr(last)): None} for first, last in ranges)
    return "".join(map("-".join, bounds))


def _table(module: str, name: str) -> object:
    """Returns a table of a module of sacremoses 0.2."""
    return getattr(_module(module), name)


@cache
def _module(name: str) -> ModuleType:
    """Returns a module of sacremoses without the package's own import, which takes half a second."""
    spec = importlib.util.find_spec("sacremoses")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).with_name(f"{name}.py")
    file_spec = importlib.util.spec_from_file_location(f"xlmcli_sacremoses{name}", path)
    assert file_spec is not None
    assert file_spec.loader is not None
    loaded = importlib.util.module_from_spec(file_spec)
    file_spec.loader.exec_module(loaded)
    return loaded
