"""Runs ``xlm`` as one of several processes; each writes the weights that it ends with beside the checkpoint."""

from __future__ import annotations

import sys

from xlmcli.checkpoint.weights import save_weights, saved_state
from xlmcli.cli import run
from xlmcli.train.core.loop import RunState, Trainer

_run = Trainer.run


def _run_and_save(self: Trainer) -> RunState:
    state = _run(self)
    save_weights(saved_state(self.bare_model), self.folder / f"process-{self.accelerator.process_index}.safetensors")
    return state


if __name__ == "__main__":
    Trainer.run = _run_and_save  # type: ignore[method-assign]
    run(sys.argv[1:])
