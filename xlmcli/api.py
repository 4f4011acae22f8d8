"""The commands' work for Python: `open_translator`, `open_classifier` and `open_encoder`.

``xlmcli`` has these three functions too, and imports this module when one is first used. docs/python.md tells of them;
whatever else is in the package may change from version to version.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, SupportsIndex, get_args

from xlmcli.bundle import DEFAULT_CLASSIFIER, DEFAULT_MODEL, find_model
from xlmcli.errors import UsageError
from xlmcli.infer.directions import DirectionEngines, SearchOptions, choose_direction, open_direction
from xlmcli.infer.encoders import TextEncoder
from xlmcli.infer.engine import Device, EngineOptions
from xlmcli.infer.iteration import iter_answers
from xlmcli.infer.opening import open_model
from xlmcli.records import (
    ENCODING_BATCH_TOKENS,
    MAX_BEAM_SIZE,
    MAX_NUM_BEST_LABELS,
    MAX_THREADS,
    TRANSLATION_BATCH_TOKENS,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xlmcli.infer.labels import Label


class TextTranslator:
    """A translation model; see `open_translator`.

    Attributes:
        directions: What it translates from and into, such as ("en", "fr").
    """

    def __init__(self, path: Path, options: EngineOptions) -> None:
        self._bundle = open_model(path)
        self.directions = [(item.src, item.tgt) for item in self._bundle.translation.find_directions()]
        self._tokenizer = self._bundle.open_tokenizer()
        self._options = options
        self._engines = DirectionEngines(self._bundle, self._tokenizer, options)

    def translate(
        self,
        texts: Iterable[str],
        *,
        src: str | None = None,
        tgt: str | None = None,
        beam_size: int | None = None,
        protect: bool = True,
    ) -> Iterator[str]:
        """Yields the translation of each text, in order, as `xlm translate` writes it.

        Args:
            texts: The texts; read ahead in a thread of its own.
            src: Their language. Like ``tgt``, it may be left out where the model has only one.
            tgt: The language to translate into.
            beam_size: Hypotheses kept; 1 is greedy, None the model's own.
            protect: Whether addresses, placeholders and the like are kept from the model, lost words put back, and
                capitals read as sentences.

        Raises:
            UsageError: The direction is not clear, ``texts`` is no iterable of str, or a number is out of its range.
            ModelError: The model does not translate in this direction, or the engine failed.
        """
        _check_whole("beam_size", beam_size, MAX_BEAM_SIZE)
        direction = choose_direction(self._bundle, src, tgt)
        search = SearchOptions(beam_size=beam_size, protect=protect)
        work = open_direction(self._bundle, direction, self._tokenizer, search, self._options, self._engines)
        answers = iter_answers(work, texts, TRANSLATION_BATCH_TOKENS)
        return (answer.hypotheses[0].text for answer in answers)


class TextClassifier:
    """A classifier; see `open_classifier`.

    Attributes:
        labels: All that it gives.
    """

    def __init__(self, path: Path, options: EngineOptions) -> None:
        self._bundle = open_model(path)
        self.labels = list(self._bundle.classifier.labels)
        self._options = options
        self._encoder = TextEncoder(self._bundle, options)

    def classify(
        self,
        texts: Iterable[str],
        *,
        lang: str | None = None,
        num_best: int | None = None,
        threshold: float | None = None,
    ) -> Iterator[tuple[Label, ...]]:
        """Yields the labels of each text, the likeliest first; none of a blank one.

        Args:
            texts: The texts; read ahead in a thread of its own.
            lang: Their language; None or "auto" tells it text by text.
            num_best: Most labels of a text; None leaves it to the model: one, or any number where it gives several.
            threshold: Only labels at least as probable, 0 to 1.

        Raises:
            UsageError: ``texts`` is no iterable of str, or a number is out of its range.
            ModelError: The model does not have this language, or the engine failed.
        """
        from xlmcli.infer.classification import Classification
        from xlmcli.infer.labels import LabelOptions

        _check_whole("num_best", num_best, MAX_NUM_BEST_LABELS)
        labels = LabelOptions(num_best, threshold=threshold)
        work = Classification(self._bundle, lang, labels, self._options, self._encoder)
        answers = iter_answers(work, texts, ENCODING_BATCH_TOKENS)
        return (answer.labels for answer in answers)


class VectorEncoder:
    """An encoder; see `open_encoder`.

    Attributes:
        dim: Numbers of a vector.
    """

    def __init__(self, path: Path, options: EngineOptions) -> None:
        self._encoder = TextEncoder(open_model(path), options)
        self.dim = self._encoder.dim

    def encode(
        self, texts: Iterable[str], *, lang: str | None = None, pooling: Literal["first", "mean", "max"] = "mean"
    ) -> Iterator[NDArray[np.float32]]:
        """Yields the vector of each text, float32 (dim,); zeros of a blank one.

        Args:
            texts: The texts; read ahead in a thread of its own.
            lang: Their language; None or "auto" tells it text by text.
            pooling: The vector of a text: its first state, or the mean or maximum of all.

        Raises:
            UsageError: ``texts`` is no iterable of str, or there is no such pooling.
            ModelError: The model does not have this language, or the engine failed.
        """
        from xlmcli.infer.encoding import Encoding

        if pooling not in ("first", "mean", "max"):
            raise UsageError(f"pooling {pooling!r} is not first, mean or max")
        work = Encoding(self._encoder, lang, pooling)
        answers = iter_answers(work, texts, ENCODING_BATCH_TOKENS)
        return (answer.vector for answer in answers)


def open_translator(
    model: str | Path | None = None,
    *,
    device: Device = "auto",
    compute_type: str = "default",
    threads: int | None = None,
    workers: int | None = None,
) -> TextTranslator:
    """Opens a translation model.

    Args:
        model: Name of an embedded or pulled model, or path of a bundle; None for the embedded en-fr.
        device: Where to compute: auto, cpu or cuda.
        compute_type: As ``--compute-type`` of the commands.
        threads: Threads that share a batch; as ``--threads`` of the commands.
        workers: Batches computed at the same time; as ``--workers`` of the commands.

    Raises:
        ModelError: There is no such model, or it is damaged or does something else.
        UsageError: The device or the compute type is not to be had, or a number is out of its range.
    """
    return TextTranslator(_find(model), _engine_options(device, compute_type, threads, workers))


def open_classifier(
    model: str | Path | None = None,
    *,
    device: Device = "auto",
    compute_type: str = "default",
    threads: int | None = None,
    workers: int | None = None,
) -> TextClassifier:
    """Opens a classifier, the embedded one for sentiment if ``model`` is None; as `open_translator`."""
    path = _find(model, DEFAULT_CLASSIFIER)
    return TextClassifier(path, _engine_options(device, compute_type, threads, workers))


def open_encoder(
    model: str | Path,
    *,
    device: Device = "auto",
    compute_type: str = "default",
    threads: int | None = None,
    workers: int | None = None,
) -> VectorEncoder:
    """Opens an encoder, or the encoder of a classifier; as `open_translator`."""
    return VectorEncoder(_find(model), _engine_options(device, compute_type, threads, workers))


def _engine_options(device: Device, compute_type: str, threads: int | None, workers: int | None) -> EngineOptions:
    if device not in get_args(Device):
        raise UsageError(f"device {device!r} is not {', '.join(get_args(Device))}")
    _check_whole("threads", threads, MAX_THREADS)
    _check_whole("workers", workers, MAX_THREADS)
    return EngineOptions(device, compute_type, threads, workers)


def _check_whole(name: str, value: object, most: int) -> None:
    """Raises a UsageError if a number is none of 1 to ``most``; None is left to the model."""
    if value is not None and not (isinstance(value, SupportsIndex) and 1 <= operator.index(value) <= most):
        raise UsageError(f"{name} {value!r} is not a whole number from 1 to {most}")


def _find(model: str | Path | None, default: str = DEFAULT_MODEL) -> Path:
    return find_model(None if model is None else str(model), default)
