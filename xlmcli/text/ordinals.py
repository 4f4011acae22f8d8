"""Ordinals, decades and centuries as another language writes them: ``21st``, ``the 1990s``, ``XIXe siècle``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from xlmcli.text.number_words import may_have_number_word


class _Style(NamedTuple):
    """How a language writes them.

    Attributes:
        century: The number of a century; ``{1}`` is its Roman number.
        ordinal: One that counts; of English, ``{0}`` has its ending.
        decade: The years of one.
        in_decade: In them, which a translator that does not see the word cannot say.
        first: The first of all; as others where it is empty.
    """

    century: str
    ordinal: str
    decade: str = ""
    in_decade: str = ""
    first: str = ""


_STYLES = {
    "de": _Style("{0}.", "{0}.", "{0}er", "in den {0}ern"),
    "en": _Style("{0}", "{0}"),
    "es": _Style("{1}", "{0}.º", "años {0}", "en los años {0}"),
    "fr": _Style("{1}e", "{0}e", "années {0}", "dans les années {0}", first="{0}er"),
    "it": _Style("{1}", "{0}º", "anni {0}", "negli anni {0}"),
    "pt": _Style("{1}", "{0}º", "anos {0}", "nos anos {0}"),
}

_IN_WORDS = 12
"""Up to here a translation may say ordinals in words."""

_ENGLISH_SUFFIX = r"(?i:st|nd|rd|th)(?!\w)"
_FRENCH_SUFFIX = r"(?:er|re|ère|i?[eè]me|e)(?!\w)"
_ORDINALS = {
    lang: re.compile(rf"(?<![\w.,/–-])(?P<digits>[1-9]\d{{0,2}}){suffix}(?!-)")
    for lang, suffix in (("en", _ENGLISH_SUFFIX), ("fr", _FRENCH_SUFFIX))
}

_ORDINAL_WORDS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth"
    " sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second"
)
_IN_ENGLISH_WORDS = _ORDINAL_WORDS.replace(" ", "|").replace("-", "[- ]")
_ENGLISH_CENTURY = rf"(?<![\w-])(?:\d+{_ENGLISH_SUFFIX}|(?<!twenty )(?<!thirty )(?i:{_IN_ENGLISH_WORDS}))"
# The number of a century, also of the first of several.
_CENTURIES = {
    "de": re.compile(r"(?<![\w.,])\d+\.(?=(?: (?:und|oder|bis zum) \d+\.)* Jahrhundert)"),
    "en": re.compile(rf"{_ENGLISH_CENTURY}(?=(?: (?:and|or|to)(?: the)? {_ENGLISH_CENTURY})* centur)"),
    "es": re.compile(r"(?<=\bsiglo )[IVX]+\b|(?<=\bsiglos )[IVX]+\b"),
    "fr": re.compile(r"\b[IVX]+(?:er|i?[eè]me|e)(?=(?: (?:et|ou|au) [IVX]+e)* siècle)"),
    "it": re.compile(r"\b[IVX]+(?= secolo)|(?<=\bsecolo )[IVX]+\b"),
    "pt": re.compile(r"(?<=\bséculo )[IVX]+\b|(?<=\bséculos )[IVX]+\b"),
}
# 30s alone may be seconds, as before another word; those of a life are no years.
_DECADE = re.compile(
    r"(?<![\w.,/$€£¥–-])(?<!\bhis )(?<!\bher )(?<!\btheir )(?<!\bmy )(?<!\byour )(?<!\bour )(?P<in>\b[Ii]n the )?"
    r"(?:(?P<years>(?:1\d|20)\d0)|['’](?P<short>[2-9]0)|(?<=\b[Tt]he )(?P<alone>[2-9]0)(?!s [a-z]{5}))['’]?s(?!\w)"
)
_UNITS = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


class Ordinal(NamedTuple):
    """An ordinal as it stands in a text.

    Attributes:
        start: Where it starts.
        end: Where it ends.
        number: Its number.
    """

    start: int
    end: int
    number: int


def find_centuries(text: str, lang: str) -> list[Ordinal]:
    """Returns the numbers of the centuries in a text, in order; none of a language whose way is not known."""
    pattern = _CENTURIES.get(lang)
    found = [Ordinal(*match.span(), _century(match[0])) for match in (pattern.finditer(text) if pattern else ())]
    return [century for century in found if century.number > 0]  # IIX is none


def find_lost_ordinals(text: str, translation: str, src_lang: str, tgt_lang: str) -> Iterator[tuple[int, int, str]]:
    """Yields the ordinals, decades and centuries of a text that its translation does not have.

    One that it says in words, or a century in other numbers, is not lost.

    Yields:
        Where one starts and ends, and how the other language writes it; nothing for languages whose way is not known.
        Ordinals are known of English and French, decades of English.
    """
    if src_lang not in _STYLES or tgt_lang not in _STYLES:
        return
    style = _STYLES[tgt_lang]
    centuries, said = find_centuries(text, src_lang), find_centuries(translation, tgt_lang)
    for century in centuries:
        is_said = any(century.number == other.number for other in said)
        in_words = century.number <= _IN_WORDS and not said
        if not (is_said or in_words or _names(century.number, translation)):
            yield century.start, century.end, _write_century(century.number, tgt_lang)
    for ordinal in _find_ordinals(text, src_lang, centuries):
        if ordinal.number > _IN_WORDS and not _stands(str(ordinal.number), translation):
            yield ordinal.start, ordinal.end, _write_ordinal(ordinal.number, tgt_lang)
    for match in _DECADE.finditer(text) if src_lang == "en" else ():
        years = match["years"] or match["short"] or match["alone"]
        if not (_stands(years, translation) or _stands(years[-2:], translation) or may_have_number_word(translation)):
            written = (style.in_decade if match["in"] else style.decade).format(years)
            yield *match.span(), written.capitalize() if match[0].startswith("In") else written


def rewrite_ordinals(text: str, translation: str, src_lang: str, tgt_lang: str) -> str:
    """Returns a translation with the centuries of its text, and with its language's ordinals for those it took over."""
    if src_lang not in _STYLES or tgt_lang not in _STYLES:
        return translation
    style, centuries = _STYLES[tgt_lang], find_centuries(text, src_lang)
    said = find_centuries(translation, tgt_lang)
    numbers = [century.number for century in centuries]
    if len(said) == len(numbers) and sorted(other.number for other in said) != sorted(numbers):
        for number, other in reversed(list(zip(numbers, said, strict=True))):
            if number != other.number:
                written = _write_century(number, tgt_lang)
                translation = translation[: other.start] + written + translation[other.end :]
    french = r"i?[eè]me(?!\w)" if tgt_lang == "fr" else _FRENCH_SUFFIX  # 1re is right
    for ordinal in _find_ordinals(text, src_lang, centuries):
        written = _write_ordinal(ordinal.number, tgt_lang)
        stop = r"\.?" if written.endswith(".") else ""  # that of a sentence as well
        taken = rf"(?<![\w.,]){ordinal.number}(?:{_ENGLISH_SUFFIX}|{french}){stop}"
        translation = re.sub(taken, written, translation)
    if tgt_lang == "en":
        translation = _ORDINALS["en"].sub(lambda match: _with_ending(int(match["digits"])), translation)
    for match in _DECADE.finditer(text) if src_lang == "en" else ():
        years, before = match["years"] or match["short"] or match["alone"], style.decade.partition("{")[0]
        taken = rf"(?<!\w)(?:{before})?['’]?{years}['’]?e?s(?!\w)"
        translation = re.sub(taken, style.decade.format(years), translation)
    return translation


