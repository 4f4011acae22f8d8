"""Puts a run together: device, data by language, streams."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, replace
from datetime import timedelta

import numpy as np
import torch
from accelerate import Accelerator, InitProcessGroupKwargs

from xlmcli.cores import cores_of_process
from xlmcli.errors import TrainingError, UsageError
from xlmcli.model.transformer import XLMShape
from xlmcli.sources import Source
from xlmcli.text import Tokenizer
from xlmcli.text.sentencepiece import SentencePieceTokenizer
from xlmcli.train.core.freed_memory import keep_freed_memory
from xlmcli.train.core.objective import Objective, Stream
from xlmcli.train.core.options import DataOptions, RunOptions, SizeOptions
from xlmcli.train.core.progress import Reporter
from xlmcli.train.data.corpus import TextData, TextOptions, cut_lines, join
from xlmcli.train.data.loading import load_text
from xlmcli.train.data.sampling import BatchSampler, Share

Langs = tuple[str, ...]


def make_accelerator(run: RunOptions) -> Accelerator:
    """The device and the processes of this run, as `accelerate launch` or `torchrun` set them up.

    Raises:
        TrainingError: CUDA is asked for and there is none.
    """
    if run.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("no CUDA device can be used", hint="leave --device out, or use --device cpu")
    torch.manual_seed(run.loop.seed)
    # Numbers are of the type that --precision says; processes wait for what one does alone, however long that takes.
    waiting = InitProcessGroupKwargs(timeout=timedelta(days=1))
    accelerator = Accelerator(cpu=run.device == "cpu", mixed_precision="no", kwargs_handlers=[waiting])
    torch.set_num_threads(cores_of_process())
    if accelerator.device.type == "cpu":
        keep_freed_memory()
    return accelerator


def process_share(accelerator: Accelerator) -> Share:
    """This process's share of the batches."""
    return Share(accelerator.process_index, accelerator.num_processes)


def new_shape(size: SizeOptions, num_words: int, num_langs: int) -> XLMShape:
    """The shape of a new model."""
    return XLMShape(num_words=num_words, num_langs=num_langs, **asdict(size))


def check_size(size: SizeOptions) -> None:
    """Raises a UsageError if no model has such sizes."""
    if size.dim % size.num_heads:
        raise UsageError(f"--dim {size.dim} is not a multiple of --heads {size.num_heads}")
    if size.sinusoidal and size.dim % 2:
        raise UsageError(f"--dim {size.dim}: --sinusoidal needs an even width")


def check_options(data: DataOptions, size: SizeOptions) -> None:
    """Finds what is wrong with options before any work is done.

    Raises:
        UsageError: No model has such sizes, there is no training text, or no validation text that a person wrote.
    """
    check_size(size)
    if not data.mono and not data.parallel:
        raise UsageError("no training text", hint="name some with --mono or --parallel")
    if not data.valid:
        raise UsageError("no validation text", hint="name some with --valid, such as --valid en-fr=FILE.tsv")
    for source in data.valid:
        if source.synthetic is not None:
            raise UsageError(f"--valid {source}: synthetic= is for text to learn from", hint="leave it out")


def load_by_langs(sources: Sequence[Source], tokenizer: Tokenizer, options: TextOptions) -> dict[Langs, TextData]:
    """Loads sources, those of the same languages together.

    Raises:
        UsageError: Marks of protected spans are to be learned, and the vocabulary cannot write them.
    """
    if options.protects_spans and not isinstance(tokenizer, SentencePieceTokenizer):
        raise UsageError("--augment spans needs a vocabulary that xlm tokenizer train learned", hint="leave it out")
    groups: dict[Langs, list[Source]] = {}
    for source in sources:
        groups.setdefault(source.langs, []).append(source)
    return {langs: load_text(group, tokenizer, options) for langs, group in groups.items()}


