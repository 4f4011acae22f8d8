"""Translations as answers, and what a user should know of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlmcli.infer.records.protocols import Row, Values

REPETITION = "repetition"
UNFINISHED = "unfinished"
PARTED = "parted"
RESPELT = "respelt"
TERMS = "terms"
MEMORY = "memory"

if TYPE_CHECKING:
    from xlmcli.infer.alignment import Alignment


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One possible translation.

    Attributes:
        text: What it says.
        score: How sure the model is; higher is surer.
        alignment: Which words stand for which, if that was asked for.
    """

    text: str
    score: float
    alignment: Alignment | None = None

    def with_links(self) -> str:
        """Returns the text, and if there are links, these behind it, as marian writes them."""
        return self.text if self.alignment is None else f"{self.text} ||| {self.alignment.format()}"

    def linked_values(self) -> dict[str, object]:
        """Returns the links and the words of the translation for a JSON object."""
        if self.alignment is None:
            return {}
        words = [word.values() for word in self.alignment.target]
        return {"alignment": list(map(list, self.alignment.links)), "target_words": words}


@dataclass(frozen=True, slots=True)
class Translations:
    """The answer to a text.

    Attributes:
        hypotheses: As many as were asked for, the best first.
        warnings: What the reader should know, in a word each.
        with_scores: Whether scores are written.
        language: What language the text was found to be in, where that was asked for.
        is_remembered: Whether it is from the translation memory, or a part of it; None without a memory.
    """

    hypotheses: tuple[Hypothesis, ...]
    warnings: tuple[str, ...] = ()
    with_scores: bool = False
    language: str | None = None
    is_remembered: bool | None = None

    @property
    def happened(self) -> tuple[str, ...]:
        """What is counted: what the reader should know, and whether the translation memory has answered."""
        return (*self.warnings, MEMORY) if self.is_remembered else self.warnings

    def lines(self, text: str, index: int) -> list[str]:
        if len(self.hypotheses) > 1:
            return [f"{index} ||| {item.with_links()} ||| {item.score:.4f}" for item in self.hypotheses]
        best = self.hypotheses[0]
        if not text.strip():  # An empty line gives an empty line.
            return [best.text]
        return [f"{best.score:.4f}\t{best.with_links()}" if self.with_scores else best.with_links()]

    def rows(self) -> list[Row]:
        return [
            Row(
                item.text,
                (
                    *((f"{item.score:.4f}",) if self.with_scores else ()),
                    *((item.alignment.format(),) if item.alignment else ()),
                ),
            )
            for item in self.hypotheses
        ]

    def values(self) -> Values:
        best = self.hypotheses[0]
        added: dict[str, object] = {}
        if self.with_scores:
            added["score"] = round(best.score, 4)
        if best.alignment is not None:
            added["source_words"] = [word.values() for word in best.alignment.source]
        added |= best.linked_values()
        if len(self.hypotheses) > 1:
            added["nbest"] = [
                {"text": item.text, "score": round(item.score, 4), **item.linked_values()} for item in self.hypotheses
            ]
        if self.is_remembered is not None:
            added[MEMORY] = self.is_remembered
        suggested = {} if self.language is None else {"language": self.language}
        return Values(best.text, added, suggested, alignment=best.alignment)
