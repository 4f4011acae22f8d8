"""The inference engine, CTranslate2. Nothing else in inference imports it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from xlmcli.bundle import AlignmentHead, Frame, Limits, SpecialTokens
from xlmcli.cores import count_usable_cores
from xlmcli.environment import check_engine_variables
from xlmcli.errors import ModelError, UsageError
from xlmcli.infer.decoding import AttentionReader, Decoding, PendingTranslations, engine_errors
from xlmcli.text.byte_pieces import BytePieces

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xlmcli.infer.states import States

Device = Literal["auto", "cpu", "cuda"]

_Model = TypeVar("_Model")
_Kept = TypeVar("_Kept")

_LENGTH_STEP = 8
_MAX_THREADS = 1024
_FORCED = Decoding(beam_size=1, length_penalty=0, with_attention=True)

check_engine_variables()  # before a model is looked for


@cache
def library() -> Any:
    """Returns the module ctranslate2, imported when it is first wanted: it takes its time (see `infer.opening`)."""
    import ctranslate2

    ctranslate2.set_log_level(logging.ERROR)
    return ctranslate2


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Where and how the engine computes.

    Attributes:
        device: Where.
        compute_type: Type of the numbers, as CTranslate2 names it; "default" keeps the model's own.
        num_threads: Threads that work on one batch; None is one, or an equal share of the cores for ``num_workers``.
        num_workers: Batches that are worked on at once; None is as many as the cores have room for, or one on a GPU.
    """

    device: Device = "auto"
    compute_type: str = "default"
    num_threads: int | None = None
    num_workers: int | None = None

    def __post_init__(self) -> None:
        if (self.num_threads or 1) * (self.num_workers or 1) > _MAX_THREADS:
            raise UsageError(
                f"{self.num_workers} workers of {self.num_threads} threads each are too many",
                hint=f"give at most {_MAX_THREADS} threads to all of them",
            )


@dataclass(frozen=True, slots=True)
class DeviceTypes:
    """A kind of device that is here.

    Attributes:
        device: Its kind.
        count: How many there are.
        compute_types: Types of numbers that it computes in, as CTranslate2 names them.
    """

    device: Literal["cpu", "cuda"]
    count: int
    compute_types: tuple[str, ...]


def list_devices() -> tuple[DeviceTypes, ...]:
    """Returns the processor, then the GPUs if there are any."""
    ctranslate2 = library()
    devices = [DeviceTypes("cpu", 1, tuple(sorted(ctranslate2.get_supported_compute_types("cpu"))))]
    if num_gpus := ctranslate2.get_cuda_device_count():
        devices.append(DeviceTypes("cuda", num_gpus, tuple(sorted(ctranslate2.get_supported_compute_types("cuda")))))
    return tuple(devices)


