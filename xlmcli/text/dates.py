"""Dates with names of months, and days of the week, as another language writes them: ``July 14, 1789``, ``Monday``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from xlmcli.text.letters import with_case_of


class _Form(NamedTuple):
    """How a language writes a date: ``{0}`` is its day, ``{1}`` the name of its month, ``{2}`` its year.

    Attributes:
        date: All of it.
        day: Day and month.
        month: Month and year.
        on: What stands before a day on which something is, a preposition or, in some languages, an article.
        first: The first day of a month.
    """

    date: str
    day: str
    on: str
    month: str = "{1} {2}"
    first: str = "1"


_FORMS = {
    "de": _Form("{0}. {1} {2}", "{0}. {1}", "am"),
    "en": _Form("{1} {0}, {2}", "{1} {0}", "on"),
    "es": _Form("{0} de {1} de {2}", "{0} de {1}", "el", month="{1} de {2}"),
    "fr": _Form("{0} {1} {2}", "{0} {1}", "le", first="1er"),
    "it": _Form("{0} {1} {2}", "{0} {1}", "il", first="1º"),
    "pt": _Form("{0} de {1} de {2}", "{0} de {1}", "em", month="{1} de {2}", first="1º"),
}
_ARTICLES = frozenset({"el", "il", "le"})
_MONTHS = {
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
_SHORT_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"  # of English
_WEEKDAYS = {
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "pt": "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
}

_PLURALS = frozenset({"en", "fr"})
_A_VERB_FOLLOWS = re.compile(r" (?!(?:and|had|has|in|is|to|was|will)\b)[a-z]")  # May 2021 bring you joy

_DAY = r"(?P<day{0}>[1-3]?\d)(?:st|nd|rd|th|er|º)?(?!\d)"
_MONTH = r"(?P<month{0}>%s)(?!\w)(?:\.(?= \d))?"
_YEAR = r"(?:,? (?:de |of |di |del )?(?P<year{0}>[12]\d{{3}})(?![\w:]|[.,]\d))"
_DATE = "|".join(
    (
        rf"{_DAY}%s (?:de |of |di |d['’])?{_MONTH}{_YEAR}?".format(1),
        rf"{_MONTH} (?:de |the )?{_DAY}(?![\w:–-]|[.,]\d){_YEAR}?".format(2),
        rf"{_MONTH}{_YEAR}".format(3),
    )
)


class NamedDate(NamedTuple):
    """A date with the name of a month, or a day of the week, that stands in a text.

    Attributes:
        start: Where it starts.
        end: Where it ends.
        written: As the other language writes it.
        name: A pattern of what its translation has to name, in small letters.
    """

    start: int
    end: int
    written: str
    name: str


class _Date(NamedTuple):
    """A date as it stands in a text.

    Attributes:
        start: Where it starts.
        end: Where it ends.
        day: Its day, in digits; empty if it has none.
        month: Its month, from 0.
        year: Its year, in digits; empty if it has none.
    """

    start: int
    end: int
    day: str
    month: int
    year: str


def has_weekday(text: str, lang: str) -> bool:
    """Whether a text of a language names a day of the week."""
    return lang in _FORMS and _weekday_pattern((lang,)).search(text) is not None


def find_dates(text: str, src_lang: str, tgt_lang: str) -> Iterator[NamedDate]:
    """Yields the dates and the days of the week in a text; none for languages whose calendar is not known."""
    if src_lang in _FORMS and tgt_lang in _FORMS:
        months, weekdays = _MONTHS[tgt_lang].split(), _WEEKDAYS[tgt_lang].split()
        for date in _find_dates(text, (src_lang,)):
            start, written = _with_on(text, date, src_lang, tgt_lang)
            yield NamedDate(
                start, date.end, with_case_of(written, text, start), rf"\b{months[date.month].casefold()}s?\b"
            )
        for match in _weekday_pattern((src_lang,)).finditer(text):
            name = weekdays[_weekday(match)]
            name_start = rf"\b{name.casefold().removesuffix('-feira')}"
            yield NamedDate(*match.span(), with_case_of(name, text, match.start()), name_start)


def _with_on(text: str, date: _Date, src_lang: str, tgt_lang: str) -> tuple[int, str]:
    """Where a date starts with the word for on before it, if it has one, and how both are written."""
    ours, theirs, written = _FORMS[src_lang].on, _FORMS[tgt_lang].on, _write(date, tgt_lang)
    start = _start_of(ours, text, date.start)
    if not date.day or start == date.start:
        return date.start, written
    if ours in _ARTICLES and theirs not in _ARTICLES:  # It may be after another preposition.
        return start, written
    if tgt_lang == "it" and date.day in ("8", "11"):
        return start, f"l'{written}"
    return start, f"{theirs} {written}"


def _start_of(word: str, text: str, end: int) -> int:
    """Where a word starts that stands before a place in a text; the place if it does not stand there."""
    start = end - len(word) - 1
    stands = start >= 0 and text[start:end].casefold() == f"{word} " and not text[max(0, start - 1) : start].isalnum()
    return start if stands else end


def rewrite_dates(text: str, translation: str, src_lang: str, tgt_lang: str) -> str:
    """Returns a translation whose dates have the months of its text, and are written as its language does.

    Its days of the week are those of the text, if they are as many.
    """
    if src_lang not in _FORMS or tgt_lang not in _FORMS:
        return translation
    dates = list(_find_dates(text, (src_lang,)))
    found = list(_find_dates(translation, (src_lang, tgt_lang))) if dates else []
    for date in reversed(found):
        months = [other.month for other in dates if other.day == date.day and date.year in ("", other.year)]
        if date.month in months:
            is_written = tgt_lang == "en" and _english_date().fullmatch(translation, date.start, date.end)
        elif months and len(found) == len(dates):
            date, is_written = date._replace(month=months[0]), False
        else:
            continue
        if not is_written:
            start = _start_of("the", translation, date.start) if tgt_lang == "en" else date.start
            written = with_case_of(_write(date, tgt_lang), translation, start)
            translation = translation[:start] + written + translation[date.end :]
    weekdays = [_weekday(match) for match in _weekday_pattern((src_lang,)).finditer(text)]
    return _rewrite_weekdays(weekdays, translation, tgt_lang) if weekdays else translation


def _rewrite_weekdays(weekdays: Sequence[int], translation: str, lang: str) -> str:
    names = _WEEKDAYS[lang].split()
    found = list(_weekday_pattern(tuple(_WEEKDAYS)).finditer(translation))
    said = [_weekday(match) for match in found]
    if len(said) != len(weekdays):
        return translation
    wanted = said if sorted(said) == sorted(weekdays) else weekdays
    for match, weekday in reversed(list(zip(found, wanted, strict=True))):
        if match["name"].casefold() != names[weekday].casefold():
            plural = "s" if lang in _PLURALS and match[0] != match["name"] else ""
            name = with_case_of(names[weekday], translation, match.start()) + plural
            translation = translation[: match.start()] + name + translation[match.end() :]
    return translation


def _find_dates(text: str, langs: tuple[str, ...]) -> Iterator[_Date]:
    """The dates in a text, with the names of some languages."""
    for match in _date_pattern(langs).finditer(text):
        day, year = match["day1"] or match["day2"] or "", match["year1"] or match["year2"] or match["year3"] or ""
        month = match["month1"] or match["month2"] or match["month3"]
        if not (month == "May" and match.start() == 0 and _A_VERB_FOLLOWS.match(text, match.end())):
            yield _Date(*match.span(), day, _months()[month.casefold()], year)


def _write(date: _Date, lang: str) -> str:
    forms, month = _FORMS[lang], _MONTHS[lang].split()[date.month]
    form = forms.date if date.day and date.year else forms.day if date.day else forms.month
    return form.format(forms.first if date.day == "1" else date.day, month, date.year)


@cache
def _months() -> dict[str, int]:
    """Months by their names in any language."""
    return _numbered([*_MONTHS.values(), _SHORT_MONTHS]) | {"sept": 8}


@cache
def _weekdays() -> dict[str, int]:
    """Days of the week by their names in any language, Monday first."""
    return _numbered(list(_WEEKDAYS.values()))


def _numbered(lists: Sequence[str]) -> dict[str, int]:
    return {name.casefold(): number for names in lists for number, name in enumerate(names.split())}


@cache
def _date_pattern(langs: tuple[str, ...]) -> re.Pattern[str]:
    names = " ".join([*(_MONTHS[lang] for lang in langs), f"{_SHORT_MONTHS} Sept" if "en" in langs else ""])
    months, point = _alternation(names.split()), r"\.?" if "de" in langs else ""
    return re.compile(rf"(?<![\w.,/–-])(?:{_DATE})" % (point, months, months, months))


@cache
def _english_date() -> re.Pattern[str]:
    """A date as English may write it."""
    month, day = _alternation(_MONTHS["en"].split()), r"\d+(?:st|nd|rd|th)?"
    return re.compile(rf"(?:{day} (?:of )?{month}|{month}(?: {day})?)(?:,? \d+)?")


@cache
def _weekday_pattern(langs: tuple[str, ...]) -> re.Pattern[str]:
    """Days of the week; in a language that writes them small, a capital other than the first may be that of a name."""
    names = " ".join(_WEEKDAYS[lang] for lang in langs).split()
    days = _alternation(names)
    if names[0].islower() and len(langs) == 1:
        days = rf"(?:{'|'.join(names)}|\A{days}(?!s? [A-Z]))"
    # Black Friday, the Sunday Times and mardi gras are called so everywhere.
    months = "|".join(_MONTHS["en"].split())
    names_follow = rf"| (?!I\b|{months})[A-Z]" if langs == ("en",) else ""
    return re.compile(
        rf"(?<![\w-])(?<!Black )(?<!Cyber )(?<!Good )(?<!Palm )(?<!Easter )(?<!Super )(?<!Bloody )(?P<name>{days})s?"
        rf"(?![\w-]| gras\b{names_follow})"
    )


def _weekday(match: re.Match[str]) -> int:
    return _weekdays()[match["name"].casefold()]


def _alternation(names: Sequence[str]) -> str:
    """Names as they are, and with a capital."""
    return f"(?:{'|'.join({form: None for name in names for form in (name, name.capitalize())})})"