def _find_ordinals(text: str, lang: str, centuries: list[Ordinal]) -> Iterator[Ordinal]:
    starts = {century.start for century in centuries}
    pattern = _ORDINALS.get(lang)
    for match in pattern.finditer(text) if pattern else ():
        if match.start() not in starts:
            yield Ordinal(*match.span(), int(match["digits"]))


def _century(said: str) -> int:
    """The number of a century, which is in digits, in Roman ones or in a word."""
    if said[0].isdigit():
        return int("".join(filter(str.isdigit, said)))
    words, word = _ORDINAL_WORDS.split(), said.lower().replace(" ", "-")
    if word in words:
        return words.index(word) + 1
    roman = said.rstrip("eèmir")
    return next((number for number in range(1, 40) if _roman(number) == roman), 0)


def _write(number: int, form: str, lang: str) -> str:
    return form.format(_with_ending(number) if lang == "en" else number, _roman(number))


def _write_century(number: int, lang: str) -> str:
    return _write(number, "{1}er" if number == 1 and lang == "fr" else _STYLES[lang].century, lang)


def _write_ordinal(number: int, lang: str) -> str:
    style = _STYLES[lang]
    return _write(number, (number == 1 and style.first) or style.ordinal, lang)


def _names(number: int, text: str) -> bool:
    """Whether a text has a number, or its Roman one."""
    return _stands(str(number), text) or re.search(rf"\b{_roman(number)}e?\b", text) is not None


def _stands(number: str, text: str) -> bool:
    return re.search(rf"(?<!\w){number}(?!\d)", text) is not None


def _with_ending(number: int) -> str:
    is_teen = number // 10 % 10 == 1
    return f"{number}{'th' if is_teen else _ENDINGS.get(number % 10, 'th')}"


def _roman(number: int) -> str:
    tens, units = divmod(number, 10)
    return "X" * tens + _UNITS[units]
