"""What a protected span looks like: the one set of patterns that training and inference share.

Compiled when a text first asks for them, since most texts do not (see `xlmcli.text.spans.find_spans`).
"""

from __future__ import annotations

import re

from xlmcli.text.marks import MARK

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

# One alternative a kind, the longest first where one holds another.
SPAN = re.compile(
    "|".join(
        (
            MARK.pattern,
            # a backtick inside a word is an apostrophe
            r"(?<!\w)`[^`\s](?:[^`]*[^`\s])?`(?!\w)",
            # variables of a shell and of Windows, with the path behind them
            r"\$(?:\{[A-Z_]{2,}\}|(?!(?:US|CA|AU|NZ|HK)\b)[A-Z_]{2,}\b)(?:/[\w@+.-]*[\w@+-])*|%[A-Z_]{2,}%(?:\\[\w@+.-]*[\w@+-])*",
            r"\{\{[^{}]*\}\}|\[\[[^\[\]]*\]\]|\$?\{[^{}\s](?:[^{}]{0,40}[^{}\s])?\}|\{\}",
            r"</?[A-Za-z][^<>]*>|<!--[^<>]*-->",
            r"&(?:[A-Za-z]{2,8}|\#\d{1,6}|\#x[0-9A-Fa-f]{1,6});",
            # an address may end in a bracket that it opened
            r"(?<![A-Za-z0-9+.-])(?:[A-Za-z][A-Za-z0-9+.-]*://|www\.|mailto:|doi:)(?=[\w/~%\[])"
            r"(?:[^\s<>\"«»“”`()]*\([^\s<>\"«»“”`()]*\))*(?:[^\s<>\"«»“”`]*[^\s<>\"«»“”`.,;:!?…'’)\]}]/?)?",
            r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.\w{2,}",
            # printf, other variables
            r"(?<![\w%])%(?:\d+\$|\(\w+\))?[-+0\#]*(?:[1-9]\d*|\*)?(?:\.\d+)?(?:hh|h|ll|l|z)?[sdiufFeEgGxXoc@](?![^\W\d_])",
            r"%%|\$(?!(?:US|CA|AU|NZ|HK)\b)[A-Za-z_]\w*",
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

# Symbols that are no punctuation of a sentence, rows of one mark, and smileys; inside a word symbols belong to it.
_SYMBOLS = r"#*+<=>@\\^_{|}~§"
SYMBOLS = re.compile(
    rf"(?:(?<![\w{_SYMBOLS}&$%-])[&$%-]*[{_SYMBOLS}][{_SYMBOLS}&$%-]*|(?<=[\w%])[{_SYMBOLS}][{_SYMBOLS}&$%-]*(?![\w{_SYMBOLS}]))"
    r"|\[[ xX]\](?!\S)|([-.·•–—])\1{3,}|(?<!\S)[:;]['’]?-?[()DPpOo/|*]+(?![^\s.,!?])"
)

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
    r"[^\W_]\w*_\w*[^\W_]|_(?!\w*_$)\w+|__\w+__|\w[\w.]*\(\)|\S*[\w)\]}](?:[=^|\\+*~<>]|[=^|\\+*~<>!]{2,3})[\w([{$-]\S*|[=^]\S+[\w)$+*]"
    r"|\w+\+\+[\d/]*|[A-Z][+#]"
)
_SLASHED_CODE = re.compile(r"[A-Z]{2,}/\d[\w.]*|/[A-Z?]")
_CHESS_MOVE = re.compile(r"(?:\d+\.+)?(?:[KQRBN][a-h]?[1-8]?x?[a-h][1-8]|[a-h]x?[a-h]?[1-8]|O-O(?:-O)?)[+#]*")
_HEX = re.compile(r"(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,}")
_RAISED_OR_FRACTION = re.compile(r"[\w.^()×·-]*[⁰¹²³⁴-⁹₀-₉¼-¾⅐-⅞][\w.⁺⁻⁰¹²³⁴-⁹₀-₉]*")
_NAMES = (_MIXED, _TECHNICAL, _SLASHED_CODE, _CHESS_MOVE, _HEX, _CAMEL_CASE, _RAISED_OR_FRACTION)


def is_name(token: str) -> bool:
    """Whether a token is a name of its own, which no language has another word for."""
    if token.isalpha():
        return _CAMEL_CASE.fullmatch(token) is not None
    return not _NUMBER_AND_UNIT.fullmatch(token) and any(pattern.fullmatch(token) for pattern in _NAMES)
