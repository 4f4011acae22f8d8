"""Comparing a converted encoder or classifier with transformers' model of the same weights, on real sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xlmcli.bundle import Bundle
from xlmcli.convert.options import Say, VerificationOptions
from xlmcli.convert.samples import FALLBACK, sample_languages, sample_sentences
from xlmcli.convert.verify.translations import runnable_type
from xlmcli.errors import DataError, GateError
from xlmcli.infer.engine import EncoderEngine, EngineOptions
from xlmcli.infer.heads import ClassifierHead
from xlmcli.text import Tokenizer

_BATCH_SIZE = 32


@dataclass(frozen=True, slots=True)
class Closeness:
    """How close a converted model is to transformers' on texts of one language.

    Attributes:
        lang: Language of the texts.
        num_texts: How many texts.
        max_difference: Largest difference between two numbers of their states; NaN if one is.
        num_equal: How many of the texts get the same label, or the same set of labels; None without a classifier.
    """

    lang: str
    num_texts: int
    max_difference: float
    num_equal: int | None


class Reference(Protocol):
    """The same model as transformers runs it."""

    def __call__(
        self, batch: Sequence[Sequence[int]], lang: int | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Returns states, (batch, length, dim), and logits, (batch, labels), of texts that are all of one length."""


class Referable(Protocol):
    """A checkpoint whose model transformers runs as well."""

    @property
    def text_tokenizer(self) -> Tokenizer:
        """Its tokenizer."""

    def open_reference(self) -> Reference:
        """Opens its model."""


def verify_encoder(
    checkpoint: Referable, bundle: Bundle, sentences: Mapping[str, Sequence[str]]
) -> Iterator[Closeness]:
    """Compares a bundle with its checkpoint.

    Args:
        checkpoint: The torch weights.
        bundle: What was made of them.
        sentences: Texts by language. Where there are none, built-in ones: in every language that the model has, and
            in English for the languages that have no built-in sentences but an embedding of their own.
    """
    reference, tokenizer = checkpoint.open_reference(), checkpoint.text_tokenizer
    manifest = bundle.manifest
    tells_languages = manifest.language_input == "token_types"
    engine = EncoderEngine(
        bundle.read_files(),
        tokenizer.vocab,
        manifest.tokens,
        manifest.limits,
        EngineOptions("cpu", runnable_type(manifest.quantization), num_workers=1),
        tells_languages=tells_languages,
    )
    head = None if manifest.classifier is None else ClassifierHead.load(bundle)
    langs = list(sentences) or [lang for lang in manifest.languages if tells_languages or lang in sample_languages()]
    for lang in langs or [FALLBACK]:
        lang_id = manifest.languages[lang] if tells_languages else None
        texts = sentences[lang] if lang in sentences else sample_sentences(lang)
        text_lang = lang if lang in sentences or lang in sample_languages() else FALLBACK
        yield _compare(reference, engine, head, _encode(tokenizer, engine, texts, text_lang), lang, lang_id)


def format_closeness(closeness: Closeness) -> str:
    """Returns one line of text."""
    labels = ""
    if closeness.num_equal is not None:
        labels = f"{closeness.num_equal} of {closeness.num_texts} labels equal, "
    states = f"states of {closeness.num_texts} texts differ by at most {closeness.max_difference:.1e}"
    return f"{closeness.lang}: {labels}{states}"


def report_closeness(results: Iterator[Closeness], options: VerificationOptions, say: Say) -> None:
    """Says each comparison as soon as it is done, and lets the model pass or not; see ``check_closeness``."""
    done = []
    for result in results:
        say(format_closeness(result))
        done.append(result)
    check_closeness(done, options.min_share, options.max_difference)


def check_closeness(results: Sequence[Closeness], min_share: float, max_difference: float | None) -> None:
    """Lets a converted model pass if it is close enough in every language.

    Args:
        results: What was measured.
        min_share: Share of the texts that must get the same labels, 0-1.
        max_difference: How far states may be apart; None is any distance that is a number.

    Raises:
        DataError: There were no texts in a language, which proves nothing.
        GateError: Names every language that is not close enough.
    """
    failed, limit = [], math.inf if max_difference is None else max_difference
    for result in results:
        if not result.num_texts:
            raise DataError(
                f"{result.lang}: no texts to compare on",
                hint=f"give --verify-file {result.lang}=FILE a file with text in it, or leave it out",
            )
        if result.num_equal is not None and result.num_equal < min_share * result.num_texts:
            failed.append(
                f"{result.lang}: {result.num_equal} of {result.num_texts} labels equal, wanted a share of {min_share:g}"
            )
        # Not `>`, which a difference that is no number would pass.
        if not result.max_difference <= limit:
            failed.append(f"{result.lang}: states differ by {result.max_difference:.1e}, wanted at most {limit:g}")
    if failed:
        raise GateError(f"verification failed, nothing written: {'; '.join(failed)}")


def _compare(
    reference: Reference,
    engine: EncoderEngine,
    head: ClassifierHead | None,
    texts: list[list[int]],
    lang: str,
    lang_id: int | None,
) -> Closeness:
    differences, num_equal = [0.0], 0
    for batch in _batches(texts):
        expected, logits = reference(batch, lang_id)
        states = engine.submit(batch, [lang_id] * len(batch)).wait()
        differences.append(float(np.abs(np.stack(list(states)) - expected).max()))
        if head is not None and logits is not None:
            num_equal += int((head.choose(head.score(states)) == head.choose(logits)).all(axis=1).sum())
    return Closeness(lang, len(texts), float(np.max(differences)), None if head is None else num_equal)


def _encode(tokenizer: Tokenizer, engine: EncoderEngine, texts: Sequence[str], lang: str) -> list[list[int]]:
    encoded = tokenizer.encode_batch([text for text in texts if text.strip()], lang)
    return [ids[: engine.max_source_tokens] for ids in encoded if ids]


def _batches(texts: list[list[int]]) -> Iterator[list[list[int]]]:
    """Yields batches of texts of one length: padding would count in transformers' mean and last position."""
    for _, group in groupby(sorted(texts, key=len), len):
        same = list(group)
        yield from (same[start : start + _BATCH_SIZE] for start in range(0, len(same), _BATCH_SIZE))
