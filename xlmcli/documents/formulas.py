r"""Formulas of TeX in a text: ``$$…$$``, ``\[…\]``, ``\(…\)`` and ``$…$``. They are no prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

_BODY = r"[^\\]*(?:\\[^()\[\]][^\\]*)*"
# Where a backslash has to be escaped itself.
_BODY_OF_TWO = r"[^\\]*(?:\\(?!\\[()\[\]])[^\\]*)*"
FORMULA = re.compile(
    "|".join(
        (
            r"(?<!\\)\$\$(?![\s$]*\$)[^$\\]*(?:(?:\\.|\$(?!\$))[^$\\]*)*\$\$",
            # Source: Pandoc's rule, no space inside the dollars and no digit behind them. What begins like an amount of
            # money and has words is none; nor are variables of shells and templates.
            r"(?<![A-Za-z0-9\\${])\$(?![\s$]|\d[^$]*?(?<![\\{A-Za-z])[A-Za-z]{3})[^$\\]*(?:\\.[^$\\]*)*(?<!\s)\$(?![\dA-Z_{])",
            rf"(?<!\\)\\\({_BODY}\\\)|(?<!\\)\\\[{_BODY}\\\]",
            rf"(?<!\\)\\\\\({_BODY_OF_TWO}\\\\\)|(?<!\\)\\\\\[{_BODY_OF_TWO}\\\\\]",
        )
    ),
    re.DOTALL,
)
# What may stand behind a formula that has lines of its own: attributes or a label.
_REST = re.compile(r"\s*(?:\{[^{}]*\}|\([\w.:-]*\))?\s*")


def split_at_formulas(text: str) -> Iterator[tuple[str, bool]]:
    """Yields the stretches of a text, in order, and whether each is a formula."""
    position = 0
    for match in FORMULA.finditer(text):
        if match.start() > position:
            yield text[position : match.start()], False
        yield match[0], True
        position = match.end()
    if position < len(text):
        yield text[position:], False


def num_formula_lines(lines: Iterator[str]) -> int:
    """Returns how many lines a formula takes that begins with the first of some, and has them to itself; else 0."""
    first = next(lines, "").strip()
    sign = first[:2]
    if not (sign == "$$" or first == "\\["):
        return 0
    end = "$$" if sign == "$$" else "\\]"
    for number, line in enumerate(chain([first[2:]], lines), start=1):
        if end in line:
            return number if _REST.fullmatch(line.partition(end)[2]) else 0
        # Blank lines may be where the signs have lines to themselves.
        if number > 1 and (line.strip() == "\\[" or (not line.strip() and first != "$$")):
            return 0
    return 0
