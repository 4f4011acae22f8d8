"""Spans that must come out of a translator as they went in: addresses, placeholders, tags, code, file names, emoji.

A protected span is replaced by a mark, which is read as one of XLM's reserved tokens ``<special2>`` to ``<special9>``.
The same patterns serve training, where spans that stand alike on both sides teach a model to carry marks, and
inference.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from xlmcli.text.special import FIRST_SPECIAL_ID, NUM_SPECIAL

FIRST_MARK_ID = FIRST_SPECIAL_ID + 2
MARKS = tuple(chr(0xFDD2 + number) for number in range(NUM_SPECIAL - 2))
"""In a text, what stands for ``<special2>`` to ``<special9>``: noncharacters, which Unicode keeps for internal use."""

OPAQUE = tuple(map(chr, range(0xFDDA, 0xFDF0)))
"""In a text of a document, what stands for markup that must come out as it went in: noncharacters, too."""

_MARK = re.compile("[\ufdd0-\ufdef]")

# What names of files and of machines end in.
_ENDINGS = (
    "7z|avi|bak|bash|bat|bin|bmp|bz2|cc|cfg|cmake|cmd|com|conf|cpp|cs|css|csv|dat|db|deb|dll|dmg|doc|docx|epub|exe|flac|gif|go|"
    "gz|h|hpp|htm|html|ico|ini|iso|jar|java|jpeg|jpg|js|json|jsonl|jsx|key|kt|lock|log|lua|md|mkv|mo|mov|mp3|mp4|mpg|odp|ods|"
    "odt|ogg|old|org|otf|pdf|pem|php|pl|png|po|pot|pps|ppt|pptx|properties|ps|psd|py|rar|rb|rpm|rs|rst|rtf|scss|sh|so|sql|"
    "sqlite|srt|svg|swift|sys|tar|tex|tgz|tif|tiff|tmp|toml|ts|tsv|tsx|ttf|txt|vue|war|wav|webm|webp|whl|woff|wmv|xls|xlsx|"
    "xml|xz|yaml|yml|zip|zst|net|edu|gov|io|dev|app"
)
_CAPITAL_ENDINGS = "|".join(ending.upper() for ending in _ENDINGS.split("|") if len(ending) > 2)
# Folders at the root of a disk: a slash before another word is an alternative.
_ROOTS = "(?:bin|boot|dev|etc|home|lib|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var|Users|Applications|Library)"
_EMOJI = (
    "[©®\u203c\u2049\u2122\u2139\u2190-\u24ff\u25a0-\u27bf\u2934\u2935\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001faff]"
)

_VARIATIONS = "[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"

# Text without any of these has no span, but for characters that a vocabulary lacks.
_HINT = re.compile(
    r"[`{}\[\]<>&@#%$\\/*_=^|+~!\d]|[a-z][A-Z]|[A-Z]{2}[a-z]|\.\w|-[A-Za-z]\b|--|[^\x00-\u2027\u202f\u20ac]|[©®²³¹¼-¾]"
)

# One alternative a kind, the longest first where one holds another.
_SPAN = re.compile(
    "|".join(
        (
            _MARK.pattern,
            # a backtick inside a word is an apostrophe
            r"(?<!\w)`[^`\s](?:[^`]*[^`\s])?`(?!\w)",
            r"\{\{[^{}]*\}\}|\[\[[^\[\]]*\]\]|\$?\{[^{}\s](?:[^{}]{0,40}[^{}\s])?\}|\{\}",
            r"</?[A-Za-z][^<>]*>|<!--[^<>]*-->",
            r"&(?:[A-Za-z]{2,8}|\#\d{1,6}|\#x[0-9A-Fa-f]{1,6});",
            # an address may end in a bracket that it opened
            r"(?<![A-Za-z0-9+.-])(?:[A-Za-z][A-Za-z0-9+.-]*://|www\.|mailto:|doi:)(?=[\w/~%\[])"
            r"(?:[^\s<>\"«»“”`()]*\([^\s<>\"«»“”`()]*\))*(?:[^\s<>\"«»“”`]*[^\s<>\"«»“”`.,;:!?…'’)\]}]/?)?",
            r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.\w{2,}",
            # printf, Windows' and a shell's variables
            r"(?<![\w%])%(?:\d+\$|\(\w+\))?[-+0\#]*(?:[1-9]\d*|\*)?(?:\.\d+)?(?:hh|h|ll|l|z)?[sdiufFeEgGxXoc@](?![^\W\d_])",
            r"%[A-Z_]{2,}%|%%|\$(?!(?:US|CA|AU|NZ|HK)\b)[A-Za-z_]\w*",
            # paths, then names of files
            r"(?<![\w:])[A-Za-z]:\\[^\s\"<>|?*]*[\w)]|\\\\\w[^\s\"<>|?*]*\w",
            rf"(?<![\w./)€$£%])(?:(?:~|\.{{1,2}})/|/(?={_ROOTS}\b|[\w@+.-]*[\d_.@+/]))[\w@+.-]*[\w@+-](?:/[\w@+.-]*[\w@+-])*/?(?<![.])",
            rf"(?<![\w@+./-])(?:[\w@+.-]+/)+[\w@+.-]*\.(?:{_ENDINGS})\b(?!/)",
            rf"(?<![\w@+./-])[\w@+-](?:[\w@+.-]*[\w@+-])?\.(?:{_ENDINGS}|{_CAPITAL_ENDINGS})(?![\w.]*\w)",
            r"\*(?:\.\w+)+",
            # an option of a command
            r"(?<![\w-])--[a-z][\w-]*(?:=[^\s,;]*[^\s,;.!?)]|\s\d+(?![\w.,]\d))?|(?<![\w.-])-[A-Za-z](?![\w'’-])(?<!^-[AIOY])(?<![.!?…:«\"]\s-[AIOY])",
            # something or somebody with a name of its own
            r"(?<![\w./@-])@?[A-Za-z][\w./-]*@\d(?:[\w.-]*\w)?",
            r"(?<![\w.@])@[A-Za-z_][\w.-]*\w|(?<![\w&\#])\#\w[\w-]*\w|(?<!\w)[\#!]\d+\b",
            # addresses of machines, versions, checksums, long numbers in groups
            r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|\bv\d+(?:\.\d+)*(?:-[a-z]+(?:\.?\d+)*)?\b|\b\d+(?:\.\d+){2,3}(?!\d)(?:[/:]\d+)?",
            r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|(?<![\w-])\+?\d+(?:-[A-Za-z]*\d[\dA-Za-z]*){2,}(?![\w-])",
            r"\[(?=[^\[\]]*[\d_-])[A-Z0-9_-]+\]",
            rf"[0-9\#*]\ufe0f?\u20e3|{_EMOJI}(?:{_EMOJI}|{_VARIATIONS})*",
        )
    )
)

_TOKEN = re.compile(r"[^\s'’\"«»“”„‘,;…]+")
_LONGEST_WORD = 100  # what is longer is a checksum or a picture, in letters
_OPENING = {")": "(", "]": "["}

# A word of letters and digits is a name of its own, unless it is a number with a unit, an ordinal, a time of day, or a
# range of these, or is so long or so old. One capital behind a number is a name (14C, 4K).
_MIXED = re.compile(r"(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]+")
_UNIT = (
    r"(?:[hm]\d\d(?:min)?|min\d\d|[a-zéèêµ]{1,4}\d?|[A-Z]?[a-zéèêµ]{3,14}|[kKMGT]i?[bBoO]|[kKM]?[WVA]h?|[kM]?Hz|°C"
    r"|[A-ZÉÈ]{2,14}|H\d\d)"
)
_NUMBER = r"\d+(?:[.,:]\d+)*"
_NUMBER_AND_UNIT = re.compile(
    rf"[+-]?{_NUMBER}{_UNIT}?(?:-(?:{_NUMBER}{_UNIT}?|[A-Za-zÀ-ÿ]+))*|[^\W\d_]?[^\W\d_A-Z]+-\d+s?"
)
_CAMEL_CASE = re.compile(r"(?!PhDs?$|\w*[a-z]L[aei]$)(?:[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*|[A-Z]{2,}[a-z]+[A-Z]\w*)")
_TECHNICAL = re.compile(
    r"[^\W_]\w*_\w*[^\W_]|_(?!\w*_$)\w+|__\w+__|\w[\w.]*\(\)|\S*[\w)\]}][=^|\\+*~][\w([{$-]\S*|[=^]\S+[\w)$+*]|\w+\+\+"
)
_SLASHED_CODE = re.compile(r"[A-Z]{2,}/\d[\w.]*|/[A-Z?]")
_CHESS_MOVE = re.compile(r"(?:\d+\.+)?(?:[KQRBN][a-h]?[1-8]?x?[a-h][1-8]|[a-h]x?[a-h]?[1-8]|O-O(?:-O)?)[+#]*")
_HEX = re.compile(r"(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,}")
_RAISED_OR_FRACTION = re.compile(r"[\w.^()×·-]*[⁰¹²³⁴-⁹₀-₉¼-¾⅐-⅞][\w.⁺⁻⁰¹²³⁴-⁹₀-₉]*")
_NAMES = (_MIXED, _TECHNICAL, _SLASHED_CODE, _CHESS_MOVE, _HEX, _CAMEL_CASE, _RAISED_OR_FRACTION)

# A word with a character outside ASCII, or a run of such characters. An accent may stand for itself, after its letter.
_UNCOMMON = re.compile(
    r"(?<![\w\u0300-\u036f])[A-Za-z0-9_]*(?:[^\W\x00-\x7f]|[\u0300-\u036f])[\w\u0300-\u036f]*|[^\w\s\x00-\x7f]+"
)

# Numbers that are written alike in all languages: no separator, sign or unit beside them.
_PLAIN_NUMBER = re.compile(r"(?<![\w.,:/%$€£+-])\d{2,}(?![\w:/%$€£-]|[.,]\d| ?[%€°])")
_CAPITALISED = re.compile(r"(?<![\w'’.-])[A-Z][^\W\d_]+(?![\w'’-])")
_SHARE_OF_WORDS = 0.2

_ENDS_IN_WORD, _BEGINS_IN_WORD = re.compile(r"\w\Z"), re.compile(r"\w")


def find_spans(text: str, is_strange: Callable[[str], bool] | None = None) -> list[tuple[int, int]]:
    """Returns where the spans to protect are, start and end, in order; spans that touch are one.

    Args:
        text: A line.
        is_strange: Whether a vocabulary lacks a character; words and runs of such characters are spans as well.
    """
    found: list[tuple[int, int]] = []
    if _HINT.search(text) or len(text) > _LONGEST_WORD:
        found += (match.span() for match in _SPAN.finditer(text))
        found += apart(found, _names(text))
    if is_strange is not None:
        found += apart(found, find_strange(text, is_strange))
    return _merged(sorted(found))


def find_strange(text: str, is_strange: Callable[[str], bool]) -> list[tuple[int, int]]:
    """Returns where the words and runs of characters are that hold some that a vocabulary lacks, as `find_spans`.

    A mark of the text's own is one of them, so that nobody takes it for one of ours.
    """
    if text.isascii():
        return []
    characters = set(unicodedata.normalize("NFC", text))
    strange = {character for character in characters if _MARK.match(character) or is_strange(character)}
    if not strange:
        return []
    return [
        match.span()
        for match in _UNCOMMON.finditer(text)
        if not strange.isdisjoint(unicodedata.normalize("NFC", match[0]))
    ]


def apart(taken: Sequence[tuple[int, int]], places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Returns the places that touch no letter of those taken."""
    letters = {letter for place in taken for letter in range(*place)}
    return [place for place in places if letters.isdisjoint(range(*place))]


