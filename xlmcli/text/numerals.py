"""Raised, lowered and fraction digits in the plain form that keeps their value.

Compatibility normalisation, which every vocabulary learned here applies, makes ``106`` of ``10⁶`` and ``11⁄2`` of
``1½``. These forms come first, so that the model reads ``10^6`` and ``1 1/2``.
"""

from __future__ import annotations

import re
import unicodedata

_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_LOWERED = "₀₁₂₃₄₅₆₇₈₉"
_FRACTIONS = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞↉"
_FRACTION_SLASH = "⁄"
_SIGNS = {"⁺": "+", "⁻": "-", "₊": "+", "₋": "-"}

ODD_NUMERALS = frozenset(_RAISED + _LOWERED + _FRACTIONS + _FRACTION_SLASH)
"""What is another number without its plain form."""

# A letter's raised digit (m², mc²) is as readable without a mark, but x² is not x2. Its lowered one (H₂O) is.
_ODD = re.compile(
    rf"(?P<raised>(?<=[^\W_])[⁺⁻]?[{_RAISED}]+|(?<=[)\]])[⁺⁻]?[{_RAISED}]+)"
    rf"|(?P<lowered>(?<=\d)[₊₋]?[{_LOWERED}]+)"
    rf"|(?P<fraction>[{_FRACTIONS}])"
    rf"|{_FRACTION_SLASH}"
)


def plain_numerals(text: str, marks: str = "^_/") -> str:
    """Returns ``text`` with ``10^6`` for ``10⁶``, ``10_2`` for ``10₂``, and ``1/2`` for ``½``.

    Args:
        text: A line.
        marks: Which of ``^``, ``_`` and ``/`` may be written; forms that need another stay as they are.
    """
    return _ODD.sub(lambda match: _plain(match) if _mark(match) in marks else match[0], text)


def _mark(match: re.Match[str]) -> str:
    return "^" if match["raised"] else "_" if match["lowered"] else "/"


def _plain(match: re.Match[str]) -> str:
    digits = "".join(_SIGNS.get(character) or unicodedata.normalize("NFKC", character) for character in match[0])
    digits = digits.replace(_FRACTION_SLASH, "/")
    if match["raised"]:
        return f"^{digits}"
    if match["lowered"]:
        return f"_{digits}"
    if match["fraction"] and match.start() > 0 and match.string[match.start() - 1].isdigit():
        return f" {digits}"
    return digits