def check_use(
    data: DataOptions, objectives: Sequence[Objective], held_out: Collection[Langs], *, resumes: bool
) -> list[str]:
    """Makes sure that all text is of use.

    Args:
        data: All text.
        objectives: What reads it.
        held_out: The languages of each part of the held-out text.
        resumes: Whether the run has begun with it.

    Returns:
        Warnings: which text is of no use, where the run has begun with it or shares it with others.

    Raises:
        UsageError: No objective reads a source, or nothing is scored on it.
    """
    streams = [stream for objective in objectives for stream in objective.streams]
    useless = [
        (option, source, "no objective reads it")
        for option, sources in (("mono", data.mono), ("parallel", data.parallel))
        for source in sources
        if not any(stream.reads(source) for stream in streams)
    ]
    useless += [
        ("valid", source, "nothing is scored on it")
        for source in data.valid
        if not any(set(langs) <= set(source.langs) for langs in held_out)
    ]
    for option, source, why in useless:
        if option not in data.shared and not resumes:
            raise UsageError(
                f"--{option} {source}: {why}", hint="leave it out, or name an objective or a direction that it is for"
            )
    return [f"--{option} {source}: {why}" for option, source, why in useless]


def report_text(text: dict[Langs, TextData], reporters: Sequence[Reporter], warnings: Sequence[str] = ()) -> None:
    """Tells how much training text there is, and what looks wrong with it."""
    for reporter in reporters:
        for data in text.values():
            reporter.loaded(data)
        for warning in warnings:
            reporter.warned(warning)


def all_langs(data: DataOptions) -> tuple[str, ...]:
    """Every language that training text has, sorted: the place of each is its language id."""
    langs = {lang for source in (*data.mono, *data.parallel) for lang in source.langs}
    strangers = sorted({lang for source in data.valid for lang in source.langs} - langs)
    if strangers:
        raise UsageError(f"validation text in {', '.join(strangers)}, which has no training text")
    return tuple(sorted(langs))


def sentences_of(lang: str, texts: Iterable[TextData]) -> TextData:
    """All sentences of one language, those of parallel text included.

    Raises:
        UsageError: There are none, or none that a person wrote.
    """
    sides = [text.side(lang) for text in texts if lang in text.langs]
    if not sides:
        raise UsageError(f"no text in {lang}", hint="name some with --mono or --parallel")
    text = join(sides)
    if text.epoch_size == 0:
        raise UsageError(f"all text in {lang} is synthetic", hint="name other text with --mono or --parallel")
    return text


class StreamMaker:
    """Makes streams whose seeds differ, in the same way each time."""

    def __init__(self, seed: int, share: Share, lang2id: dict[str, int], batch_tokens: int) -> None:
        self._seed, self._share, self._lang2id, self._batch_tokens = seed, share, lang2id, batch_tokens
        self._count = 0

    def lines(self, text: TextData, max_len: int) -> Stream:
        """Running text in one language; of lines longer than ``max_len`` tokens, each part is a sentence."""
        sentences = self.sentences(cut_lines(text, max_len))
        return replace(sentences, size=text.epoch_size)

    def sentences(self, text: TextData, langs: Langs | None = None, *, joined: bool = False) -> Stream:
        """Sentences or pairs.

        Args:
            text: The sentences.
            langs: Languages of the stream where they are not the text's.
            joined: Whether both sides of a pair make one sequence (TLM).
        """
        lens = np.stack([side.lens for side in text.sides])
        lens = lens.sum(0) + 2 * len(lens) if joined else lens.max(0) + 2
        seed = self._next_seed()
        sampler = BatchSampler(lens, text.repeats, self._batch_tokens, seed, self._share)
        langs = langs or text.langs
        ids = tuple(self._lang2id[lang] for lang in langs)
        return Stream("-".join(langs), text.epoch_size, text.beginning, sampler, text, ids)

    def _next_seed(self) -> tuple[int, int]:
        self._count += 1
        return (self._seed, self._count)
