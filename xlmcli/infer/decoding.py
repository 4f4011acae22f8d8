"""Searches for translations: how they are asked for, and what the engine's answers say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xlmcli.bundle import Frame
from xlmcli.environment import engine_variables
from xlmcli.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Decoding:
    """How translations are searched.

    Attributes:
        beam_size: Hypotheses kept; 1 is greedy.
        length_penalty: Exponent of the length by which the score of a hypothesis is divided.
        num_best: Hypotheses returned, at most ``beam_size``.
        with_scores: Return their scores.
        no_repeat_ngram: Length of the n-grams that may not come twice in a translation; 0 allows all.
        without_bytes: Spell no character in bytes, so that none can be spelt wrongly.
        with_attention: Tell where the model looked.
    """

    beam_size: int
    length_penalty: float
    num_best: int = 1
    with_scores: bool = False
    no_repeat_ngram: int = 0
    without_bytes: bool = False
    with_attention: bool = False


@dataclass(frozen=True, slots=True)
class Translated:
    """Translations of one sequence, the best first.

    Attributes:
        hypotheses: Ids without special tokens.
        scores: Score of each: its log probability over the penalised length. Zero unless scores were asked for.
        is_unfinished: Whether the best was stopped because it grew too long.
        is_respelt: Whether they were searched for without bytes, after some that were no text.
        attention: Where each piece of each hypothesis looked, (pieces, pieces of the text), if that was asked for.
    """

    hypotheses: list[list[int]]
    scores: list[float]
    is_unfinished: bool
    is_respelt: bool = False
    attention: Sequence[NDArray[np.float32]] = ()


class PendingTranslations:
    """A batch in the engine's hands.

    Args:
        results: The engine's, in the order of the batch.
        ids: The id of every piece.
        max_lens: Most tokens of each translation, those that it is made to start with not counted.
        num_forced: How many those are.
        eos: What ends a translation.
        attention: What tells where the model looked, if that was asked for.
    """

    def __init__(
        self,
        results: list[Any],
        ids: Mapping[str, int],
        max_lens: list[int],
        num_forced: int,
        eos: str,
        attention: AttentionReader | None = None,
    ) -> None:
        self._results = results
        self._ids = ids
        self._max_lens = max_lens
        self._num_forced = num_forced
        self._eos = eos
        self._attention = attention

    def wait(self) -> list[Translated]:
        """Blocks until the batch is done.

        Raises:
            ModelError: The engine failed, for example for want of memory.
        """
        with engine_errors():
            waited = [result.result() for result in self._results]
        return [self._read(row, result) for row, result in enumerate(waited)]

    def _read(self, row: int, result: Any) -> Translated:
        hypotheses = [
            [self._ids[token] for token in tokens[self._num_forced :] if token != self._eos]
            for tokens in result.hypotheses
        ]
        scores = list(result.scores) or [0.0] * len(hypotheses)
        attention = [] if self._attention is None else self._attention.read(row, result, list(map(len, hypotheses)))
        is_unfinished = len(hypotheses[0]) >= self._max_lens[row]
        return Translated(hypotheses, scores, is_unfinished, attention=attention)


@dataclass(frozen=True, slots=True)
class AttentionReader:
    """Reads where the pieces of a translation looked among those of the text.

    Attributes:
        frame: The pieces around a text and before its translation.
        lens: Number of pieces of each text of the batch.
        when_read: See `AlignmentHead`.
        starts: For each text a search of a single step, where the engine tells a wrong attention for the first.
    """

    frame: Frame
    lens: list[int]
    when_read: bool
    starts: list[Any]

    def read(self, row: int, result: Any, num_pieces: list[int]) -> list[NDArray[np.float32]]:
        """Returns the attention of each hypothesis, (pieces, pieces of the text)."""
        import numpy as np

        first, column = len(self.frame.target) + self.when_read, len(self.frame.before)
        found = []
        for rows, length in zip(result.attention, num_pieces, strict=True):
            if self.starts:
                rows[0] = self.starts[row].result().attention[0][0]
            kept = np.asarray(rows, np.float32)[first : first + length, column : column + self.lens[row]]
            # Of a translation that was stopped, the last piece was never read.
            found.append(np.pad(kept, ((0, length - len(kept)), (0, 0))))
        return found


@contextlib.contextmanager
def engine_errors() -> Iterator[None]:
    """Turns what the engine raises into a `ModelError`."""
    try:
        yield
    except RuntimeError as error:
        raise ModelError(
            f"the engine failed: {error}", hint="a smaller --max-batch-tokens needs less memory, --device cpu no GPU"
        ) from error
    # What it does not take of a model, or of what its variables say.
    except (ValueError, IndexError) as error:
        told = engine_variables()
        raise ModelError(f"the engine failed: {error}", hint=f"it reads {told}" if told else None) from error
