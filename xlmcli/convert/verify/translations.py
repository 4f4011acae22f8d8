"""Comparing a converted model with the torch model that it came from, on real sentences, greedily."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import ctranslate2
import numpy as np
import torch

from xlmcli.bundle import Bundle
from xlmcli.bundle.manifest import Quantization
from xlmcli.convert.options import Say, VerificationOptions
from xlmcli.convert.samples import check_sources, sample_sentences
from xlmcli.errors import DataError, GateError
from xlmcli.facts import format_name
from xlmcli.model.seq2seq import pad, real_mask
from xlmcli.model.transformer import Tokens
from xlmcli.records import Direction
from xlmcli.text.special import EOS_ID

if TYPE_CHECKING:
    from xlmcli.convert.xlm.translator import Checkpoint

_BATCH_SIZE = 32


@dataclass(frozen=True, slots=True)
class Agreement:
    """How close a converted model is to the torch model in one direction.

    Attributes:
        direction: What was translated.
        num_sentences: How many sentences.
        num_equal: How many of them have the same greedy translation, id by id.
        max_score_difference: Largest difference, in nats per token, between the log-probabilities that the two models
            give to one and the same translation, the converted model's; NaN if one is.
    """

    direction: Direction
    num_sentences: int
    num_equal: int
    max_score_difference: float

    @property
    def share_equal(self) -> float:
        """Share of the sentences with the same greedy translation, 0-1. There must be sentences."""
        return self.num_equal / self.num_sentences


def verify_bundle(
    checkpoint: Checkpoint, bundle: Bundle, sentences: Mapping[str, Sequence[str]]
) -> Iterator[Agreement]:
    """Compares a bundle with its checkpoint in every direction, on ``sentences`` by language or built-in ones.

    Raises:
        UsageError: There are sentences in a language that is not translated from.
    """
    part = bundle.translation
    check_sources(sentences, {direction.src for direction in part.directions}, part.describe_directions())
    for direction in part.directions:
        translator = ctranslate2.Translator(
            bundle.name,
            device="cpu",
            compute_type=runnable_type(bundle.manifest.quantization),
            files=bundle.folded_files(direction),
        )
        yield compare(checkpoint, translator, direction, _sentences(direction.src, sentences))


def verify_folded(
    checkpoint: Checkpoint,
    path: Path,
    direction: Direction,
    quantization: Quantization,
    sentences: Mapping[str, Sequence[str]],
) -> Iterator[Agreement]:
    """As ``verify_bundle``, for a folder of one direction."""
    check_sources(sentences, {direction.src}, str(direction))
    # Given as bytes, for the engine takes no path that is not UTF-8.
    files = {entry.name: entry.read_bytes() for entry in path.iterdir()}
    translator = ctranslate2.Translator(
        format_name(path.name), device="cpu", compute_type=runnable_type(quantization), files=files
    )
    yield compare(checkpoint, translator, direction, _sentences(direction.src, sentences))


def format_agreement(agreement: Agreement) -> str:
    """Returns one line of text."""
    return (
        f"{agreement.direction}: {agreement.num_equal} of {agreement.num_sentences} greedy translations equal,"
        f" scores differ by at most {agreement.max_score_difference:.1e} nats a token"
    )


def report_agreements(agreements: Iterator[Agreement], options: VerificationOptions, say: Say) -> None:
    """Says each comparison as soon as it is done, and lets the model pass or not; see ``check_agreements``."""
    done = []
    for agreement in agreements:
        say(format_agreement(agreement))
        done.append(agreement)
    check_agreements(done, options.min_share)


def check_agreements(agreements: Sequence[Agreement], min_share: float) -> None:
    """Lets a converted model pass if in every direction at least ``min_share`` (0-1) of the translations are equal.

    Raises:
        DataError: There were no sentences in a direction, which proves nothing.
        GateError: Names every direction with too few.
    """
    for agreement in agreements:
        if not agreement.num_sentences:
            lang = agreement.direction.src
            raise DataError(
                f"{agreement.direction}: no sentences to compare on",
                hint=f"give --verify-file {lang}=FILE a file with text in it, or leave it out for built-in sentences",
            )
    unscored = [agreement.direction for agreement in agreements if not math.isfinite(agreement.max_score_difference)]
    if unscored:
        listed = ", ".join(map(str, unscored))
        raise GateError(f"verification failed, nothing written: {listed}: scores that are no numbers")
    failed = [
        f"{agreement.direction}: {agreement.num_equal} of {agreement.num_sentences} greedy translations equal"
        for agreement in agreements
        if agreement.share_equal < min_share
    ]
    if failed:
        raise GateError(f"verification failed, nothing written: {'; '.join(failed)}, wanted a share of {min_share:g}")


def compare(
    checkpoint: Checkpoint, translator: ctranslate2.Translator, direction: Direction, sentences: Sequence[str]
) -> Agreement:
    """Translates sentences with both models.

    Args:
        checkpoint: The torch model.
        translator: The converted model, opened for ``direction``.
        direction: What to translate.
        sentences: Text in the source language; blank lines are left out, long ones cut to the model's positions.
    """
    num_sentences, num_equal, differences = 0, 0, [0.0]
    for batch in _batches(checkpoint, sentences):
        max_len = _max_len(checkpoint, batch)
        expected = _torch_greedy(checkpoint, direction, batch, max_len)
        hypotheses = _engine_greedy(checkpoint, translator, batch, max_len)
        scores = _torch_scores(checkpoint, direction, batch, [ids for ids, _ in hypotheses], max_len)
        num_sentences += len(batch)
        for wanted, (ids, engine_score), torch_score in zip(expected, hypotheses, scores, strict=True):
            num_equal += wanted == ids
            num_tokens = max(min(len(ids) + 1, max_len), 1)
            differences.append(abs(engine_score - torch_score) / num_tokens)
    return Agreement(direction, num_sentences, num_equal, float(np.max(differences)))


def runnable_type(quantization: Quantization) -> str:
    """The type that the weights are stored in, or where the CPU cannot compute in it, the one that loses nothing."""
    if quantization in ctranslate2.get_supported_compute_types("cpu"):
        return quantization
    return "int8" if quantization.startswith("int8") else "float32"


def _sentences(lang: str, given: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Returns the given sentences in a language, or a few of ours."""
    return given[lang] if lang in given else sample_sentences(lang)


