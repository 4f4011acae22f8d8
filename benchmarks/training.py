"""What training costs: xlmcli's training step against a plain ``torch.nn.Transformer`` of the same size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.comparison import Entry, Question, Row, Skipped, alternate, compare
from benchmarks.processes import time_call
from xlmcli.bundle import Architecture
from xlmcli.model.seq2seq import Seq2Seq
from xlmcli.model.transformer import XLMShape
from xlmcli.text.special import FIRST_WORD_ID, PAD_ID
from xlmcli.train.core.loop import Meter, Trainer
from xlmcli.train.core.objective import Stream
from xlmcli.train.core.optim import OptimOptions, make_optimizer
from xlmcli.train.core.options import LoopOptions, RunOptions
from xlmcli.train.core.precision import has_bfloat16
from xlmcli.train.core.setup import StreamMaker, make_accelerator
from xlmcli.train.core.validation import Scores
from xlmcli.train.data.corpus import Corpus, TextData
from xlmcli.train.data.masking import NoiseOptions
from xlmcli.train.data.sampling import Share
from xlmcli.train.translation.objectives import PairBatch, TranslationObjective, TranslationOptions, next_sides

Precision = Literal["fp32", "bf16"]

_NUM_PAIRS = 20_000
_MAX_LEN = 60
_MAX_POSITIONS = 256
_DROPOUT = 0.1
_LABEL_SMOOTHING = 0.1
_CLIP = 5.0
_SEED = 5
_OPTIM = OptimOptions(lr=1e-4)


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """Sizes of the measurement.

    Attributes:
        num_threads: Threads of both.
        batch_tokens: Longest sentence times sentences in a batch, a side.
        num_steps: Steps each does in a round.
        rounds: Rounds.
    """

    num_threads: int
    batch_tokens: int
    num_steps: int
    rounds: int


class PlainTransformer(nn.Module):
    """What one writes with PyTorch's own parts: learned positions, post-norm layers, output tied to the embedding."""

    def __init__(self, sizes: Architecture) -> None:
        super().__init__()
        self.src_embeddings = nn.Embedding(sizes.vocab_size, sizes.dim, padding_idx=PAD_ID)
        self.tgt_embeddings = nn.Embedding(sizes.vocab_size, sizes.dim, padding_idx=PAD_ID)
        self.src_positions = nn.Embedding(_MAX_POSITIONS, sizes.dim)
        self.tgt_positions = nn.Embedding(_MAX_POSITIONS, sizes.dim)
        self.dropout = nn.Dropout(_DROPOUT)
        self.transformer = nn.Transformer(
            *(sizes.dim, sizes.num_heads, sizes.encoder_layers, sizes.decoder_layers, 4 * sizes.dim, _DROPOUT),
            activation="gelu",
            batch_first=True,
        )
        self.output = nn.Linear(sizes.dim, sizes.vocab_size)
        nn.init.normal_(self.tgt_embeddings.weight, std=sizes.dim**-0.5)
        self.output.weight = self.tgt_embeddings.weight

    def forward(self, src_ids: Tensor, tgt_ids: Tensor) -> Tensor:
        """Scores every word at every target position.

        Args:
            src_ids: Source sequences, int64 (batch, src_len), right-padded.
            tgt_ids: Decoder inputs, int64 (batch, tgt_len), right-padded.

        Returns:
            Logits, (batch, tgt_len, vocab).
        """
        is_padding = src_ids == PAD_ID
        tgt_len = tgt_ids.shape[1]
        is_future = torch.ones(tgt_len, tgt_len, dtype=torch.bool).triu(1)
        src = self.src_embeddings(src_ids) + self.src_positions(torch.arange(src_ids.shape[1]))
        tgt = self.tgt_embeddings(tgt_ids) + self.tgt_positions(torch.arange(tgt_len))
        # Targets are padded on the right, where a causal decoder does not look: a mask for them would be wasted.
        states = self.transformer(
            self.dropout(src),
            self.dropout(tgt),
            tgt_mask=is_future,
            src_key_padding_mask=is_padding,
            memory_key_padding_mask=is_padding,
            tgt_is_causal=True,
        )
        return cast(Tensor, self.output(states))


class NoValidation:
    """Scores nothing."""

    @property
    def text(self) -> dict[str, str]:
        return {}

    def __call__(self) -> Scores:
        return Scores({}, ())


