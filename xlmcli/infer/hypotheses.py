"""Translations as answers, and what a user should know of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from xlmcli.infer.records.protocols import Row, Values

CUT = "cut"
REPETITION = "repetition"
UNFINISHED = "unfinished"
PARTED = "parted"
RESPELT = "respelt"
TERMS = "terms"

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
            added["memory"] = self.is_remembered
        suggested = {} if self.language is None else {"language": self.language}
        return Values(best.text, added, suggested, alignment=best.alignment)


@dataclass(slots=True)
class TranslationCounts:
    """What a user should know about a run.

    Attributes:
        num_cut: Texts that had to be cut inside a sentence.
        num_repeating: Translations that repeat themselves.
        num_unfinished: Translations that were stopped because they grew too long.
        num_parted: Texts whose protected spans the model lost, or has not learned to carry, so that what stands between
            was translated in parts.
        num_respelt: Translations that had broken characters, and were searched for without rare ones.
        num_without_term: Texts that have a term for which there was no place in a translation.
        num_remembered: Texts that are answered from the translation memory, or a part of them.
    """

    num_cut: int = 0
    num_repeating: int = 0
    num_unfinished: int = 0
    num_parted: int = 0
    num_respelt: int = 0
    num_without_term: int = 0
    num_remembered: int = 0

    @classmethod
    def total(cls, several: Iterable[TranslationCounts]) -> TranslationCounts:
        """Returns the sums."""
        return cls(*map(sum, zip(*map(astuple, several), strict=True)))
