"""Numbers in digits, dates and days of the week: which stand in a text, and how another language writes them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from xlmcli.text.dates import find_dates, rewrite_dates
from xlmcli.text.lost import LostPart
from xlmcli.text.number_words import find_lost_words, rewrite_words
from xlmcli.text.ordinals import Ordinal, find_centuries, find_lost_ordinals, rewrite_ordinals


class _Style(NamedTuple):
    """How a language writes numbers.

    Attributes:
        group: Between groups of three digits.
        decimal: Before decimals.
        percent: Between a number and its percent sign.
        money: An amount; ``{0}`` is the sign of the currency.
        time: Hour and minutes.
        hour: A full hour.
        has_halves: Whether the hours of a day are counted twice, am and pm; *am* may be a word otherwise.
    """

    group: str
    decimal: str
    percent: str = ""
    money: str = "{1} {0}"
    time: str = "{0}:{1}"
    hour: str = "{0}:00"
    has_halves: bool = True


_STYLES = {
    "de": _Style(".", ",", " ", hour="{0} Uhr", has_halves=False),
    "en": _Style(",", ".", money="{0}{1}"),
    "es": _Style(".", ",", " "),
    "fr": _Style(" ", ",", " ", time="{0} h {1}", hour="{0} h"),
    "it": _Style(".", ","),
    "pt": _Style(".", ",", time="{0}h{1}", hour="{0}h"),
}

_SPACES = " \u00a0\u2009\u202f"
# What an amount says, with its sign or in words.
_CURRENCIES = {
    "€": re.compile(r"€|\b(?:euros?|EUR)\b", re.IGNORECASE),
    "$": re.compile(r"\$|\b(?:d[oó]l+[aá]r|USD\b)", re.IGNORECASE),
    "£": re.compile(r"£|\b(?:pounds?|pfund|livres?|libras?|sterlin\w*|GBP)\b", re.IGNORECASE),
    "¥": re.compile(r"¥|\b(?:y[eé]ns?|ienes?|yuan\w*|JPY|CNY)\b", re.IGNORECASE),
}
_SIGNS = "".join(_CURRENCIES)
_SIGN = f"[{_SIGNS}]"
# Groups of three digits with the same mark, or the same kind of space, between them. Digits in groups of other lengths
# are those of telephones and accounts.
_GROUPED = rf"[1-9]\d{{0,2}}(?P<mark>[{_SPACES},.'’])\d{{3}}(?:(?P=mark)\d{{3}})*(?![{_SPACES}]?\d)"
_NOT_IN_GROUPS = rf"(?<!\d[{_SPACES}])"
_GROUPED_NUMBER = re.compile(rf"(?<![\d.,]){_NOT_IN_GROUPS}{_GROUPED}")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_DIGITS = re.compile(r"\d+")
# The full stop of a.m. may be that of the sentence.
_HALF = r" ?(?P<{}>[apAP])(?:[mM]|\.[mM](?:\.(?!\s*\Z))?)(?!\w)"
_NO_HALF = r"(?P<{}>(?!))"
_NO_STOP_INSIDE = r"(?!(?: \w+)?\. [a-zà-ÿ])"  # that of a.m.
_NEAR = 16  # characters before a number that say what it is
_AT = re.compile(r"(?<!\w)(?:à|À|dès|vers|avant|après|às|ao?s?|[Aa] las?|alle) \Z")
_A_RANGE_ENDS = re.compile(r"\d(?:[:.]\d\d)? ?(?:to|and|or|until|till|[-–]) ?\Z")
_A_HALF_FOLLOWS = r"(?=[0-5]\d ?[apAP]\.?[mM])"
_TIME = r"(?P<hour>2[0-3]|[01]?\d)(?:(?:%s| ?(?P<h>h) ?)(?P<minutes>[0-5]\d)(?:%s)?| ?h(?!\w)|%s)"
# The sign of $1.5 billion is not the number's alone.
_MULTIPLE = r" ?(?:thousand|million|billion|trillion|mil\b|mill|Mill|Mrd|Mio)"
# A date, a range, a share of a whole; a fraction such as 3/4 may be in words, and 24/7 is.
_CHAIN = r"(?!\d/\d(?![\d/])|24/7(?![\d/]))\d+(?:[-–/:]\d+)+"
_UNIT = re.compile(
    rf"{_MULTIPLE}|[{_SPACES}]?(?:[kcmµn]?m[²³]?|[kmµ]?g|[kMGT]i?[Bb]|[KMGT]B|[kMG]?Hz|[kMG]?W|kWh|[mk]?V|[cm]?l|mph|°C|°F|h|min|s)"
    r"(?![\w/.-]*\w)"
)
_THREE_DIGITS = re.compile(r"[1-9]\d\d(?: [1-9]\d\d)+")
_A_WORD_FOLLOWS = re.compile(rf"[{_SPACES}][^\W\d_]")


@cache
def _free_number(has_halves: bool) -> re.Pattern[str]:
    """What a number is that stands for itself: not a part of a word, nor with a unit or an ending."""
    half, colon = (_HALF, rf":|\.{_A_HALF_FOLLOWS}") if has_halves else (_NO_HALF, ":")
    time = _TIME % (colon, half.format("half"), half.format("half_of_hour"))
    return re.compile(
        rf"(?:(?<![\w.,/%$€£¥+–-])(?<!\d:)(?P<minus>[-−](?=[\d{_SIGNS}]))?|(?<={_SIGN})(?=[\d.,]+{_MULTIPLE}))(?:{time}|"
        rf"(?P<before>{_SIGN})?(?:(?P<chain>{_CHAIN})|(?P<number>(?:{_NOT_IN_GROUPS}{_GROUPED}|\d+)(?:[.,]\d+)?))"
        rf"(?P<after>[{_SPACES}]?(?:%|{_SIGN}))?(?(before)(?!{_MULTIPLE})))(?![\w/%$€£¥–-]|[.,:]\d)"
    )


def _find_free(text: str, lang: str) -> Iterator[re.Match[str]]:
    style = _STYLES.get(lang)
    return _free_number(style is not None and style.has_halves).finditer(text)


def count_numbers(text: str) -> Counter[str]:
    """Returns how often each number stands in a text, without separators of thousands and with decimal points.

    ``1.234`` and ``1,234`` are taken for 1234 in every language, and ``07`` is not ``7``.
    """
    return Counter(number.replace(",", ".") for number in _NUMBER.findall(_without_groups(text)))


def _without_groups(text: str) -> str:
    return _GROUPED_NUMBER.sub(lambda match: "".join(filter(str.isdigit, match[0])), text)


def find_lost_numbers(text: str, translation: str, src_lang: str, tgt_lang: str) -> list[LostPart]:
    """Returns the numbers that stand for themselves in a text and that its translation does not have as often.

    These are numbers with the signs of percent and currencies, with a minus, times, dates, ranges, ordinals, decades,
    centuries and numbers in words: not 2/3 or 5km, which other languages may say otherwise. An amount is lost, too,
    where the translation does not say its currency, a number where it has no minus, and an hour of the day that is not
    written as the language does.
    """
    wanted, found = count_numbers(text), count_numbers(translation)
    unsaid = {
        sign
        for sign, said in _CURRENCIES.items()
        if tgt_lang in _STYLES and sign in text and text.count(sign) > len(said.findall(translation))
    }
    lost = []
    for match in _find_free(text, src_lang):
        written = _write(match, src_lang, tgt_lang)
        if _is_hour(match) and written != match[0]:
            is_lost = not re.search(_hour_pattern(match, _STYLES[tgt_lang]), translation)
        else:
            is_lost = (
                any(wanted[number] != found[number] for number in count_numbers(match[0]))
                or _sign(match) in unsaid
                or (bool(match["minus"]) and not _keeps_minus(match[0], text, translation))
            )
        if is_lost:
            lost.append(LostPart(*match.span(), written))
    texts, langs = (text, translation), (src_lang, tgt_lang)
    others = [LostPart(*other) for find in (find_lost_words, find_lost_ordinals) for other in find(*texts, *langs)]
    apart: list[LostPart | Ordinal] = [*others, *find_centuries(text, src_lang)]
    lost = [number for number in lost if not any(map(number.touches, apart))] + others
    said = translation.casefold()
    dates = [
        LostPart(date.start, date.end, date.written)
        for date in find_dates(text, src_lang, tgt_lang)
        if not re.search(date.name, said) or any(number.touches(date) for number in lost)
    ]
    return sorted(dates + [number for number in lost if not any(map(number.touches, dates))])


def rewrite_numbers(text: str, translation: str, src_lang: str, tgt_lang: str) -> str:
    """Returns a translation in which numbers that stand there as in its text are as its language writes them.

    Months, days of the week and centuries that are others than those of the text become these.
    """
    translation = rewrite_words(text, translation, src_lang, tgt_lang)
    translation = rewrite_dates(text, translation, src_lang, tgt_lang)
    translation = rewrite_ordinals(text, translation, src_lang, tgt_lang)
    written = {}
    for match in _find_free(text, src_lang):
        if match["number"]:
            written[match["number"]] = _write_digits(match, src_lang, tgt_lang)
        written[match[0]] = _write(match, src_lang, tgt_lang)
    others = sorted((number for number in written if written[number] != number), key=len, reverse=True)
    if not others:
        return translation
    pattern = rf"(?<![\w.,])(?:{'|'.join(map(re.escape, others))})(?![\w.,]\w|\w)"
    return re.sub(pattern, lambda match: written[match[0]], translation)


def _write(match: re.Match[str], src_lang: str, tgt_lang: str) -> str:
    """A number that stands for itself as another language writes it: ``86 000 €`` for ``€86,000``, or a time.

    It stays as it is where one of the languages is not known, the number is not as the first writes it, or it may be
    something else: 3.10 a version, 3:16 a verse, 22 h a duration.
    """
    style, sign = _STYLES.get(tgt_lang), _sign(match)
    if style is None or src_lang not in _STYLES:
        return match[0]
    if match["chain"]:
        return match[0]
    minus = match["minus"] or ""
    if match["hour"]:
        return minus + _write_time(match, style)
    digits = _write_digits(match, src_lang, tgt_lang)
    if digits == match["number"] and not digits.isdecimal():
        return match[0]
    if sign == "%":
        return f"{minus}{digits}{style.percent}%"
    return minus + (style.money.format(sign, digits) if sign else digits)


def _write_digits(match: re.Match[str], src_lang: str, tgt_lang: str) -> str:
    digits, ours, theirs = match["number"], _STYLES.get(src_lang), _STYLES.get(tgt_lang)
    if digits.isdecimal() or ours is None or theirs is None:
        return digits
    group = f"[{_SPACES}]" if ours.group == " " else re.escape(ours.group)
    parts = re.fullmatch(rf"(\d{{1,3}}(?:{group}\d{{3}})+|\d+)(?:{re.escape(ours.decimal)}(\d+))?", digits)
    if parts is None:
        return digits
    if not _sign(match):
        if parts[1].isdecimal() and ours.decimal == "." and not _UNIT.match(match.string, match.end()):
            return digits  # It may be a version.
        has_spaces = ours.group == " " and not parts[1].isdecimal()
        if has_spaces and (_are_listed(parts[1]) or not _A_WORD_FOLLOWS.match(match.string, match.end())):
            return digits  # It may be a telephone's.
    return re.sub(r"\D", theirs.group, parts[1]) + (f"{theirs.decimal}{parts[2]}" if parts[2] else "")


def _are_listed(groups: str) -> bool:
    """Whether groups of digits are rather numbers one after the other, of rooms or years: ``101 102 103``."""
    if not _THREE_DIGITS.fullmatch(groups):
        return False
    steps = {after - before for before, after in pairwise(map(int, groups.split(" ")))}
    return steps.issubset(range(1, 10)) or steps.issubset(range(-9, 0))


def _write_time(match: re.Match[str], style: _Style) -> str:
    if int(match["hour"]) > 12 if _half(match) else not (match["h"] or _is_hour(match)):
        return match[0].removeprefix(match["minus"] or "")
    hour, minutes = _hour(match), match["minutes"] or "00"
    return style.hour.format(hour) if minutes == "00" else style.time.format(hour, minutes)


def _hour(match: re.Match[str]) -> int:
    half, hour = _half(match), int(match["hour"])
    return hour % 12 + 12 * (half in "pP") if half else hour


def _hour_pattern(match: re.Match[str], style: _Style) -> str:
    """What a translation may write for an hour of a half of the day, without the point of a.m."""
    minutes = match["minutes"] or "00"
    said = (" ?h ?" if "h" in style.time else "[:.]") + minutes
    if minutes == "00":
        said = rf"(?:{said}| ?(?:h|heures?|Uhr|ore|horas?|o'clock)\b)"
    in_halves = rf"|(?<![\d.,:]){(_hour(match) - 1) % 12 + 1}(?:[:.]{minutes})? ?(?:[ap]\.?m|o'clock)\b|\w o'clock"
    return (
        rf"(?<![\d.,:])0?{_hour(match)}{said}(?! ?\d|[:.]\d){_NO_STOP_INSIDE}"
        f"{in_halves if style is _STYLES['en'] else ''}"
    )


def _is_hour(match: re.Match[str]) -> bool:
    """Whether a number is an hour of the day, with its half or as in "à 9 h"."""
    before = match.string[max(0, match.start() - _NEAR) : match.start()]
    is_distance = match.string.startswith((" de ", " d'", " d’"), match.end())
    return bool(_half(match)) or (match[0].endswith("h") and not is_distance and _AT.search(before) is not None)


def _half(match: re.Match[str]) -> str:
    """The half of the day of an hour; none of the second hour of "from 3 to 5 p.m.", which is that of both."""
    half = match["half"] or match["half_of_hour"] or ""
    if half and _A_RANGE_ENDS.search(match.string, max(0, match.start() - _NEAR), match.start()):
        return ""
    return half


def _sign(match: re.Match[str]) -> str:
    return (match["before"] or "") + (match["after"] or "").strip()


def _keeps_minus(number: str, text: str, translation: str) -> bool:
    """Whether the minus of a number stands in a translation as often as in its text."""
    digits = _DIGITS.search(_without_groups(number))
    pattern = re.compile(rf"[-−–]{_SIGN}?{digits[0] if digits else ''}(?!\d)")
    wanted, found = (len(pattern.findall(_without_groups(side))) for side in (text, translation))
    return found >= wanted
