from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from xlmcli.train.core.batches import BatchQueue
from xlmcli.train.core.objective import Loss, Stream
from xlmcli.train.data.sampling import BatchSampler, Share


class Drawn:
    def __init__(self, rows: list[int], chance: float, thread: str) -> None:
        self.rows, self.chance, self.thread = rows, chance, thread

    def loss(self, model: nn.Module, device: torch.device) -> Loss:
        return Loss(torch.tensor(self.chance), len(self.rows))


class Rows:
    """Draws rows of a text of nine sentences."""

    def __init__(
        self,
        name: str,
        *,
        tokens: int = 12,
        most: int | None = None,
        seed: int = 0,
        processes: int = 1,
        cut: int = 9,
    ) -> None:
        lens, repeats = np.arange(1, 10).clip(max=cut), np.ones(9, dtype=np.float32)
        self.name, self.num_draws = name, 0
        sampler = BatchSampler(lens, repeats, tokens, (seed, len(name)), Share(0, processes), most)
        self.streams = [Stream(name, 9.0, "", sampler, None, (0,))]

    def draw(self, rng: np.random.Generator) -> Drawn:
        self.num_draws += 1
        return Drawn(self.streams[0].sampler.next().tolist(), rng.random(), threading.current_thread().name)


def take(queue: BatchQueue, first: int, end: int) -> list[tuple[list[int], float]]:
    return [(batch.rows, batch.chance) for step in range(first, end) for batch in queue.take(step)]


def test_batches_are_those_that_objectives_draw_in_turns() -> None:
    queue, (a, bb) = BatchQueue([Rows("a"), Rows("bb")], 7, 2), (Rows("a"), Rows("bb"))
    expected = []
    for step in range(20):
        for number in range(2):
            batch = (a, bb)[step % 2].draw(np.random.default_rng((7, step, number)))
            expected.append((batch.rows, batch.chance))
    assert take(queue, 0, 20) == expected
    queue.close()


def test_one_step_is_drawn_ahead_in_a_thread() -> None:
    rows = Rows("a")
    queue = BatchQueue([rows], 0, 1)
    (batch,) = queue.take(0)
    assert batch.thread.startswith("batches")
    deadline = time.monotonic() + 10
    while rows.num_draws < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    queue.close()
    assert rows.num_draws == 2


@pytest.mark.parametrize("num_taken", range(6))
def test_what_was_drawn_ahead_is_drawn_again_after_a_resume(num_taken: int) -> None:
    whole = BatchQueue([Rows("a"), Rows("bb")], 0, 3)
    expected = take(whole, 0, 12)
    first = BatchQueue([Rows("a"), Rows("bb")], 0, 3)
    head = take(first, 0, num_taken)
    first.close()
    second = BatchQueue([Rows("a"), Rows("bb")], 0, 3)
    assert second.move(first.positions, first.makings) == []
    assert second.positions == first.positions
    assert head + take(second, num_taken, 12) == expected
    for queue in (whole, second):
        queue.close()


CHANGES: dict[str, dict[str, Any]] = {
    "tokens in a batch: 12, not 20": {"tokens": 20},
    "sentences in a batch: none, not 2": {"most": 2},
    "seed: 0, 1, not 1, 1": {"seed": 1},
    "processes: 1, not 2": {"processes": 2},
    "tokens: 45, not 39": {"cut": 6},
}


@pytest.mark.parametrize("difference", CHANGES)
@pytest.mark.parametrize("num_taken", [0, 1, 3])
def test_among_other_batches_a_place_is_the_next_epoch(num_taken: int, difference: str) -> None:
    """No text is drawn twice within an epoch, and none is left out of one that is gone through."""
    first = BatchQueue([Rows("a"), Rows("bb")], 0, 1)
    take(first, 0, num_taken)
    first.close()
    assert all(places[name][0] == 0 for places in first.positions for name in places)
    changed, same = Rows("a", **CHANGES[difference]), Rows("bb")
    second = BatchQueue([changed, same], 0, 1)
    warnings = second.move(first.positions, first.makings)
    if num_taken == 0:
        assert (warnings, second.positions) == ([], first.positions)
    else:
        (warning,) = warnings
        assert f"text in a for a is in other batches ({difference}): what is left of its epoch 1 is skipped" == warning
        assert second.positions == [{"a": (1, 0)}, first.positions[1]]
    sampler = changed.streams[0].sampler
    rows = [row for _ in range(sampler.epoch_batches()) for row in sampler.next().tolist()]
    assert len(rows) == len(set(rows)) == (9 if "processes" not in difference else len(rows))
    second.close()


def test_an_error_of_drawing_comes_out_where_batches_are_taken() -> None:
    class Broken(Rows):
        def draw(self, rng: np.random.Generator) -> Drawn:
            if self.num_draws == 1:
                raise OSError("gone")
            return super().draw(rng)

    queue = BatchQueue([Broken("a")], 0, 1)
    queue.take(0)
    with pytest.raises(OSError, match="gone"):
        queue.take(1)
    queue.close()
