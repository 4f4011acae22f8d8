"""The batches of each step, drawn in a thread while the step before is computed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from xlmcli.train.core.differences import tell_apart
from xlmcli.train.core.objective import Batch, Objective

Positions = list[dict[str, tuple[int, int]]]
"""The epoch and batch that each stream of each objective is at."""

Makings = list[dict[str, dict[str, Any]]]
"""What decides which batches each of these streams has."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The batches of a step, and where the streams were when they were drawn."""

    step: int
    batches: list[Batch]
    positions: Positions


class BatchQueue:
    """Draws one step ahead.

    Attributes:
        positions: Where the streams are after the step that was taken last: what was drawn ahead does not count.
    """

    def __init__(self, objectives: Sequence[Objective], seed: int, num_each: int) -> None:
        """Takes what it draws from.

        Args:
            objectives: They take turns, a step each.
            seed: Seed of everything random.
            num_each: Batches in a step.
        """
        self._objectives, self._seed, self._num_each = objectives, seed, num_each
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: Future[Drawn] | None = None
        self.positions = self._places()

    def take(self, step: int) -> list[Batch]:
        """The batches of a step; from then on, those of the next one are drawn."""
        future = self._ahead or self._thread.submit(self._draw, step)
        drawn = future.result()
        assert drawn.step == step
        self.positions = drawn.positions
        self._ahead = self._thread.submit(self._draw, step + 1)
        return drawn.batches

    @property
    def makings(self) -> Makings:
        """What the positions rest on."""
        return [
            {stream.name: dict(stream.sampler.making) for stream in objective.streams} for objective in self._objectives
        ]

    def move(self, positions: Positions, makings: Makings) -> list[str]:
        """Goes to places that were saved; nothing may have been taken yet.

        A place among other batches is none among these: such a stream goes on with the next epoch.

        Returns:
            Warnings: which streams do so, and why.
        """
        warnings = []
        for objective, places, then, now in zip(self._objectives, positions, makings, self.makings, strict=True):
            for stream in objective.streams:
                name, position = stream.name, stream.sampler.position
                position.epoch, position.batch = places[name]
                differences = tell_apart(then[name], now[name])
                if differences and position.batch:
                    position.epoch, position.batch = position.epoch + 1, 0
                    warnings.append(
                        f"text in {name} for {objective.name} is in other batches ({differences}): what is left of its "
                        f"epoch {position.epoch} is skipped"
                    )
        self.positions = self._places()
        return warnings

    def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown(cancel_futures=True)

    def _draw(self, step: int) -> Drawn:
        objective = self._objectives[step % len(self._objectives)]
        # Processes draw the same languages but mask different text: the place in the data differs, not the seed.
        batches = [
            objective.draw(np.random.default_rng((self._seed, step, number))) for number in range(self._num_each)
        ]
        return Drawn(step, batches, self._places())

    def _places(self) -> Positions:
        samplers = [{stream.name: stream.sampler for stream in objective.streams} for objective in self._objectives]
        return [
            {name: (sampler.position.epoch, sampler.position.batch) for name, sampler in by_name.items()}
            for by_name in samplers
        ]
