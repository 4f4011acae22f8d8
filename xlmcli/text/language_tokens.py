"""The pieces by which models of other families are told a language, and the codes of the languages that they name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# NLLB: eng_Latn; mBART-50: en_XX; M2M-100: __en__; OPUS-MT: >>fra<<, >>cmn_Hans<<.
_TOKEN = re.compile(
    r"(?P<nllb>[a-z]{3}_[A-Z][a-z]{3})|(?P<mbart>[a-z]{2})_[A-Z]{2}|__(?P<m2m>[a-z]{2,4})__|>>(?P<opus>[a-zA-Z_]{2,})<<"
)
_CODES_FILE = Path(__file__).with_name("language_codes.json")


def is_language_token(piece: str) -> bool:
    """Tells whether a piece names a language."""
    return _TOKEN.fullmatch(piece) is not None


def map_language_tokens(pieces: Sequence[str]) -> dict[str, str]:
    """Returns the language token of every language that some of the pieces name, by the language's code.

    Codes are those of ISO 639-1 where there is one, else of ISO 639-3. Of several scripts of one language, the one that
    the table prefers has the bare code, and others have their script with it: ``zh``, ``zh_Hant``.
    """
    tokens = [piece for piece in pieces if is_language_token(piece)]
    tokens.sort(key=lambda token: _precedence(_name(token)))
    mapped: dict[str, str] = {}
    for token in tokens:
        name = _name(token)
        base, _, rest = name.partition("_")
        short = language_code(base)
        candidates = [short, f"{short}_{rest}" if rest else name, name]
        code = next((candidate for candidate in candidates if candidate not in mapped), None)
        if code is not None:
            mapped[code] = token
    order = {token: index for index, token in enumerate(pieces)}
    return dict(sorted(mapped.items(), key=lambda item: order[item[1]]))


def _precedence(name: str) -> int:
    """Who gets a code that several names could have: lower comes first."""
    if "_" not in name and language_code(name) == name:
        return 0
    return 1 if name in _load_codes().preferred else 2


def language_code(name: str) -> str:
    """Returns the code of ISO 639-1 for one of three letters; others stay as they are."""
    return _load_codes().short.get(name, name)


def base_language(lang: str) -> str:
    """Returns the code of a language without the script or region behind it: ``zh`` for ``zh_Hant``."""
    return re.split("[-_]", lang, maxsplit=1)[0].lower()


def _name(token: str) -> str:
    match = _TOKEN.fullmatch(token)
    return "" if match is None else next(group for group in match.groups() if group is not None)


@dataclass(frozen=True, slots=True)
class _Codes:
    """What language_codes.json says.

    Attributes:
        short: The code of ISO 639-1 for one of ISO 639-3.
        preferred: Of several names with one short code, those that get it.
    """

    short: Mapping[str, str]
    preferred: frozenset[str]


@cache
def _load_codes() -> _Codes:
    codes = json.loads(_CODES_FILE.read_text(encoding="utf-8"))
    return _Codes(codes["short"], frozenset(codes["preferred"]))
