"""From files to training text: rows get their variants and become token ids, a chunk at a time, on all cores.

Worker processes import this module, so it imports no torch.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np

from xlmcli.cores import cores_of_process
from xlmcli.errors import DataError, TrainingError
from xlmcli.outputs import temporary_folder
from xlmcli.signals import handled, raise_ending
from xlmcli.sources import Source, iter_chunks
from xlmcli.text import Tokenizer, load_tokenizer
from xlmcli.text.augmentation import Texts, augment
from xlmcli.train.data.cache import TextCache
from xlmcli.train.data.corpus import Corpus, LengthFilter, TextData, TextOptions, concatenate, join

# A worker has a chunk in hand and one that waits, and results wait for those before them: few enough for any memory.
_CHUNKS_PER_WORKER = 3


def load_text(
    sources: Sequence[Source], tokenizer: Tokenizer, options: TextOptions, num_workers: int | None = None
) -> TextData:
    """Reads and tokenises sources of the same languages, or opens what the cache has of them.

    Args:
        sources: One or more; all must name the same languages in the same order.
        tokenizer: Turns text to ids.
        options: Which rows are taken, their variants, and where ids are kept.
        num_workers: Processes that tokenise; None for one a usable core, shared out among the processes of a run. The
            result is the same for any number.

    Raises:
        DataError: A file cannot be read, a row has too few columns, no row is left, or the cache cannot be written.
        TrainingError: A process that tokenises was killed.
    """
    if num_workers is None:
        num_workers = cores_of_process()  # Processes of one run read the same text side by side.
    cache = None if options.cache is None else TextCache(options.cache, tokenizer)
    texts = []
    for source in sources:

        def read(source: Source = source) -> Generator[TextData, None, None]:
            return read_parts(source, tokenizer, options, num_workers)

        text = concatenate(source.langs, read()) if cache is None else cache.get(source, options, read)
        texts.append(_weigh(text, source))
    joined = join(texts)
    if len(joined) == 0:
        names = ", ".join(f"{source.path}{source.selection}" for source in sources)
        raise DataError(f"no usable line in {names}", hint="is --max-len too small, or the `only` pattern wrong?")
    return joined


def _weigh(text: TextData, source: Source) -> TextData:
    """Says how often each sentence of a source counts, and which side nobody should learn to write."""
    repeats = np.full(len(text), source.repeat, dtype=np.float32)
    if source.synthetic is None:
        return replace(text, repeats=repeats)
    made = text.langs.index(source.synthetic)
    if text.noisy_sides is not None:
        repeats[text.noisy_sides == 1 - made] = 0  # What a person wrote has errors here: no side is left.
    return replace(text, repeats=repeats, noisy_sides=np.full(len(text), made, dtype=np.int8))


def read_parts(
    source: Source, tokenizer: Tokenizer, options: TextOptions, num_workers: int
) -> Generator[TextData, None, None]:
    """Reads and tokenises one source, part by part; each sentence counts once.

    One chunk is not worth starting workers for.

    Raises:
        DataError: A file cannot be read, or a row has too few columns.
    """
    chunks = _number_chunks(source, options.seed)
    first = list(islice(chunks, 2))
    chunks = chain(first, chunks)
    if num_workers == 1 or len(first) < 2:
        yield from map(ChunkTokenizer(tokenizer, source.langs, options), chunks)
        return
    with temporary_folder() as folder, handled(raise_ending):
        # Worker processes end without a word by the usual way out alone.
        tokenizer.save(folder)
        yield from _tokenize_in_workers(chunks, num_workers, folder, source.langs, options)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a source, and what the choice of their variants is drawn from."""

    rows: list[Texts]
    seed: str


@dataclass(frozen=True, slots=True)
class ChunkTokenizer:
    """Turns chunks into training text."""

    tokenizer: Tokenizer
    langs: tuple[str, ...]
    options: TextOptions

    def __call__(self, chunk: Chunk) -> TextData:
        variants = augment(chunk.rows, self.options.augmentations, random.Random(chunk.seed))
        encoded = [
            self.tokenizer.encode_batch([variant.texts[side] for variant in variants], lang)
            for side, lang in enumerate(self.langs)
        ]
        limits = self.options.limits
        usable = [number for number, row in enumerate(zip(*encoded, strict=True)) if _is_usable(row, limits)]
        sides = tuple(Corpus.from_sequences([side[number] for number in usable]) for side in encoded)
        noisy = [-1 if (side := variants[number].noisy_side) is None else side for number in usable]
        repeats = np.ones(len(usable), dtype=np.float32)
        num_skipped = len(variants) - len(usable)
        return TextData(self.langs, sides, repeats, num_skipped, noisy_sides=np.array(noisy, dtype=np.int8))


def _number_chunks(source: Source, seed: int) -> Iterator[Chunk]:
    """Each chunk has a seed of its own, wherever the file lies and however often the source counts."""
    return (Chunk(rows, f"{seed} {source.name} {number}") for number, rows in enumerate(iter_chunks(source)))


def _is_usable(row: tuple[list[int], ...], limits: LengthFilter) -> bool:
    lens = [len(ids) for ids in row]
    shortest, longest = min(lens), max(lens)
    if shortest == 0 or (limits.max_len is not None and longest > limits.max_len):
        return False
    return longest <= 10 or longest <= limits.max_ratio * shortest


def _tokenize_in_workers(
    chunks: Iterable[Chunk], num_workers: int, folder: Path, langs: tuple[str, ...], options: TextOptions
) -> Iterator[TextData]:
    """The chunks as text, in their order; a few are read ahead, whatever the size of the source."""
    # A forked process would inherit the locks of torch's threads, but not the threads.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(num_workers, context, _start_worker, (folder, langs, options))
    waiting: deque[Future[TextData]] = deque()
    try:
        for chunk in chunks:
            with _no_ctrl_c():
                waiting.append(executor.submit(_tokenize, chunk))
            if len(waiting) == _CHUNKS_PER_WORKER * num_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise TrainingError("a process that tokenises text was killed", hint="is there enough memory?") from error
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def _no_ctrl_c() -> Iterator[None]:
    """Puts off Ctrl-C, for processes that are started meanwhile, too: a traceback is all that they would make of it."""
    noted: list[int] = []
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with handled(lambda number, _frame: noted.append(number)):  # Other threads still take signals for this one.
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)
    for number in noted:
        raise_ending(number)


# What a worker process works with.
_worker: ChunkTokenizer | None = None


def _start_worker(folder: Path, langs: tuple[str, ...], options: TextOptions) -> None:
    global _worker  # noqa: PLW0603
    # What a terminal sends to all its processes is for the parent, which ends this one between two chunks: a worker
    # that died while it writes a result would leave the parent waiting for the rest of it.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker = ChunkTokenizer(load_tokenizer(folder), langs, options)


def _tokenize(chunk: Chunk) -> TextData:
    assert _worker is not None
    return _worker(chunk)


def _end_with_parent() -> None:
    """Ends this process when the parent is killed: it would wait for a chunk for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