class OurTraining:
    """The training loop's own steps."""

    def __init__(self, sizes: Architecture, stream: Stream, precision: Precision) -> None:
        shapes = [
            XLMShape(sizes.vocab_size, 2, sizes.dim, layers, sizes.num_heads, _MAX_POSITIONS, dropout=_DROPOUT)
            for layers in (sizes.encoder_layers, sizes.decoder_layers)
        ]
        objective = TranslationObjective([stream], TranslationOptions(1.0, _LABEL_SMOOTHING, NoiseOptions()))
        run = RunOptions(Path(), False, "cpu", LoopOptions(clip=_CLIP, precision=precision), _OPTIM)
        self._trainer = Trainer(Seq2Seq(*shapes), [objective], NoValidation(), run, [], make_accelerator(run))
        self._trainer.model.train()

    def step(self) -> int:
        """Takes a step; returns the tokens of its batch."""
        meter = Meter()
        self._trainer.step(meter)
        self._trainer.state.step += 1
        return meter.num_tokens


class PlainTraining:
    """Steps of a plain transformer on the same batches, padded."""

    def __init__(self, sizes: Architecture, stream: Stream, precision: Precision) -> None:
        self._model, self._stream, self._precision = PlainTransformer(sizes), stream, precision
        self._optimizer = make_optimizer(self._model, _OPTIM)

    def step(self) -> int:
        """Takes a step; returns the tokens of its batch."""
        src, tgt = next_sides(self._stream)
        batch = PairBatch.of(src, tgt, self._stream.langs, _LABEL_SMOOTHING)
        expected = np.full(batch.tgt_ids.shape, PAD_ID)
        expected[batch.tgt_mask] = batch.expected
        targets = torch.from_numpy(expected).flatten()
        with torch.autocast("cpu", torch.bfloat16, enabled=self._precision == "bf16"):
            logits = self._model(torch.from_numpy(batch.src_ids), torch.from_numpy(batch.tgt_ids)).flatten(0, 1)
            loss = F.cross_entropy(logits, targets, ignore_index=PAD_ID, label_smoothing=_LABEL_SMOOTHING)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self._model.parameters(), _CLIP)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return int(batch.src_mask.sum()) + len(batch.expected)


def measure_training(sizes: Architecture, options: TrainingOptions) -> list[Entry]:
    """Races training steps in each precision that the processor has."""
    torch.set_num_threads(options.num_threads)
    text = _random_pairs(sizes.vocab_size)
    entries: list[Entry] = [_race(sizes, options, text, "fp32")]
    if has_bfloat16(torch.device("cpu")):
        entries.append(_race(sizes, options, text, "bf16"))
    else:
        entries.append(Skipped("training, bf16", "the processor does not compute in bfloat16"))
    return entries


def _race(sizes: Architecture, options: TrainingOptions, text: TextData, precision: Precision) -> Row:
    ours = OurTraining(sizes, _stream(text, options.batch_tokens), precision)
    theirs = PlainTraining(sizes, _stream(text, options.batch_tokens), precision)
    ours.step()
    theirs.step()
    our_costs, their_costs = alternate(
        options.rounds,
        lambda: _seconds_per_token(ours, options.num_steps),
        lambda: _seconds_per_token(theirs, options.num_steps),
    )
    question = Question(f"training, {precision}", "torch.nn.Transformer", "tokens/s", 1.0)
    return compare(question, our_costs, their_costs)


def _seconds_per_token(training: OurTraining | PlainTraining, num_steps: int) -> float:
    num_tokens: list[int] = []
    seconds = time_call(lambda: num_tokens.extend(training.step() for _ in range(num_steps)))
    return seconds / sum(num_tokens)


def _stream(text: TextData, batch_tokens: int) -> Stream:
    """Batches of pairs of like length; the same ones from each call."""
    return StreamMaker(_SEED, Share(), {"en": 0, "fr": 1}, batch_tokens).sentences(text)


def _random_pairs(vocab_size: int) -> TextData:
    """Random words in the lengths of everyday sentences: median 10 tokens, one in twenty longer than 25."""
    rng = np.random.default_rng(_SEED)
    src_lens = np.exp(rng.normal(np.log(10), 0.55, _NUM_PAIRS))
    tgt_lens = src_lens * np.exp(rng.normal(0.1, 0.2, _NUM_PAIRS))
    sides = []
    for lens in (src_lens, tgt_lens):
        starts = np.concatenate([[0], np.cumsum(lens.round().astype(np.int64).clip(1, _MAX_LEN))])
        ids = rng.integers(FIRST_WORD_ID, vocab_size, int(starts[-1]), dtype=np.int32)
        sides.append(Corpus((ids,), starts))
    return TextData(("en", "fr"), tuple(sides), np.ones(_NUM_PAIRS, np.float32), 0)
