"""Numbers in words, which small models mistake for each other: ``seventeen``, ``quatre-vingt-douze``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

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
        "cero uno/una/un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis"
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
_GREATER = re.compile(
    r"\b(?:hundred|thousand|million|cent|mille|hundert|tausend|cien|mil\b|cento|mila|cem\b|milh|dozen)|hundert|tausend",
    re.IGNORECASE,
)


_HINT = re.compile(
    (
        r"teen twenty thirty forty fifty sixty seventy eighty ninety zehn zig drei[sß] treize torze quinze seize dix-"
        r" vingt trent quarant cinquant soixant trece catorce quince dieci dici veint treint cuarent cincuent sesent"
        r" setent ochent novent \bvent sessant settant ottant novant treze deze deza dezo vinte trint quarent cinquent"
        r" sessent oitent"
    ).replace(" ", "|"),
    re.IGNORECASE,
)


class _Number(NamedTuple):
    """A number in words as it stands in a text: where it starts and ends, and what it is."""

    start: int
    end: int
    number: int


def may_have_number_word(text: str) -> bool:
    """Whether a text may have a number in words that is looked after, in a language whose words are known."""
    return _HINT.search(text) is not None


def find_lost_words(text: str, translation: str, src_lang: str, tgt_lang: str) -> Iterator[tuple[int, int, str]]:
    """Yields the numbers in words of a text that its translation has neither in words nor in digits.

    Yields:
        Where one starts and ends, and how the other language writes it; nothing for languages whose words are not
        known.
    """
    if src_lang not in _WORDS or tgt_lang not in _WORDS or _GREATER.search(text):
        return
    said = {number.number for number in _find(translation, (tgt_lang,))}
    for start, end, number in _find(text, (src_lang,)):
        forms = _forms(tgt_lang)[number]
        is_said = number in said or re.search(rf"(?<!\d){number}(?!\d)", translation)
        in_compound = tgt_lang == "de" and any(form in translation.lower() for form in forms)  # dreizehnjährig
        if number >= _LEAST and not is_said and not in_compound:
            yield start, end, forms[0]


def rewrite_words(text: str, translation: str, src_lang: str, tgt_lang: str) -> str:
    """Returns a translation whose numbers in words are those of its text, if they are as many."""
    if src_lang not in _WORDS or tgt_lang not in _WORDS or _GREATER.search(text):
        return translation
    wanted, found = _find(text, (src_lang,)), _find(translation, (src_lang, tgt_lang))
    if len(wanted) != len(found) or re.search(r"\d", text + translation):
        return translation
    lost = {start for start, _, _ in find_lost_words(text, translation, src_lang, tgt_lang)}
    for number, other in reversed(list(zip(wanted, found, strict=True))):
        if number.start in lost:
            written = _forms(tgt_lang)[number.number][0]
            translation = translation[: other.start] + written + translation[other.end :]
    return translation


def _find(text: str, langs: tuple[str, ...]) -> list[_Number]:
    pattern, numbers = _pattern(langs), _numbers(langs)
    return [_Number(*match.span(), numbers[_plain(match[0])]) for match in pattern.finditer(text)]


@cache
def _pattern(langs: tuple[str, ...]) -> re.Pattern[str]:
    words = sorted(_numbers(langs), key=len, reverse=True)
    spelt = "|".join(re.escape(word).replace(r"\ ", "[ -]") for word in words)
    return re.compile(rf"(?<![\w-])(?:{spelt})(?![\w-])", re.IGNORECASE)


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
