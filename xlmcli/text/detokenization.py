"""Words back to a line of text as people write it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import cycle

from xlmcli.text.moses_tokenization import APOSTROPHE_LANGS

# Which sides of a token take no space.
_LEFT = frozenset(",.?!:;%)]}،؟؛।॥°²³¹™®”»‰′″")
_RIGHT = frozenset("([{¿¡#„«“\\")
_BOTH = frozenset("/_·")
_AT = "@"
_CURRENCIES = frozenset("$£€¥₹")
_FRENCH_SPACED = frozenset("?!")

_STOPS = re.compile(r"\.{2,}")
_LETTER_FIRST = re.compile(r"'[^\W\d_]")
_LETTER_LAST = re.compile(r"[^\W\d_]'$")

# An apostrophe that stands alone belongs inside a word where one of its sides is as short as in "geht's" or "d'água".
_LONGEST_CLITIC = 2

_CJK = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3040-\ua4cf\uf900-\ufaff\uff65-\uff9f\U00020000-\U0003ffff"
)
_SCRIPT_ENDS = {
    lang: (re.compile(f"^[{script}]"), re.compile(f"[{script}]$"))
    for lang, script in (("zh", _CJK), ("ja", _CJK), ("th", "\u0e01-\u0e7f"))
}
_WIDE_MARKS = {
    "zh": dict(zip(",.?!:;()", "，。？！：；（）", strict=True)),
    "ja": dict(zip(",.?!:;()", "、。？！：；（）", strict=True)),
}
_WIDE_QUOTES = {"zh": "“”", "ja": "「」"}
# After a character of the language, maybe with a closing mark between, or before one.
_NARROW_MARK = re.compile(f"""(?<=[{_CJK}])[,.?!:;()]|(?<=[{_CJK}][")])[,.?!:;]|[()](?=[{_CJK}])""")
_SPACE_AFTER_MARK = re.compile("(?<=[、，。？！：；（）]) ")
_NARROW_QUOTE = re.compile('"')


def detokenize(words: Sequence[str], lang: str) -> str:
    """Returns words as one line, spaces where the language has them; Chinese and Japanese get their own punctuation.

    Args:
        words: Tokens of Moses or a segmenter, nothing escaped.
        lang: Language code.
    """
    if lang not in _SCRIPT_ENDS:
        return _Joiner(words, lang).join()
    text = _join_spaceless(words, lang)
    return _widen(text, lang) if lang in _WIDE_MARKS else text


class _Joiner:
    """Puts spaces between the words of one line."""

    def __init__(self, words: Sequence[str], lang: str) -> None:
        self._words = words
        self._lang = lang
        self._is_open = {'"': False, "'": False}

    def join(self) -> str:
        parts: list[str] = []
        is_glued = True
        for position, word in enumerate(self._words):
            if word.isalpha():
                glues_left = glues_right = False
            else:
                glues_left, glues_right = self._sides(word, position)
            parts.append(word if is_glued or glues_left else f" {word}")
            is_glued = glues_right
        return "".join(parts)

    def _sides(self, word: str, position: int) -> tuple[bool, bool]:
        """Tells whether a word is glued to what stands left, and right of it."""
        if word in self._is_open:
            return self._quote_sides(word, position)
        if word == ":" and self._is_number(position - 1) and self._is_number(position + 1):
            return True, True
        if word == _AT:
            # An address has a domain, @someone has not.
            return "." in self._word(position + 1), True
        if word in _LEFT or _STOPS.fullmatch(word):
            is_spaced = self._lang == "fr" and word in _FRENCH_SPACED and self._word(position - 1) not in _FRENCH_SPACED
            return not is_spaced, False
        if word in _CURRENCIES:
            return False, self._is_number(position + 1)
        if len(word) > 1 and "'" in word and self._lang in APOSTROPHE_LANGS:
            if self._lang == "en":
                return position > 0 and _LETTER_FIRST.match(word) is not None, False
            return False, _LETTER_LAST.search(word) is not None
        return word in _BOTH, word in _RIGHT or word in _BOTH

    def _quote_sides(self, quote: str, position: int) -> tuple[bool, bool]:
        if quote == "'" and not self._is_open[quote] and self._is_apostrophe(position):
            return True, self._lang not in APOSTROPHE_LANGS
        closes = self._is_open[quote]
        self._is_open[quote] = not closes
        return closes, not closes

    def _is_apostrophe(self, position: int) -> bool:
        before, after = self._word(position - 1), self._word(position + 1)
        if self._lang in APOSTROPHE_LANGS:
            return before.endswith("s") and self._lang == "en"
        return before.isalnum() and after.isalnum() and min(len(before), len(after)) <= _LONGEST_CLITIC

    def _word(self, position: int) -> str:
        return self._words[position] if 0 <= position < len(self._words) else ""

    def _is_number(self, position: int) -> bool:
        return self._word(position)[:1].isdigit()


def _join_spaceless(words: Sequence[str], lang: str) -> str:
    """Joins words, with a space where neither side, for Thai: where one side, is of another script."""
    first, last = _SCRIPT_ENDS[lang]
    needed = all if lang == "th" else any
    parts: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        is_glued = needed((last.search(before), first.search(word)))
        is_mark = "-" in (before, word) or word in _LEFT or before in _RIGHT or '"' in (before[-1:], word[:1])
        parts.append(word if not before or is_glued or is_mark else f" {word}")
    return "".join(parts)


def _widen(text: str, lang: str) -> str:
    """Returns text with the full-width punctuation that normalisation took away, beside characters of the language."""
    marks = _WIDE_MARKS[lang]
    text = _NARROW_MARK.sub(lambda match: marks[match[0]], text)
    # A full-width mark has its space in itself.
    text = _SPACE_AFTER_MARK.sub("", text)
    quotes = cycle(_WIDE_QUOTES[lang])
    return _NARROW_QUOTE.sub(lambda _: next(quotes), text) if text.count('"') % 2 == 0 else text