def mark_spans(text: str, places: Sequence[tuple[int, int]]) -> str:
    """Puts marks in the places given, in order; after the last mark comes the first again."""
    return _marked(text, places, [MARKS[number % len(MARKS)] for number in range(len(places))])


def iter_marks(text: str) -> Iterator[str]:
    """The marks of a text in order."""
    return (match[0] for match in _MARK.finditer(text))


def iter_mark_places(text: str) -> Iterator[int]:
    """Where the marks of a text stand, in order."""
    return (match.start() for match in _MARK.finditer(text))


def find_marks(text: str) -> list[tuple[int, int]]:
    """Returns where the marks of a text are, as `find_spans` does."""
    return _merged([(place, place + 1) for place in iter_mark_places(text)])


def split_at_marks(text: str) -> list[str]:
    """The texts between marks, at even places, and the marks, at odd ones."""
    return re.split(f"({_MARK.pattern})", text)


def restore_spans(text: str, spans: Mapping[str, str], words: Collection[str] = (), separator: str = "") -> str | None:
    """Puts spans back in place of their marks, or returns None if a mark is missing, doubled or of no span.

    Args:
        text: A text with marks.
        spans: What each mark stands for.
        words: Marks that stand for words.
        separator: What is put between these and other words.
    """
    if sorted(iter_marks(text)) != sorted(spans):
        return None
    return fill_marks(text, spans, words, separator)


