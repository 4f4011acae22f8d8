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
        in_decade: In them, which a translator that does not see the word cannot say.
        first: The first of all; as others where it is empty.
    """

    ordinal: str
    century: str
    decade: str
    in_decade: str
    first: str = ""


_STYLES = {
    "de": _Style("{0}.", "{0}.", "{0}er", "in den {0}ern"),
    "es": _Style("{0}.º", "{1}", "años {0}", "en los años {0}"),
    "fr": _Style("{0}e", "{1}e", "années {0}", "dans les années {0}", first="{0}er"),
    "it": _Style("{0}º", "{1}", "anni {0}", "negli anni {0}"),
    "pt": _Style("{0}º", "{1}", "anos {0}", "nos anos {0}"),
}

_IN_WORDS = 12
"""Up to here a translation may say ordinals in words."""

_SUFFIX = r"(?i:st|nd|rd|th)(?!\w)"
_ORDINAL = re.compile(
    rf"(?<![\w.,/–-])(?P<digits>[1-9]\d{{0,2}}){_SUFFIX}(?!-)"
    rf"(?=(?P<century>(?: (?:and|or|to)(?: the)? \d+{_SUFFIX})* centur)?)"
)
# 30s alone may be seconds, as before another word; those of a life are no years.
_DECADE = re.compile(
    r"(?<![\w.,/$€£¥–-])(?<!\bhis )(?<!\bher )(?<!\btheir )(?<!\bmy )(?<!\byour )(?<!\bour )"
    r"(?P<in>\b[Ii]n the )?"
    r"(?:(?P<years>(?:1\d|20)\d0)|['’](?P<short>[2-9]0)|(?<=\b[Tt]he )(?P<alone>[2-9]0)(?!s [a-z]{5}))['’]?s(?!\w)"
)
_TENS = re.compile(
    r"vingt|trent|[cq]uarant|cinquant|soixant|veint|treint|cuarent|cincuent|sesent|setent|ochent|novent|venti|sessant"
    r"|settant|ottant|novant|vinte|trint|quarent|cinquent|sessent|oitent|zwanzig|dreißig|vierzig|fünfzig|sechzig"
    r"|siebzig|achtzig|neunzig",
    re.IGNORECASE,
)
_CENTURY = re.compile(r"(?:(?<=\bsiglo )|(?<=\bséculo )|(?<=\bsecolo ))[IVX]+\b|\b[IVX]+(?=e siècle| secolo)")
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
        number = int(match["digits"])
        has_words = number <= _IN_WORDS and not (match["century"] and _CENTURY.search(translation))
        is_roman = match["century"] and re.search(rf"\b{_roman(number)}e?\b", translation)
        if not (has_words or is_roman or _stands(match["digits"], translation)):
            yield *match.span(), _write_ordinal(match, style)
    for match in _DECADE.finditer(text):
        years = match["years"] or match["short"] or match["alone"]
        if not (_stands(years, translation) or _stands(years[-2:], translation) or _TENS.search(translation)):
            written = (style.in_decade if match["in"] else style.decade).format(years)
            yield *match.span(), written.capitalize() if match[0].startswith("In") else written


def rewrite_ordinals(text: str, translation: str, lang: str) -> str:
    """Returns a translation in which ordinals and decades of an English text that it took over are its language's."""
    style = _STYLES.get(lang)
    if style is None:
        return translation
    centuries = []
    for match in _ORDINAL.finditer(text):
        written = _write_ordinal(match, style)
        stop = r"\.?" if written.endswith(".") else ""  # that of a sentence as well
        taken = rf"(?<!\w){match['digits']}(?:{_SUFFIX}|i?[eè]me(?!\w)){stop}"
        translation = re.sub(taken, written, translation)
        if match["century"]:
            centuries.append(_roman(int(match["digits"])))
    for match in _DECADE.finditer(text):
        years, before = (
            match["years"] or match["short"] or match["alone"],
            style.decade.partition("{")[0],
        )  # which may stand there
        taken = rf"(?<!\w)(?:{before})?['’]?{years}['’]?e?s(?!\w)"
        translation = re.sub(taken, style.decade.format(years), translation)
    return _rewrite_centuries(centuries, translation)


def _rewrite_centuries(centuries: Sequence[str], translation: str) -> str:
    """Puts the Roman numbers of centuries in place of those of a translation, if they are as many."""
    if len(centuries) != len(_CENTURY.findall(translation)):
        return translation
    numbers = iter(centuries)
    return _CENTURY.sub(lambda _: next(numbers), translation)


def _write_ordinal(match: re.Match[str], style: _Style) -> str:
    digits = match["digits"]
    form = style.century if match["century"] else (digits == "1" and style.first) or style.ordinal
    return form.format(digits, _roman(int(digits)))


def _stands(number: str, text: str) -> bool:
    return re.search(rf"(?<!\w){number}(?!\d)", text) is not None


def _roman(number: int) -> str:
    tens, units = divmod(number, 10)
    return "X" * tens + _UNITS[units]