class TranslationEngine:
    """A translation model in memory.

    Attributes:
        byte_pieces: Those of its vocabulary.

    Args:
        files: Name and content of the model's files.
        vocab: The piece of every id.
        tokens: Special pieces.
        limits: Positions of the model, which the engine must not pass.
        options: Where and how to compute.
        max_target_positions: Longest translation, which the engine must not pass either.
        frame: The pieces around a text and before its translation; None for ``bos`` and ``eos`` of ``tokens``.
        alignment_head: The head whose attention ``files`` are made to tell; None for whatever they tell.

    Raises:
        UsageError: The device or the compute type is not to be had here.
        ModelError: The engine does not accept the files.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        vocab: Sequence[str],
        tokens: SpecialTokens,
        limits: Limits,
        options: EngineOptions,
        *,
        max_target_positions: int,
        frame: Frame | None = None,
        alignment_head: AlignmentHead | None = None,
    ) -> None:
        self._vocab = vocab
        self._ids = {piece: index for index, piece in enumerate(vocab)}
        self.byte_pieces = BytePieces(self._ids)
        self._frame = frame or Frame((tokens.bos,), (tokens.eos,))
        self._eos = tokens.eos
        self._when_read = alignment_head is not None and alignment_head.when_read
        self._limits = limits
        self._max_target_positions = max_target_positions - len(self._frame.target)
        self._translator = _load(library().Translator, files, options)

    @property
    def num_workers(self) -> int:
        """Batches that are worked on at once."""
        return int(self._translator.num_translators)

    def framing(self, frame: Frame) -> TranslationEngine:
        """Returns the same model, in memory once, for a direction that differs in what stands around a text."""
        other = copy(self)
        other._frame = frame
        return other

    @property
    def max_source_tokens(self) -> int:
        """Longest text to hand over, special tokens not counted."""
        return self._limits.max_source_tokens

    def submit(self, batch: Sequence[Sequence[int]], decoding: Decoding) -> PendingTranslations:
        """Hands over a batch of sequences of ids without special tokens; does not wait.

        Raises:
            ModelError: The engine failed.
        """
        max_lens = [min(max_translation_len(len(ids)), self._max_target_positions) for ids in batch]
        results: list[Any] = [None] * len(batch)
        # The engine has one length limit for a batch, and a beam that may go on finds other translations. So those that
        # have a limit in common go together, and an answer does not depend on its neighbours.
        for max_len in sorted(set(max_lens), reverse=True):
            rows = [row for row, limit in enumerate(max_lens) if limit == max_len]
            for row, result in zip(rows, self._search([batch[row] for row in rows], max_len, decoding), strict=True):
                results[row] = result
        attention = self._attention_reader(batch, decoding) if decoding.with_attention else None
        return PendingTranslations(results, self._ids, max_lens, len(self._frame.target), self._eos, attention)

    def can_force(self, ids: Sequence[int], translation: Sequence[int]) -> bool:
        """Whether there is room for a text and a translation that is given, and something in both."""
        return 0 < len(ids) <= self.max_source_tokens and 0 < len(translation) < self._max_target_positions

    def force(self, batch: Sequence[Sequence[int]], translations: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """Returns where each piece of translations that are given looks, (pieces, pieces of the text); waits for it.

        Raises:
            ModelError: The engine failed.
        """
        lens = list(map(len, translations))
        results = self._search(batch, max(lens) + 1, _FORCED, translations)
        attention = self._attention_reader(batch, _FORCED)
        pending = PendingTranslations(results, self._ids, lens, len(self._frame.target), self._eos, attention)
        return [result.attention[0][:length] for result, length in zip(pending.wait(), lens, strict=True)]

    def _attention_reader(self, batch: Sequence[Sequence[int]], decoding: Decoding) -> AttentionReader:
        # A beam's first step is told with the attention of another text of the batch, which the engine takes before it
        # widens the beam (``BeamSearch::search`` in its ``src/decoding.cc``). It is no matter where that is not read.
        is_read = not (self._when_read or self._frame.target or decoding.beam_size == 1)
        starts = self._search(batch, 1, replace(decoding, beam_size=1, num_best=1)) if is_read else []
        return AttentionReader(self._frame, list(map(len, batch)), self._when_read, starts)

    def _search(
        self,
        batch: Sequence[Sequence[int]],
        max_len: int,
        decoding: Decoding,
        translations: Sequence[Sequence[int]] | None = None,
    ) -> list[Any]:
        frame = self._frame
        starts = [list(frame.target) for _ in batch]
        for start, ids in zip(starts, translations or (), strict=False):
            start += [self._vocab[index] for index in ids]
        with engine_errors():
            results: list[Any] = self._translator.translate_batch(
                [[*frame.before, *(self._vocab[index] for index in ids), *frame.after] for ids in batch],
                target_prefix=starts if any(starts) else None,
                asynchronous=True,
                beam_size=decoding.beam_size,
                length_penalty=decoding.length_penalty,
                num_hypotheses=decoding.num_best,
                return_scores=decoding.with_scores,
                return_attention=decoding.with_attention,
                return_end_token=decoding.with_attention,
                no_repeat_ngram_size=decoding.no_repeat_ngram,
                suppress_sequences=[[piece] for piece in self.byte_pieces.pieces] if decoding.without_bytes else None,
                max_input_length=self._limits.max_source_positions,
                # The engine's own least is 1, which hides </s> from the first step and so changes its scores.
                min_decoding_length=0,
                max_decoding_length=max_len + len(frame.target),
            )
        return results


def max_translation_len(num_tokens: int) -> int:
    """Most tokens of the translation of a text: texts about as long have the same limit, so that they share a search.

    Source: the original XLM's translate.py, int(1.5 · length + 10) with both ``</s>`` counted; lengths are rounded up.
    """
    length = -(-num_tokens // _LENGTH_STEP) * _LENGTH_STEP
    return int(1.5 * (length + 2) + 10)


class PendingStates(Generic[_Kept]):
    """A batch in the engine's hands, of whose states something is kept."""

    def __init__(self, kept: Future[_Kept]) -> None:
        self._kept = kept

    def wait(self) -> _Kept:
        """Blocks until the batch is done, and returns what is kept.

        Raises:
            ModelError: The engine failed, for example for want of memory.
        """
        with engine_errors():
            return self._kept.result()


