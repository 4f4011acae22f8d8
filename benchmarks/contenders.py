"""Who translates: the installed ``xlm``, the engine without it, and torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ctranslate2

from benchmarks.processes import XLM, write_text
from xlmcli.bundle import Bundle
from xlmcli.records import Direction
from xlmcli.text import Tokenizer, load_tokenizer


@dataclass(frozen=True, slots=True)
class Setup:
    """What all contenders share.

    Attributes:
        bundle: The model.
        tokenizer: Its tokenizer.
        direction: From and to.
        num_threads: Threads of each contender; the engine works on as many batches at once, as `xlm translate` has it.
        max_batch_tokens: Most source tokens of a batch.
        beam_size: Hypotheses kept.
        folder: For files that come and go.
    """

    bundle: Bundle
    tokenizer: Tokenizer
    direction: Direction
    num_threads: int
    max_batch_tokens: int
    beam_size: int
    folder: Path

    def translate_command(self, beam_size: int | None = None) -> list[str]:
        """Returns the command line that translates standard input."""
        return [
            *(XLM, "translate", "--quiet", "--model", str(self.bundle.path), "--device", "cpu"),
            *("--src", self.direction.src, "--tgt", self.direction.tgt),
            *("--beam-size", str(beam_size or self.beam_size), "--max-batch-tokens", str(self.max_batch_tokens)),
            *("--threads", "1", "--workers", str(self.num_threads)),
        ]

    def write_text(self, lines: Sequence[str], name: str) -> Path:
        """Writes lines to a file in the folder."""
        return write_text(self.folder / name, lines)


@dataclass(frozen=True, slots=True)
class Sentences:
    """A corpus, each of whose lines the model takes whole.

    Attributes:
        lines: The text.
        ids: Ids of each line, without special tokens.
        pieces: The same as pieces.
    """

    lines: list[str]
    ids: list[list[int]]
    pieces: list[list[str]]

    @classmethod
    def encode(cls, bundle: Bundle, tokenizer: Tokenizer, lines: Sequence[str]) -> Sentences:
        """Tokenises lines; those that are empty or too long are left out."""
        longest = bundle.manifest.limits.max_source_tokens
        pairs = zip(lines, tokenizer.encode_batch(lines), strict=True)
        kept = [(line, ids) for line, ids in pairs if 0 < len(ids) <= longest]
        vocab = tokenizer.vocab
        return cls([line for line, _ in kept], [ids for _, ids in kept], [[vocab[i] for i in ids] for _, ids in kept])

    def first(self, num_lines: int) -> Sentences:
        """Returns the first lines."""
        return Sentences(self.lines[:num_lines], self.ids[:num_lines], self.pieces[:num_lines])


class BareEngine:
    """CTranslate2 alone, from pieces to pieces."""

    def __init__(self, setup: Setup) -> None:
        self._setup, self._limits = setup, setup.bundle.manifest.limits
        self._translation, self._frame = setup.bundle.translation, setup.bundle.frame(setup.direction)
        self._translator = ctranslate2.Translator(
            "bundle",
            device="cpu",
            inter_threads=setup.num_threads,
            intra_threads=1,
            files=setup.bundle.folded_files(setup.direction),
        )

    def translate(self, sources: Sequence[Sequence[str]], beam_size: int) -> list[list[str]]:
        """Translates pieces, without special tokens on both sides; the engine sorts by length and cuts batches."""
        longest, start = max(map(len, sources)) + 2, list(self._frame.target)
        results = self._translator.translate_batch(
            [[*self._frame.before, *pieces, *self._frame.after] for pieces in sources],
            target_prefix=[start] * len(sources) if start else None,
            max_batch_size=self._setup.max_batch_tokens,
            batch_type="tokens",
            beam_size=beam_size,
            length_penalty=self._translation.decoding.length_penalty,
            max_input_length=self._limits.max_source_positions,
            max_decoding_length=min(int(1.5 * longest + 10) + len(start), self._translation.max_target_positions),
        )
        return [result.hypotheses[0][len(start) :] for result in results]


class TorchModel:
    """A checkpoint in float32 in torch: greedy, with a cache of keys and values, in batches sorted by length."""

    def __init__(self, folder: Path, setup: Setup) -> None:
        import torch

        from xlmcli.checkpoint.weights import load_seq2seq

        torch.set_num_threads(setup.num_threads)
        self._model, config = load_seq2seq(folder)
        self._model.eval()
        self._langs = (config.lang2id[setup.direction.src], config.lang2id[setup.direction.tgt])
        self._direction = setup.direction
        self._tokenizer = load_tokenizer(folder)

    def translate(self, sources: Sequence[list[int]]) -> list[str]:
        """Translates ids without special tokens to text."""
        import torch

        from xlmcli.train.translation.validation import ParallelText, translate

        texts = ParallelText(self._direction, self._langs, [], list(sources), [])
        return translate(self._model, texts, self._tokenizer, torch.device("cpu"))