def fill_marks(text: str, spans: Mapping[str, str], words: Collection[str] = (), separator: str = "") -> str:
    """Puts spans in place of their marks, as `restore_spans`; any other mark stays."""
    filled, before = "", ""
    for part in filter(None, split_at_marks(text)):
        new = spans.get(part, part)
        if (part in words and _ENDS_IN_WORD.search(filled)) or (before in words and _BEGINS_IN_WORD.match(new)):
            filled += separator
        filled += new
        before = part
    return filled


def has_marks(text: str) -> bool:
    """Whether a text has marks, its own or those of protected spans."""
    return not text.isascii() and _MARK.search(text) is not None


def without_marks(text: str) -> str:
    """Returns a text without the marks that a model wrote of itself."""
    return _MARK.sub("", text)


def protect_alike(texts: Sequence[str], rng: random.Random) -> tuple[str, ...] | None:
    """Puts the same marks in place of what stands alike in texts that say the same.

    These are spans, whole numbers of two digits and more, and, since everyday text has few of them, now and then a word
    with a capital that all share, such as a name.

    Args:
        texts: A text per language.
        rng: Draws words, and which mark stands for what, so that all are learned alike.

    Returns:
        The texts with marks, or None if they share nothing.
    """
    if any(map(has_marks, texts)):
        return None
    marks = iter(rng.sample(MARKS, len(MARKS)))
    placed: list[list[tuple[int, int, str]]] = [[] for _ in texts]
    for span, count in Counter(_candidates(texts[0], rng)).items():
        spots = [_free_spots(span, text, places) for text, places in zip(texts, placed, strict=True)]
        if all(len(side) == count for side in spots):
            for together in zip(*spots, strict=True):
                if mark := next(marks, None):
                    for places, (start, end) in zip(placed, together, strict=True):
                        places.append((start, end, mark))
    if not placed[0]:
        return None
    return tuple(
        _marked(text, [place[:2] for place in sorted(places)], [mark for _, _, mark in sorted(places)])
        for text, places in zip(texts, placed, strict=True)
    )


