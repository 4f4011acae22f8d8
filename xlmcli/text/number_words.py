"""Numbers in words, which small models mistake for each other: ``seventeen``, ``quatre-vingt-douze``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from xlmcli.text.letters import starts_sentence, with_case_of

# Zero to twenty, then the tens. Of some there is a second form, behind a stroke.
_WORDS = {
    "de": (
        "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn"
        " siebzehn achtzehn neunzehn zwanzig dreißig/dreissig vierzig fünfzig sechzig siebzig achtzig neunzig"
    ),
    "en": (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
    ),
    "es": (
        "cero un/uno/una dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis"
        " diecisiete dieciocho diecinueve veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa"
    ),
    "fr": (
        "zéro un/une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept"
        " dix-huit dix-neuf vingt trente quarante cinquante soixante soixante-dix quatre-vingts/quatre-vingt"
        " quatre-vingt-dix"
    ),
    "it": (
        "zero uno/un due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici"
        " diciassette diciotto diciannove venti/vent trenta/trent quaranta/quarant cinquanta/cinquant sessanta/sessant"
        " settanta/settant ottanta/ottant novanta/novant"
    ),
    "pt": (
        "zero um/uma dois/duas três quatro cinco seis sete oito nove dez onze doze treze catorze/quatorze quinze"
        " dezesseis/dezasseis dezessete/dezassete dezoito dezenove/dezanove vinte trinta quarenta cinquenta sessenta"
        " setenta oitenta noventa"
    ),
}
_ACCENTED = {"dos": "dós", "tres": "trés", "seis": "séis", "un": "ún"}

_LEAST = 13
"""Smaller numbers come out right, or a translation says noon, or a dozen."""

# A hundred and seventeen may be one word in another language, seventeen hundred another number.
# As text: most runs need none of these patterns.
_GREATER = (
    r"(?i)\b(?:hundreds?|thousands?|milli?[aeo]n\w*|cents?|mill?e|cien(?:to)?|mil|cento|mila|cem|milh\w+|dozens?)\b"
    r"|hundert|tausend|\b\w{2,9}(?:cient[oa]s|cento|centos|zentos)\b"
)
# What may be said otherwise: an hour, a fortnight; and what is part of an ordinal. The winds are no number.
_NOT_BEFORE = r"(?<!\balle )(?<!\b[aà]s )(?<!\blas )(?<!\bi )(?<!\bdei )(?<!\bai )"
_NOT_AFTER = (
    r"(?! (?:et (?:uni|onzi)ème|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth"
    r"|heures?|Uhr|horas?|ore|o'clock|Tagen?|jours|días|giorni|dias)\b)"
)
_OTHERWISE = {
    15: "quart|viertel|quarter|cuarto",
    18: "demi|halb|half|medi[ao]|mezz|meio",
    30: "demi|halb|half|medi[ao]|mezz|meia",
}
_STEMS = {form for words in _WORDS.values() for word in words.split()[13:] for form in word.split("/")} | {"veinti"}


class _Number(NamedTuple):
    """A number in words as it stands in a text: where it starts and ends, and what it is."""

    start: int
    end: int
    number: int


def may_have_number_word(text: str) -> bool:
    """Whether a text may have a number in words that is looked after, in a language whose words are known."""
    lower = text.lower()  # A pattern of so many words takes 30 times as long.
    return any(stem in lower for stem in _STEMS)


def find_lost_words(text: str, translation: str, src_lang: str, tgt_lang: str) -> Iterator[tuple[int, int, str]]:
    """Yields the numbers in words of a text that its translation has neither in words nor in digits.

    Yields:
        Where one starts and ends, and how the other language writes it; nothing for languages whose words are not
        known.
    """
    if src_lang not in _WORDS or tgt_lang not in _WORDS or re.search(_GREATER, text):
        return
    said = {number.number for number in _find(translation, (tgt_lang,))}
    for start, end, number in _find(text, (src_lang,)):
        if number not in said and not _is_said_otherwise(number, translation, tgt_lang):
            yield start, end, with_case_of(_forms(tgt_lang)[number][0], text, start)


def _is_said_otherwise(number: int, translation: str, lang: str) -> bool:
    """Whether a translation has a number in digits, as a half or a quarter, in a compound or as a quarantaine."""
    forms = _forms(lang)[number]
    about = "|".join(re.escape(form[:-1]) for form in forms)
    in_compound = lang == "de" and any(form in translation.lower() for form in forms)  # dreizehnjährig
    return (
        in_compound
        or re.search(rf"(?<!\d){number}(?!\d)|\b(?:{about})\w*(?:aine|ina|ena)s?\b", translation) is not None
        or (number in _OTHERWISE and re.search(_OTHERWISE[number], translation, re.IGNORECASE) is not None)
    )


def rewrite_words(text: str, translation: str, src_lang: str, tgt_lang: str) -> str:
    """Returns a translation in which the numbers in words that its text does not have are those that are lost.

    They have to be as many; the first becomes the first that is lost.
    """
    if (
        src_lang not in _WORDS
        or tgt_lang not in _WORDS
        or re.search(_GREATER, text)
        or re.search(r"\d", text + translation)
    ):
        return translation
    lost = list(find_lost_words(text, translation, src_lang, tgt_lang))
    kept = Counter(number.number for number in _find(text, (src_lang,)))
    strange = []
    for number in _find(translation, (src_lang, tgt_lang)):
        is_ours = _plain(translation[number.start : number.end]) in map(_plain, _forms(tgt_lang)[number.number])
        if is_ours and kept[number.number] > 0:
            kept[number.number] -= 1
        else:
            strange.append(number)
    if len(strange) != len(lost):
        return translation
    for (_, _, written), number in reversed(list(zip(lost, strange, strict=True))):
        written = with_case_of(written.lower(), translation, number.start)
        translation = translation[: number.start] + written + translation[number.end :]
    return translation


def _find(text: str, langs: tuple[str, ...]) -> list[_Number]:
    """The numbers that are looked after: no names, and none beside another, as the years of nineteen ninety-nine."""
    matches = list(_pattern(langs).finditer(text))
    numbers = [_Number(*match.span(), _numbers(langs)[_plain(match[0])]) for match in matches]
    beside = {place for one, other in pairwise(numbers) if other.start - one.end == 1 for place in (one, other)}
    return [
        number
        for number in numbers
        if number.number >= _LEAST
        and number not in beside
        and not (text[number.start : number.end].istitle() and not starts_sentence(text, number.start))
    ]


@cache
def _pattern(langs: tuple[str, ...]) -> re.Pattern[str]:
    words = sorted(_numbers(langs), key=len, reverse=True)
    spelt = "|".join(re.escape(word).replace(r"\ ", "[ -]") for word in words)
    return re.compile(rf"{_NOT_BEFORE}(?<![\w-])(?:{spelt})(?![\w-]){_NOT_AFTER}", re.IGNORECASE)


@cache
def _numbers(langs: tuple[str, ...]) -> dict[str, int]:
    """Numbers from two on by their words in some languages, with spaces for hyphens; the first language comes first."""
    return {
        _plain(form): number
        for lang in reversed(langs)
        for number, forms in enumerate(_forms(lang))
        for form in forms
        if number > 1
    }


def _plain(word: str) -> str:
    return word.lower().replace("-", " ")


@cache
def _forms(lang: str) -> Sequence[Sequence[str]]:
    """How a language writes each number up to 99, the usual form first."""
    words = [word.split("/") for word in _WORDS[lang].split()]
    units, tens = words[:20], words[18:]  # twenty is the second of the tens
    forms = list(units)
    for number in range(20, 100):
        ten, unit = divmod(number, 10)
        if unit and lang == "fr" and ten in (7, 9):
            ten, unit = ten - 1, unit + 10
        befores = tens[ten][:1] if lang == "it" else tens[ten]  # vent'anni
        forms.append([_join(lang, before, after) for before in befores for after in units[unit]] if unit else tens[ten])
    return forms


def _join(lang: str, ten: str, unit: str) -> str:
    if lang == "de":
        return f"{unit.removesuffix('s') if unit == 'eins' else unit}und{ten}"
    if lang == "es":
        return f"veinti{_ACCENTED.get(unit, unit)}" if ten == "veinte" else f"{ten} y {unit}"
    if lang == "fr":
        has_and = unit in ("un", "une", "onze") and not ten.startswith("quatre")
        return f"{ten} et {unit}" if has_and else f"{ten.removesuffix('s')}-{unit}"
    if lang == "it":
        return f"{ten[:-1] if unit[0] in 'uo' else ten}{'tré' if unit == 'tre' else unit}"
    return f"{ten} e {unit}" if lang == "pt" else f"{ten}-{unit}"
