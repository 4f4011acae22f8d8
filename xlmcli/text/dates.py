"""Dates with names of months, and days of the week, as another language writes them: ``July 14, 1789``, ``Monday``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple


class _Form(NamedTuple):
    """How a language writes a date: ``{0}`` is its day, ``{1}`` the name of its month, ``{2}`` its year.

    Attributes:
        date: All of it.
        day: Day and month.
        month: Month and year.
        on: What stands before a day on which something is.
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
    "it": _Form("{0} {1} {2}", "{0} {1}", "il"),
    "pt": _Form("{0} de {1} de {2}", "{0} de {1}", "em", month="{1} de {2}"),
}
_MONTHS = {
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
_SHORT_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
_WEEKDAYS = {
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "pt": "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
}

_DAY = r"(?P<day{0}>[1-3]?\d)(?:st|nd|rd|th|er|[º.])?(?!\d)"
_MONTH = r"(?P<month{0}>%s)(?!\w)(?:\.(?= \d))?"
_YEAR = r"(?:,? (?:de |of |di |del )?(?P<year{0}>[12]\d{{3}})(?![\w:]|[.,]\d))"
_DATE = "|".join(
    (
        rf"{_DAY} (?:de |of |di |d['’])?{_MONTH}{_YEAR}?".format(1),
        rf"{_MONTH} (?:de |the )?{_DAY}(?![\w:]|[.,]\d){_YEAR}?".format(2),
        rf"{_MONTH}{_YEAR}".format(3),
    )
)


class NamedDate(NamedTuple):
    """A date with the name of a month, or a day of the week, that stands in a text.

    Attributes:
        start: Where it starts.
        end: Where it ends.
        written: As the other language writes it.
        name: What its translation has to name.
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
    return lang in _FORMS and _weekday_pattern(lang).search(text) is not None


def find_dates(text: str, src_lang: str, tgt_lang: str) -> Iterator[NamedDate]:
    """Yields the dates and the days of the week in a text; none for languages whose calendar is not known."""
    if src_lang in _FORMS and tgt_lang in _FORMS:
        months, weekdays = _MONTHS[tgt_lang].split(), _WEEKDAYS[tgt_lang].split()
        for date in _find_dates(text, src_lang):
            written, on = _write(date, tgt_lang), _FORMS[tgt_lang].on
            before = re.search(rf"\b{_FORMS[src_lang].on} \Z", text[: date.start], re.IGNORECASE) if date.day else None
            if before is None:
                yield NamedDate(date.start, date.end, written, months[date.month])
            else:
                on = on.capitalize() if before[0][0].isupper() else on
                yield NamedDate(before.start(), date.end, f"{on} {written}", months[date.month])
        for match in _weekday_pattern(src_lang).finditer(text):
            name = weekdays[_weekday(match)]
            yield NamedDate(*match.span(), name, name.removesuffix("-feira"))


def rewrite_dates(text: str, translation: str, src_lang: str, tgt_lang: str) -> str:
    """Returns a translation whose dates have the months of its text, and are written as its language does.

    Its days of the week are those of the text, if they are as many.
    """
    if src_lang not in _FORMS or tgt_lang not in _FORMS:
        return translation
    dates = list(_find_dates(text, src_lang))
    for found in reversed(list(_find_dates(translation)) if dates else []):
        same = [date.month for date in dates if date.day == found.day and found.year in ("", date.year)]
        if same:
            month = found.month if found.month in same else same[0]
            written = _write(found._replace(month=month), tgt_lang)
            translation = translation[: found.start] + written + translation[found.end :]
    weekdays = [_weekday(match) for match in _weekday_pattern(src_lang).finditer(text)]
    return _rewrite_weekdays(weekdays, translation, tgt_lang) if weekdays else translation


def _rewrite_weekdays(weekdays: Sequence[int], translation: str, lang: str) -> str:
    found = list(_weekday_pattern().finditer(translation))
    said = [_weekday(match) for match in found]
    if len(said) != len(weekdays):
        return translation
    names = _WEEKDAYS[lang].split()
    wanted = said if sorted(said) == sorted(weekdays) else weekdays
    for match, weekday in reversed(list(zip(found, wanted, strict=True))):
        if match["name"].casefold() != names[weekday].casefold():
            translation = translation[: match.start()] + names[weekday] + translation[match.end() :]
    return translation


def _find_dates(text: str, lang: str = "") -> Iterator[_Date]:
    """The dates in a text, with the names of a language or of any."""
    for match in _date_pattern(lang).finditer(text):
        day, year = match["day1"] or match["day2"] or "", match["year1"] or match["year2"] or match["year3"] or ""
        month = match["month1"] or match["month2"] or match["month3"]
        yield _Date(*match.span(), day, _months()[month.casefold()], year)


def _write(date: _Date, lang: str) -> str:
    forms, month = _FORMS[lang], _MONTHS[lang].split()[date.month]
    form = forms.date if date.day and date.year else forms.day if date.day else forms.month
    return form.format(forms.first if date.day == "1" else date.day, month, date.year)


@cache
def _months() -> dict[str, int]:
    """Months by their names in any language."""
    return _numbered([*_MONTHS.values(), _SHORT_MONTHS])


@cache
def _weekdays() -> dict[str, int]:
    """Days of the week by their names in any language, Monday first."""
    return _numbered(list(_WEEKDAYS.values()))


def _numbered(lists: Sequence[str]) -> dict[str, int]:
    return {name.casefold(): number for names in lists for number, name in enumerate(names.split())}


@cache
def _date_pattern(lang: str) -> re.Pattern[str]:
    short = f" {_SHORT_MONTHS}" if lang == "en" else ""
    names = (_MONTHS[lang] + short).split() if lang else list(_months())
    return re.compile(rf"(?<![\w.,/–-])(?:{_DATE})" % ((_alternation(names),) * 3))


@cache
def _weekday_pattern(lang: str = "") -> re.Pattern[str]:
    """Days of the week; in a language that writes them small, a capital other than the first may be that of a name."""
    names = _WEEKDAYS[lang].split() if lang else list(_weekdays())
    days = _alternation(names)
    if lang and names[0].islower():
        days = rf"(?:{'|'.join(names)}|\A{days})"
    # Black Friday and mardi gras are called so everywhere.
    return re.compile(rf"(?<![\w-])(?<!Black )(?P<name>{days})s?(?![\w-]| gras\b)")


def _weekday(match: re.Match[str]) -> int:
    return _weekdays()[match["name"].casefold()]


def _alternation(names: Sequence[str]) -> str:
    """Names as they are, and with a capital."""
    return f"(?:{'|'.join({form: None for name in names for form in (name, name.capitalize())})})"
