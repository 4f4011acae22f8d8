"""Who classifies and encodes: the installed ``xlm``, the engine without it, and transformers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import ctranslate2
import numpy as np

from benchmarks.processes import XLM
from xlmcli.bundle import Bundle
from xlmcli.infer.batching import plan_batches
from xlmcli.text import Tokenizer

if TYPE_CHECKING:
    import torch

Task = Literal["classify", "encode"]

_TORCH_BATCH = 32


@dataclass(frozen=True, slots=True)
class EncoderSetup:
    """What all contenders share.

    Attributes:
        task: What is done with texts.
        bundle: The model.
        tokenizer: Its tokenizer.
        lang: Language that all texts are said to be in.
        num_threads: Threads of each contender; the engine works on as many batches at once, as `xlm` has it.
        max_batch_tokens: Most tokens of a batch of the engine.
        folder: For files that come and go.
    """

    task: Task
    bundle: Bundle
    tokenizer: Tokenizer
    lang: str
    num_threads: int
    max_batch_tokens: int
    folder: Path

    def command(self, lang: str) -> list[str]:
        """Returns the command line that answers standard input on standard output."""
        return [
            *(XLM, self.task, "--quiet", "--model", str(self.bundle.path), "--device", "cpu", "--lang", lang),
            *("--max-batch-tokens", str(self.max_batch_tokens)),
            *("--threads", "1", "--workers", str(self.num_threads)),
        ]

    def corpus_command(self, lang: str) -> list[str]:
        """Returns the same for a whole corpus, whose vectors become an array."""
        array = [] if self.task == "classify" else ["-o", str(self.folder / "vectors.npy")]
        return [*self.command(lang), *array]


class BareEncoder:
    """CTranslate2 alone, from ids to states, in batches of texts of like length."""

    def __init__(self, setup: EncoderSetup) -> None:
        manifest = setup.bundle.manifest
        self._setup = setup
        vocab = setup.tokenizer.vocab
        self._ends = vocab.index(manifest.tokens.bos), vocab.index(manifest.tokens.eos)
        # Row 0 of the engine's table is no language.
        self._lang_row = manifest.languages[setup.lang] + 1 if manifest.language_input == "token_types" else None
        self._encoder = ctranslate2.Encoder(
            "bundle",
            device="cpu",
            inter_threads=setup.num_threads,
            intra_threads=1,
            files=setup.bundle.read_files(),
        )
        self._threads = ThreadPoolExecutor(setup.num_threads)

    def encode(self, texts: Sequence[Sequence[int]]) -> None:
        """Encodes ids without special tokens."""
        plan = plan_batches([len(ids) for ids in texts], self._setup.max_batch_tokens)
        for _ in self._threads.map(lambda batch: self._forward([texts[index] for index in batch]), plan):
            pass

    def encode_line(self, ids: Sequence[int]) -> None:
        """Encodes the ids of one line, without special tokens."""
        self._forward([ids])

    def _forward(self, batch: Sequence[Sequence[int]]) -> None:
        first, last = self._ends
        sequences = [[first, *ids, last] for ids in batch]
        rows = None if self._lang_row is None else [[self._lang_row] * len(ids) for ids in sequences]
        np.asarray(self._encoder.forward_batch(sequences, token_type_ids=rows).last_hidden_state)


class TransformersEncoder:
    """A checkpoint in float32 in transformers, in batches of 32 texts, as its users write it."""

    def __init__(self, folder: Path, setup: EncoderSetup) -> None:
        import torch
        from transformers import XLMForSequenceClassification, XLMModel
        from transformers.utils import logging

        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        torch.set_num_threads(setup.num_threads)
        kind: Any = XLMForSequenceClassification if setup.task == "classify" else XLMModel
        self._model = kind.from_pretrained(folder).eval()
        self._task = setup.task
        config = self._model.config
        self._lang_id = config.lang2id[setup.lang] if config.use_lang_emb and config.n_langs > 1 else None
        self._pad_id = config.pad_token_id
        tokens, vocab = setup.bundle.manifest.tokens, setup.tokenizer.vocab
        self._ends = vocab.index(tokens.bos), vocab.index(tokens.eos)

    def run(self, texts: Sequence[Sequence[int]], *, is_sorted: bool) -> list[int]:
        """Classifies or encodes ids without special tokens; returns the label of each text, in order, of a classifier.

        Args:
            texts: The ids.
            is_sorted: Put texts of like length into a batch, rather than those that follow each other.
        """
        order = (
            sorted(range(len(texts)), key=lambda index: -len(texts[index])) if is_sorted else list(range(len(texts)))
        )
        labels = [0] * len(texts)
        for start in range(0, len(texts), _TORCH_BATCH):
            indices = order[start : start + _TORCH_BATCH]
            for index, label in zip(indices, self._forward([texts[index] for index in indices]), strict=False):
                labels[index] = label
        return labels

    def _forward(self, batch: Sequence[Sequence[int]]) -> list[int]:
        import torch

        first, last = self._ends
        longest = max(map(len, batch)) + 2
        ids = torch.full((len(batch), longest), self._pad_id)
        mask = torch.zeros_like(ids)
        for row, text in enumerate(batch):
            ids[row, : len(text) + 2] = torch.tensor([first, *text, last])
            mask[row, : len(text) + 2] = 1
        langs = None if self._lang_id is None else torch.full_like(ids, self._lang_id)
        with torch.inference_mode():
            output = self._model(input_ids=ids, attention_mask=mask, langs=langs)
            if self._task == "classify":
                return list(map(int, output.logits.argmax(dim=-1)))
            _mean(output.last_hidden_state, mask)
            return []


def _mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Returns the mean of each text's states, (batch, dim), of (batch, length, dim) and a mask of its tokens."""
    weights = mask.unsqueeze(-1)
    return (states * weights).sum(dim=1) / weights.sum(dim=1)
