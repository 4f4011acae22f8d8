"""What output looks like beside its score: loops, copies, lengths, and signs that the files are not what they seem."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xlmcli.metrics.sides import Side, count_lines

MIN_LENGTH_RATIO, MAX_LENGTH_RATIO = 0.5, 2.0

# A space before a full stop or a comma, marks of subwords, escaped characters.
_TOKENIZED = re.compile(r"\w [.,](?: |$)|@@ |@-@|▁|&(?:apos|quot|amp|#91|#124);")
_MIN_TOKENIZED_SHARE = 0.1

Repeats = Callable[[Sequence[int], Sequence[int]], bool]


@dataclass(frozen=True, slots=True)
class OutputShares:
    """Shares of all lines, 0-1.

    Attributes:
        repeating: Lines that say the same four times or more in a row, and more often than the source.
        copied: Lines that are the source, where the references are not.
        odd_length: Lines with less than half or more than twice the characters of every reference.
    """

    repeating: float
    copied: float
    odd_length: float


def measure_output(
    hypotheses: Sequence[str], sources: Sequence[str], references: Sequence[Sequence[str]], repeats: Repeats
) -> OutputShares:
    """Counts lines that went wrong.

    Args:
        hypotheses: Lines of a system.
        sources: What was translated.
        references: Lines of each reference.
        repeats: Tells from the words of a source and of its translation, as numbers, whether the latter loops.
    """
    num_repeating = num_copied = num_odd = 0
    for hypothesis, source, *good in zip(hypotheses, sources, *references, strict=True):
        num_repeating += repeats(*_number_words(source, hypothesis))
        num_copied += bool(hypothesis) and hypothesis == source and source not in good
        num_odd += not any(_is_similar_length(hypothesis, reference) for reference in good)
    total = len(hypotheses)
    return OutputShares(num_repeating / total, num_copied / total, num_odd / total)


def find_misuse(systems: Sequence[Side], references: Sequence[Side], source: Side | None) -> list[str]:
    """Returns a sentence for everything that makes a comparison doubtful.

    Args:
        systems: What is scored.
        references: What it is compared with.
        source: What was translated, if known.
    """
    warnings = [
        f"{side.name} has {count_lines(num_empty)} without text"
        for side in references
        if (num_empty := side.lines.count(""))
    ]
    expected = max(_tokenized_share(side.lines) for side in references)
    for system in systems:
        share = _tokenized_share(system.lines)
        if share >= _MIN_TOKENIZED_SHARE and share > 2 * expected:
            warnings.append(
                f"{system.name} looks tokenised ({share:.0%} of its lines): detokenise it, or BLEU misleads"
            )
        if source is not None and system.lines == source.lines:
            warnings.append(f"{system.name} and the source are identical: nothing is translated")
        warnings += [
            f"{system.name} and the reference {side.name} are identical"
            for side in references
            if side.lines == system.lines
        ]
    return warnings


def _number_words(*texts: str) -> tuple[list[int], list[int]]:
    numbers: dict[str, int] = {}
    first, second = (
        [numbers.setdefault(word, len(numbers)) for word in (text.split() if " " in text else text)] for text in texts
    )
    return first, second


def _is_similar_length(hypothesis: str, reference: str) -> bool:
    return MIN_LENGTH_RATIO * len(reference) <= len(hypothesis) <= MAX_LENGTH_RATIO * len(reference)


def _tokenized_share(lines: Sequence[str]) -> float:
    return sum(_TOKENIZED.search(line) is not None for line in lines) / len(lines)
