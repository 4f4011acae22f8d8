"""Ordinals and decades of English as other languages write them: ``21st``, ``the 1990s``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class _Style(NamedTuple):
    """How a language writes them.

    Attributes:
        ordinal: One that counts.
        century: That of a century; ``{1}`` is its Roman number.
        decade: The years of one.
        decades: The same with its article, which a translator that does not see the word cannot choose.
        first: The first of all; as others where it is empty.
    """

    ordinal: str
    century: str
    decade: str
    decades: str
    first: str = ""


_STYLES = {
    "de": _Style("{0}.", "{0}.", "{0}er", "den {0}ern"),
    "es": _Style("{0}.º", "{1}", "años {0}", "los años {0}"),
    "fr": _Style("{0}e", "{1}e", "années {0}", "les années {0}", first="{0}er"),
    "it": _Style("{0}º", "{1}", "anni {0}", "gli anni {0}"),
    "pt": _Style("{0}º", "{1}", "anos {0}", "os anos {0}"),
}

_IN_WORDS = 12
"""Up to here a translation may say ordinals in words."""

_ORDINAL = re.compile(r"(?<![\w.,/–-])(?P<digits>[1-9]\d{0,2})(?:st|nd|rd|th)(?![\w-])(?=(?P<century> centur)?)")
# 30s alone may be seconds, and those of a life are no years.
_DECADE = re.compile(
    r"(?<![\w.,/$€£¥–-])(?<!\bhis )(?<!\bher )(?<!\btheir )(?<!\bmy )(?<!\byour )(?<!\bour )"
    r"(?P<the>\bthe )?(?:['’]|(?<=\bthe )|(?=\d{4}))(?P<years>(?:1\d|20)?[1-9]?0)['’]?s(?!\w)"
)
_ROMAN = re.compile(r"\b(?:[IVX]{2,}|[VX])(?=e?\b)")
_UNITS = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")


def find_lost_ordinals(text: str, translation: str, lang: str) -> Iterator[tuple[int, int, str]]:
    """Yields the ordinals and decades of an English text that its translation does not have.

    One that it says in words, or a century in Roman numbers, is not lost.

    Yields:
        Where one starts and ends, and how the language writes it; nothing for languages whose way is not known.
    """
    style = _STYLES.get(lang)
    if style is None:
        return
    for match in _ORDINAL.finditer(text):
        number, romans = int(match["digits"]), _ROMAN.findall(translation) if match["century"] else []
        has_words = number <= _IN_WORDS and not romans
        if not (has_words or _stands(match["digits"], translation) or _roman(number) in romans):
            yield *match.span(), _write_ordinal(match, style)
    for match in _DECADE.finditer(text):
        if not _stands(match["years"], translation):
            written = (style.decades if match["the"] else style.decade).format(match["years"])
            yield *match.span(), written


def rewrite_ordinals(text: str, translation: str, lang: str) -> str:
    """Returns a translation in which ordinals and decades of an English text that it took over are its language's."""
    style = _STYLES.get(lang)
    if style is None:
        return translation
    centuries = []
    for match in _ORDINAL.finditer(text):
        written = _write_ordinal(match, style)
        stop = r"\.?" if written.endswith(".") else ""  # that of a sentence as well
        taken = rf"(?<!\w){match['digits']}(?:st|nd|rd|th|i?[eè]me)(?!\w){stop}"
        translation = re.sub(taken, written, translation)
        if match["century"]:
            centuries.append(_roman(int(match["digits"])))
    for match in _DECADE.finditer(text):
        years = style.decade.partition("{")[0]  # which may stand there
        taken = rf"(?<!\w)(?:{years})?['’]?{match['years']}['’]?e?s(?!\w)"
        translation = re.sub(taken, style.decade.format(match["years"]), translation)
    return _rewrite_centuries(centuries, text, translation) if centuries else translation


def _rewrite_centuries(centuries: Sequence[str], text: str, translation: str) -> str:
    """Puts the Roman numbers of centuries in place of as many that are not those of the text."""
    others = _ROMAN.findall(text)
    found = [match for match in _ROMAN.finditer(translation) if match[0] not in others]
    if len(found) != len(centuries):
        return translation
    numbers = {match.start(): number for match, number in zip(found, centuries, strict=True)}
    return _ROMAN.sub(lambda match: numbers.get(match.start(), match[0]), translation)


def _write_ordinal(match: re.Match[str], style: _Style) -> str:
    digits = match["digits"]
    form = style.century if match["century"] else (digits == "1" and style.first) or style.ordinal
    return form.format(digits, _roman(int(digits)))


def _stands(number: str, text: str) -> bool:
    return re.search(rf"(?<!\w){number}(?!\d)", text) is not None


def _roman(number: int) -> str:
    tens, units = divmod(number, 10)
    return "X" * tens + _UNITS[units]
