"""Comparing a converted translation model of another family with transformers', on real sentences, greedily."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import ctranslate2
import numpy as np

from xlmcli.bundle import Bundle, Frame
from xlmcli.convert.family.reference import TranslationReference
from xlmcli.convert.samples import choose_directions, sample_sentences
from xlmcli.convert.verify.translations import Agreement, runnable_type
from xlmcli.records import Direction
from xlmcli.text.special import UNK_PIECE

if TYPE_CHECKING:
    from xlmcli.convert.family.model import FamilyModel

_BATCH_SIZE = 32


def verify_family(model: FamilyModel, bundle: Bundle, sentences: Mapping[str, Sequence[str]]) -> Iterator[Agreement]:
    """Compares a bundle with the folder that it was made of.

    Args:
        model: The folder.
        bundle: What was made of it.
        sentences: Texts by language; built-in ones where there are none. See ``choose_directions``.
    """
    reference = TranslationReference(model)
    translator = ctranslate2.Translator(
        bundle.name,
        device="cpu",
        compute_type=runnable_type(bundle.manifest.quantization),
        files=bundle.read_files(),
    )
    for direction in choose_directions(bundle.translation, sentences):
        texts = sentences[direction.src] if direction.src in sentences else sample_sentences(direction.src)
        comparison = _Comparison(model, reference, translator, bundle.frame(direction))
        yield comparison.run(direction, texts)


class _Comparison:
    """The same sentences in one direction, through both models."""

    def __init__(
        self,
        model: FamilyModel,
        reference: TranslationReference,
        translator: ctranslate2.Translator,
        frame: Frame,
    ) -> None:
        self._model, self._reference, self._translator, self._frame = model, reference, translator, frame
        self._source = {piece: row for row, piece in enumerate(model.tokenizer.source)}
        self._target = {piece: row for row, piece in enumerate(model.tokenizer.target)}

    def run(self, direction: Direction, sentences: Sequence[str]) -> Agreement:
        num_equal, differences = 0, [0.0]
        framed = self._frame_all(sentences)
        for start in range(0, len(framed), _BATCH_SIZE):
            batch = framed[start : start + _BATCH_SIZE]
            equal, different = self._compare(batch)
            num_equal += equal
            differences += different
        return Agreement(direction, len(framed), num_equal, float(np.max(differences)))

    def _frame_all(self, sentences: Sequence[str]) -> list[list[str]]:
        """The pieces of each sentence as the model reads them, the shortest first; blank ones are left out."""
        tokenizer, longest = self._model.tokenizer.tokenizer, self._model.max_tokens
        encoded = tokenizer.encode_batch([sentence for sentence in sentences if sentence.strip()])
        texts = sorted((ids[:longest] for ids in encoded if ids), key=len)
        return [[*self._frame.before, *(tokenizer.vocab[index] for index in ids), *self._frame.after] for ids in texts]

    def _compare(self, batch: list[list[str]]) -> tuple[int, list[float]]:
        """Returns how many outputs are equal, and the differences between scores, in nats a token."""
        prefix = list(self._frame.target)
        room = self._model.settings.num_positions - len(prefix) - 1
        max_len = min(int(1.3 * max(map(len, batch)) + 5), room)
        unknown = self._source[UNK_PIECE]
        rows = [[self._source.get(piece, unknown) for piece in pieces] for pieces in batch]
        prefix_rows = [self._target[piece] for piece in prefix]
        expected = self._reference.greedy(rows, prefix_rows, max_len)
        outputs = self._translate(batch, prefix, max_len)
        output_rows = [[self._target[piece] for piece in output] for output in outputs]
        engine_scores = self._score(batch, prefix, outputs, max_len)
        scores = self._reference.scores(rows, prefix_rows, output_rows, max_len)
        lens = [max(min(len(output) + 1, max_len), 1) for output in outputs]
        differences = [
            abs(one - other) / length for one, other, length in zip(engine_scores, scores, lens, strict=True)
        ]
        return sum(map(list.__eq__, output_rows, expected)), differences

    def _translate(self, batch: list[list[str]], prefix: list[str], max_len: int) -> list[list[str]]:
        results = self._translator.translate_batch(
            batch,
            target_prefix=[prefix] * len(batch) if prefix else None,
            beam_size=1,
            length_penalty=0,
            max_input_length=0,
            max_decoding_length=max_len + len(prefix),
            min_decoding_length=0,
        )
        return [result.hypotheses[0][len(prefix) :] for result in results]

    def _score(self, batch: list[list[str]], prefix: list[str], outputs: list[list[str]], max_len: int) -> list[float]:
        """The engine's log-probability of each output, with ``</s>`` where there is room for it."""
        results = self._translator.score_batch(batch, [[*prefix, *output] for output in outputs], max_input_length=0)
        return [sum(result.log_probs[len(prefix) :][:max_len]) for result in results]
