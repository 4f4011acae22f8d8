"""Moses' normalisation of punctuation, and what XLM did before and after it.

The steps and their order decide the result, and they are those of sacremoses and of the original scripts. Most are
plain replacements here, and what a text cannot need is passed over.

Source: ``replace-unicode-punctuation.perl``, ``normalize-punctuation.perl`` and ``remove-non-printing-char.perl`` of
Moses; ``normalise-romanian.py`` and ``remove-diacritics.py`` of Sennrich's WMT16 scripts.
"""

from __future__ import annotations

import re
import unicodedata

_NBSP = "\N{NO-BREAK SPACE}"

# 1. Full-width punctuation. A full stop takes the space after it along.
_FULL_STOPS = re.compile(r"[。．]\s*")
_WIDE = str.maketrans(
    {
        **dict(zip("，、∶：？！；）（～━％〈〉【】", ",,::?!;)(~-%<>[]", strict=True)),
        **dict.fromkeys("”“《》「」", '"'),
        **{wide: str(digit) for digit, wide in enumerate("０１２３４５６７８９")},
        "’": "'",
        "…": "...",
    }
)

# 2. Typographic quotes and dashes.
_SPACES = re.compile(" +")
_PLAIN = str.maketrans({**dict.fromkeys("„“”", '"'), **dict.fromkeys("´‘‚’", "'"), "–": "-", "—": " - "})
_PUNCTUATION_AFTER_BRACKET = re.compile(r"\) ([.!:?;,])")
_SPACED_PERCENT = re.compile(r"(\d) %")
_GUILLEMETS = (f"{_NBSP}«{_NBSP}", f"«{_NBSP}", "«", f"{_NBSP}»{_NBSP}", f"{_NBSP}»", "»")
_HARD_SPACES = (
    (f"{_NBSP}%", "%"),
    (f"nº{_NBSP}", "nº "),
    (f"{_NBSP}:", ":"),
    (f"{_NBSP}ºC", " ºC"),
    (f"{_NBSP}cm", " cm"),
    (f"{_NBSP}?", "?"),
    (f"{_NBSP}!", "!"),
    (f"{_NBSP};", ";"),
    (f",{_NBSP}", ", "),
)
_HARD_SPACED_NUMBER = re.compile(rf"(\d){_NBSP}(\d)")

# 3. Quotes beside commas and full stops.
_QUOTE_BEFORE_STOPS = re.compile(r'"([,.]+)')
_QUOTE_AFTER_STOPS = re.compile(r'(\.+)"(\s*[^<])')
QUOTE_AFTER_STOP_LANG = "en"
"""The language whose full stops and commas are put before a quotation mark."""
QUOTE_BEFORE_STOP_LANGS = frozenset({"de", "es", "fr"})
"""Languages whose full stop follows a quotation mark, unless both end the line."""
_COMMA_IN_NUMBER_LANGS = QUOTE_BEFORE_STOP_LANGS | {"cz", "cs"}

NORMALIZED_CHARACTERS = frozenset(map(chr, [*_WIDE, *_PLAIN])) | frozenset("。．«»")
"""Characters beyond ASCII that do not stay as they are."""

# Both spellings of s and t with a comma below, and the other letters with marks.
_ROMANIAN = str.maketrans("ŞşŢţȘșȚțĂăÂâÎî", "SsTtSsTtAaAaIi")


def normalize_punctuation(text: str, lang: str) -> str:
    """Returns ``text`` with the punctuation that XLM was trained on.

    Args:
        text: One line.
        lang: Language code; an unknown one follows the general rules.
    """
    if not text.isascii():
        if "。" in text or "．" in text:
            text = _FULL_STOPS.sub(". ", text)
        text = text.translate(_WIDE)
    text = _normalize_spaces(text.replace("\r", ""))
    text = text.replace("`", "'").replace("''", ' " ')
    text = _join_spaces(text).replace("''", '"') if text.isascii() else _normalize_typography(text)
    if '"' in text:
        text = _order_quotes(text, lang)
    if _NBSP in text:
        text = _HARD_SPACED_NUMBER.sub(r"\1,\2" if lang in _COMMA_IN_NUMBER_LANGS else r"\1.\2", text)
    return remove_unprintable(text.strip())


def _normalize_spaces(text: str) -> str:
    has_brackets = "(" in text or ")" in text
    if has_brackets:
        text = text.replace("(", " (").replace(")", ") ")
    text = _join_spaces(text)
    if has_brackets:
        text = _PUNCTUATION_AFTER_BRACKET.sub(r")\1", text)
        text = text.replace("( ", "(").replace(" )", ")")
    if "%" in text:
        text = _SPACED_PERCENT.sub(r"\1%", text)
    return text.replace(" :", ":").replace(" ;", ";")


def _normalize_typography(text: str) -> str:
    text = _join_spaces(text.translate(_PLAIN)).replace("''", '"')
    if "«" in text or "»" in text:
        for guillemet in _GUILLEMETS:
            text = text.replace(guillemet, '"')
    if _NBSP in text:
        for spaced, plain in _HARD_SPACES:
            text = text.replace(spaced, plain)
        text = _join_spaces(text)
    return text


def _join_spaces(text: str) -> str:
    # Most lines have single ones, and `sub` would put each in again.
    return _SPACES.sub(" ", text) if "  " in text else text


def _order_quotes(text: str, lang: str) -> str:
    if lang == QUOTE_AFTER_STOP_LANG:
        return _QUOTE_BEFORE_STOPS.sub(r'\1"', text)
    if lang in QUOTE_BEFORE_STOP_LANGS:
        return _QUOTE_AFTER_STOPS.sub(r'"\1\2', text.replace(',"', '",'))
    return text


def remove_unprintable(text: str) -> str:
    """Returns ``text`` without control, format, private and unassigned characters; tabs and line ends are such."""
    if text.isprintable():
        return text
    return "".join(character for character in text if not unicodedata.category(character).startswith("C"))


def strip_romanian_marks(text: str) -> str:
    """Returns ``text`` without the marks of Romanian letters, which the English-Romanian model does not know."""
    return text if text.isascii() else text.translate(_ROMANIAN)


def lowercase_and_strip_accents(text: str) -> str:
    """Returns ``text`` in lower case, without accents."""
    text = text.lower()
    if text.isascii():
        return text
    # Decomposition never brings back a capital.
    text = unicodedata.normalize("NFD", text)
    # No mark is a letter, and to ask whether all are letters is quick.
    return text if text.isalpha() else text.translate(_ACCENTS)


class _Accents(dict[int, int | None]):
    """What `str.translate` does to a character: drops it if it is a mark; asked once for each."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if unicodedata.category(chr(code)) == "Mn" else code
        return self[code]


_ACCENTS = _Accents()