def _candidates(text: str, rng: random.Random) -> list[str]:
    candidates = [text[start:end] for start, end in find_spans(text)] + _PLAIN_NUMBER.findall(text)
    if rng.random() < _SHARE_OF_WORDS:
        words = _CAPITALISED.findall(text)
        candidates += rng.sample(words, min(len(words), rng.choice((1, 1, 2))))
    return candidates


def _free_spots(span: str, text: str, placed: Sequence[tuple[int, int, str]]) -> list[tuple[int, int]]:
    """Where a span stands in a text, not as a part of a word nor of what is placed."""
    if span.isdecimal():
        spots = (match.span() for match in _PLAIN_NUMBER.finditer(text) if match[0] == span)
    else:
        before = r"(?<!\w)" if span[0].isalnum() else ""
        after = r"(?!\w)" if span[-1].isalnum() else ""
        spots = (match.span() for match in re.finditer(before + re.escape(span) + after, text))
    return apart([(start, end) for start, end, _ in placed], spots)


def _marked(text: str, places: Sequence[tuple[int, int]], marks: Sequence[str]) -> str:
    parts, position = [], 0
    for (start, end), mark in zip(places, marks, strict=False):
        parts += [text[position:start], mark]
        position = end
    return "".join([*parts, text[position:]])


def _names(text: str) -> Iterator[tuple[int, int]]:
    """Where tokens stand that are names of their own, without the punctuation around them."""
    for match in _TOKEN.finditer(text):
        start, end = _without_edges(text, *match.span())
        if _is_name(text[start:end]):
            yield start, end


def _without_edges(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in "([<*":
        start += 1
    unopened = {
        closing: text.count(closing, start, end) - text.count(opening, start, end)
        for closing, opening in _OPENING.items()
    }
    while end > start:
        last = text[end - 1]
        if unopened.get(last, 0) > 0:
            unopened[last] -= 1
        elif last not in ".:!?>*":
            break
        end -= 1
    return start, end


def _is_name(token: str) -> bool:
    """Whether a token is a name of its own, which no language has another word for."""
    if len(token) > _LONGEST_WORD:
        return token.isascii()
    if token.isalpha():
        return _CAMEL_CASE.fullmatch(token) is not None
    return not _NUMBER_AND_UNIT.fullmatch(token) and any(pattern.fullmatch(token) for pattern in _NAMES)


def _merged(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in places:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