def _batches(checkpoint: Checkpoint, sentences: Sequence[str]) -> Iterator[list[list[int]]]:
    """Yields batches of ``</s> w … </s>``."""
    longest = checkpoint.config.shape.max_positions - 2
    encoded = checkpoint.tokenizer.encode_batch([sentence for sentence in sentences if sentence.strip()])
    framed = sorted(([EOS_ID, *ids[:longest], EOS_ID] for ids in encoded if ids), key=len)
    for start in range(0, len(framed), _BATCH_SIZE):
        yield framed[start : start + _BATCH_SIZE]


def _max_len(checkpoint: Checkpoint, batch: list[list[int]]) -> int:
    """Longest translation of a batch, as the original allows it in back-translation, within the position table."""
    return min(int(1.3 * max(map(len, batch)) + 5), checkpoint.config.decoder_shape.max_positions)


def _torch_greedy(
    checkpoint: Checkpoint, direction: Direction, batch: list[list[int]], max_len: int
) -> list[list[int]]:
    lang2id = checkpoint.config.lang2id
    ids, lens = pad(batch)
    return checkpoint.model.greedy(ids, lens, lang2id[direction.src], lang2id[direction.tgt], max_len)


def _engine_greedy(
    checkpoint: Checkpoint, translator: ctranslate2.Translator, batch: list[list[int]], max_len: int
) -> list[tuple[list[int], float]]:
    """Returns ids without ``</s>`` and the sum of log-probabilities, ``</s>`` included where it was reached."""
    vocab = checkpoint.tokenizer.vocab
    ids = {piece: index for index, piece in enumerate(vocab)}
    results = translator.translate_batch(
        [[vocab[index] for index in sequence] for sequence in batch],
        beam_size=1,
        length_penalty=0,
        return_scores=True,
        max_input_length=0,
        max_decoding_length=max_len,
        min_decoding_length=0,
    )
    return [([ids[piece] for piece in result.hypotheses[0]], float(result.scores[0])) for result in results]


@torch.no_grad()
def _torch_scores(
    checkpoint: Checkpoint, direction: Direction, batch: list[list[int]], outputs: list[list[int]], max_len: int
) -> list[float]:
    """Returns the log-probability that the torch model gives to each output, with ``</s>`` if there was room."""
    lang2id = checkpoint.config.lang2id
    targets = [[*ids, EOS_ID][:max_len] for ids in outputs]
    src = _tokens(batch, lang2id[direction.src])
    tgt = _tokens([[EOS_ID, *target[:-1]] for target in targets], lang2id[direction.tgt])
    logits = checkpoint.model(src, tgt)
    log_probs = torch.log_softmax(logits.float(), dim=-1)
    wanted = torch.tensor([index for target in targets for index in target])
    chosen = log_probs.gather(1, wanted[:, None])[:, 0]
    return [float(part.sum()) for part in torch.split(chosen, [len(target) for target in targets])]


def _tokens(sequences: list[list[int]], lang: int) -> Tokens:
    ids, lens = pad(sequences)
    return Tokens(ids, real_mask(ids, lens), torch.full((1, 1), lang))
