"""Scores of a translator on held-out text: BLEU of decoded text and perplexity per direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import torch

from xlmcli.model.seq2seq import Seq2Seq, pad
from xlmcli.records import Direction
from xlmcli.text import Tokenizer
from xlmcli.text.special import EOS_ID
from xlmcli.train.core.differences import describe_lines
from xlmcli.train.core.validation import Scores, perplexity
from xlmcli.train.translation.objectives import pair_loss

_LINES_PER_BATCH = 128
_HEAD_LINES = 10_000


@dataclass(frozen=True, slots=True)
class ParallelText:
    """Held-out pairs of one direction: the text as it is, and the ids of both sides without ``</s>``."""

    direction: Direction
    langs: tuple[int, int]
    references: list[str]
    src: list[list[int]]
    tgt: list[list[int]]

    @property
    def beginning(self) -> str:
        """A hash of the first lines."""
        lines = (self.src[:_HEAD_LINES], self.references[:_HEAD_LINES])
        return blake2b(repr(lines).encode(), digest_size=8).hexdigest()


class TranslationValidator:
    """BLEU of greedy output and perplexity of each direction; the best model has the highest mean BLEU."""

    def __init__(
        self, model: Seq2Seq, held_out: Sequence[ParallelText], tokenizer: Tokenizer, device: torch.device
    ) -> None:
        self._model, self._held_out, self._tokenizer, self._device = model, held_out, tokenizer, device

    @property
    def text(self) -> Mapping[str, str]:
        described: dict[str, str] = {}
        for text in self._held_out:
            described |= describe_lines(f"held-out text in {text.direction}", len(text.src), text.beginning)
        return described

    @torch.no_grad()
    def __call__(self) -> Scores:
        from xlmcli.metrics.translation.scorer import corpus_bleu

        values: dict[str, float] = {}
        scores, losses = [], []
        for text in self._held_out:
            hypotheses = translate(self._model, text, self._tokenizer, self._device)
            bleu = corpus_bleu(hypotheses, [text.references], text.direction.tgt)
            values[f"{text.direction} bleu"] = bleu
            loss = self._loss(text)
            values[f"{text.direction} ppl"] = perplexity(loss)
            scores.append(bleu)
            losses.append(loss)
        # Perplexity decides between models whose output is not worth any BLEU yet.
        return Scores(values, (sum(scores) / len(scores), -sum(losses) / len(losses)))

    def _loss(self, text: ParallelText) -> float:
        total, num_words = 0.0, 0
        for start in range(0, len(text.src), _LINES_PER_BATCH):
            chunk = slice(start, start + _LINES_PER_BATCH)
            loss = pair_loss(self._model, text.src[chunk], text.tgt[chunk], text.langs, 0.0, self._device)
            words = sum(len(ids) + 1 for ids in text.tgt[chunk])
            total += float(loss.mean) * words
            num_words += words
        return total / num_words


def translate(model: Seq2Seq, held_out: ParallelText, tokenizer: Tokenizer, device: torch.device) -> list[str]:
    """Greedy translations as text, in the order of the sources."""
    src = held_out.src
    order = sorted(range(len(src)), key=lambda i: len(src[i]))
    outputs: list[list[int]] = [[] for _ in src]
    for start in range(0, len(order), _LINES_PER_BATCH):
        rows = order[start : start + _LINES_PER_BATCH]
        ids, lens = pad([[EOS_ID, *src[i], EOS_ID] for i in rows], device)
        max_len = int(1.5 * int(lens.max()) + 10)
        for i, words in zip(rows, model.greedy(ids, lens, *held_out.langs, max_len), strict=True):
            outputs[i] = words
    return tokenizer.decode_batch(outputs, held_out.direction.tgt)