class EncoderEngine:
    """An encoder in memory.

    Args:
        files: Name and content of the model's files.
        vocab: The piece of every id.
        tokens: Special pieces.
        limits: Positions of the model, which the engine must not pass.
        options: Where and how to compute.
        tells_languages: Whether the model has language embeddings.

    Raises:
        UsageError: The device or the compute type is not to be had here.
        ModelError: The engine does not accept the files.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        vocab: Sequence[str],
        tokens: SpecialTokens,
        limits: Limits,
        options: EngineOptions,
        *,
        tells_languages: bool,
    ) -> None:
        self._bos, self._eos = vocab.index(tokens.bos), vocab.index(tokens.eos)
        self._separator = [vocab.index(piece) for piece in tokens.separator or (tokens.eos,)]
        self._limits = limits
        self._tells_languages = tells_languages
        self._encoder = _load(library().Encoder, files, options)
        # The engine's encoder blocks its caller, so that batches at once need threads of ours.
        self._threads = ThreadPoolExecutor(self.num_workers, "encoder")

    @property
    def num_workers(self) -> int:
        """Batches that are worked on at once."""
        return int(self._encoder.num_encoders)

    @property
    def max_source_tokens(self) -> int:
        """Longest text, or pair with its separator, to hand over; the special tokens around it are not counted."""
        return self._limits.max_source_tokens

    @property
    def separator_ids(self) -> list[int]:
        """What stands between the two texts of a pair."""
        return list(self._separator)

    def submit(
        self, batch: Sequence[Sequence[int]], langs: Sequence[int | None] | None = None
    ) -> PendingStates[States]:
        """Hands over a batch, and keeps its states; does not wait. See `submit_reduced`."""
        return self.submit_reduced(batch, langs, lambda states: states)

    def submit_reduced(
        self, batch: Sequence[Sequence[int]], langs: Sequence[int | None] | None, reduce: Callable[[States], _Kept]
    ) -> PendingStates[_Kept]:
        """Hands over a batch; does not wait.

        Args:
            batch: Ids of each sequence, without the special tokens around it.
            langs: Language id of each sequence; None, for all or for one, adds no language embedding. Without effect
                where the model has none.
            reduce: Makes of the states what is kept of them, in a thread of the engine.
        """
        sequences = [[self._bos, *ids, self._eos] for ids in batch]
        token_types = None
        if self._tells_languages:
            # The engine's row 0 is no language; see convert/xlm/encoder_specs.py.
            rows = [0] * len(batch) if langs is None else [0 if lang is None else lang + 1 for lang in langs]
            token_types = [[row] * len(ids) for row, ids in zip(rows, sequences, strict=True)]
        return PendingStates(self._threads.submit(lambda: reduce(self._forward(sequences, token_types))))

    def _forward(self, sequences: list[list[int]], token_types: list[list[int]] | None) -> States:
        import numpy as np

        from xlmcli.infer.states import States

        ctranslate2 = library()
        padded = self._encoder.forward_batch(sequences, token_type_ids=token_types).last_hidden_state
        # Both copy, also where there is nothing to do.
        if padded.dtype != ctranslate2.DataType.float32:
            padded = padded.to(ctranslate2.DataType.float32)
        if padded.device != "cpu":
            padded = padded.to_device(ctranslate2.Device.cpu)
        return States(np.asarray(padded), list(map(len, sequences)))


def _load(kind: Callable[..., _Model], files: Mapping[str, bytes], options: EngineOptions) -> _Model:
    device = _choose_device(options.device)
    supported = library().get_supported_compute_types(device)
    if options.compute_type not in ("default", "auto", *supported):
        raise UsageError(
            f"this {'processor' if device == 'cpu' else 'GPU'} does not compute in {options.compute_type}",
            hint=f"--compute-type default, auto, {', '.join(sorted(supported))}",
        )
    num_workers, num_threads = _share_cores(device, options)
    try:
        return kind(
            "bundle",
            device=device,
            compute_type=options.compute_type,
            inter_threads=num_workers,
            intra_threads=num_threads,
            files=dict(files),
        )
    except (RuntimeError, ValueError, IndexError) as error:
        raise ModelError(f"the engine cannot load the model: {error}") from error


def _share_cores(device: str, options: EngineOptions) -> tuple[int, int]:
    """Returns workers and threads of each.

    Threads that share a batch wait for each other at every one of a sentence's many small steps: on two cores, two
    workers of one thread take less than half the time of one worker of two (256 wide, greedy).
    """
    if device == "cuda":
        return options.num_workers or 1, options.num_threads or 1
    num_cores = count_usable_cores()
    if options.num_workers is not None:
        return options.num_workers, options.num_threads or max(1, num_cores // options.num_workers)
    num_threads = options.num_threads or 1
    return max(1, num_cores // num_threads), num_threads


def _choose_device(device: Device) -> str:
    has_cuda = library().get_cuda_device_count() > 0
    if device == "cuda" and not has_cuda:
        raise UsageError("no CUDA device can be used here", hint="--device cpu, or check nvidia-smi")
    return "cuda" if device != "cpu" and has_cuda else "cpu"
