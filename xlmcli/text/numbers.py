"""Numbers in digits: which stand in a text, and how a number of one language is written in another."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple


class _Style(NamedTuple):
    """How a language writes numbers.

    Attributes:
        group: Between groups of three digits.
        decimal: Before decimals.
        percent: Between a number and its percent sign.
        money: An amount; ``{0}`` is the sign of the currency.
        time: Hour and minutes.
    """

    group: str
    decimal: str
    percent: str = ""
    money: str = "{1} {0}"
    time: str = "{0}:{1}"


_STYLES = {
    "de": _Style(".", ",", " "),
    "en": _Style(",", ".", money="{0}{1}"),
    "es": _Style(".", ",", " "),
    "fr": _Style(" ", ",", " ", time="{0} h {1}"),
    "it": _Style(".", ","),
    "pt": _Style(".", ",", time="{0}h{1}"),
}

_SPACES = " \u00a0\u2009\u202f"
_SIGN = "[€$£¥]"
# Groups of three digits with the same mark, or the same kind of space, between them.
_GROUPED = rf"[1-9]\d{{0,2}}(?P<mark>[{_SPACES},.'’])\d{{3}}(?:(?P=mark)\d{{3}})*(?!\d)"
_GROUPED_NUMBER = re.compile(rf"(?<![\d.,]){_GROUPED}")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_HOUR = r"(?P<hour>2[0-3]|[01]?\d)"
# The full stop of a.m. may be that of the sentence.
_HALF = r" ?(?P<{}>[ap])(?:m|\.m(?:\.(?!\s*\Z))?)(?!\w)"
_MINUTES = rf"(?::| ?h ?)(?P<minutes>[0-5]\d)(?:{_HALF.format('half')})?"
_TIME = rf"{_HOUR}(?:{_MINUTES}| ?h(?!\w)|{_HALF.format('half_of_hour')})"
# Not a part of a word, a date or a fraction, nor with a unit or an ending.
_FREE_NUMBER = re.compile(
    r"(?<![\w.,:/%$€£¥+–-])(?:"
    rf"{_TIME}|(?P<before>{_SIGN}?)(?P<number>(?:{_GROUPED}|\d+)(?:[.,]\d+)?|\d+[-–]\d+)"
    rf"(?P<after>[{_SPACES}]?(?:%|{_SIGN}))?)(?![\w:/%$€£¥–-]|[.,]\d)"
)


def count_numbers(text: str) -> Counter[str]:
    """Returns how often each number stands in a text, without separators of thousands and with decimal points.

    ``1.234`` and ``1,234`` are taken for 1234 in every language, and ``07`` is not ``7``.
    """
    plain = _GROUPED_NUMBER.sub(lambda match: "".join(filter(str.isdigit, match[0])), text)
    return Counter(number.replace(",", ".") for number in _NUMBER.findall(plain))


def find_lost_numbers(text: str, translation: str) -> list[tuple[int, int]]:
    """Returns where numbers stand in a text, start and end, that its translation does not have as often.

    Only of those that stand for themselves, with the signs of percent and currencies, and of times: not of 5th, 2/3 or
    5km, which other languages may say otherwise.
    """
    wanted, found = count_numbers(text), count_numbers(translation)
    return [
        match.span()
        for match in _FREE_NUMBER.finditer(text)
        if any(wanted[number] != found[number] for number in count_numbers(match[0]))
    ]


def rewrite_numbers(text: str, translation: str, src_lang: str, tgt_lang: str) -> str:
    """Returns a translation in which numbers that stand there as in its text are as its language writes them."""
    for number in {match["number"] for match in _FREE_NUMBER.finditer(text) if match["number"]}:
        written = write_number(number, src_lang, tgt_lang)
        if written != number:
            translation = re.sub(rf"(?<![\w.,]){re.escape(number)}(?![\w.,]\w|\w)", written, translation)
    return translation


def write_number(number: str, src_lang: str, tgt_lang: str) -> str:
    """Returns a number that stands for itself as another language writes it: ``86 000 €`` for ``€86,000``, or a time.

    It is returned as it is where one of the languages is not known, or the number is not as the first writes it.
    """
    ours, theirs, match = _STYLES.get(src_lang), _STYLES.get(tgt_lang), _FREE_NUMBER.fullmatch(number.rstrip("."))
    if number.isdecimal() or ours is None or theirs is None or match is None:
        return number
    if match["hour"]:
        half = match["half"] or match["half_of_hour"]
        hour = int(match["hour"]) % 12 + 12 * (half == "p") if half else int(match["hour"])
        return theirs.time.format(hour, match["minutes"] or "00")
    group = f"[{_SPACES}]" if ours.group == " " else re.escape(ours.group)
    parts = re.fullmatch(rf"(\d{{1,3}}(?:{group}\d{{3}})+|\d+)(?:{re.escape(ours.decimal)}(\d+))?", match["number"])
    if parts is None:
        return number
    written = re.sub(r"\D", theirs.group, parts[1]) + (f"{theirs.decimal}{parts[2]}" if parts[2] else "")
    sign = match["before"] + (match["after"] or "").strip()
    if sign == "%":
        return f"{written}{theirs.percent}%"
    return theirs.money.format(sign, written) if sign else written
