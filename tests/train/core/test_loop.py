"""The training loop: resuming, stopping, keeping the best, averaging."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from xlmcli import signals
from xlmcli.checkpoint.config import load_config
from xlmcli.checkpoint.training_state import load_training_state, save_training_state
from xlmcli.errors import ModelError, TrainingError, UsageError
from xlmcli.train.core.log import JsonLog
from xlmcli.train.core.loop import RunState, Trainer
from xlmcli.train.core.objective import Loss, Stream
from xlmcli.train.core.optim import OptimOptions
from xlmcli.train.core.options import LoopOptions, RunOptions
from xlmcli.train.core.progress import Reporter, TrainingProgress
from xlmcli.train.core.setup import make_accelerator
from xlmcli.train.core.validation import Scores
from xlmcli.train.data.corpus import TextData
from xlmcli.train.pretraining.run import pretrain
from xlmcli.train.translation.run import train_translation

LOOP = LoopOptions(max_steps=9, log_every=1, valid_every=4, precision="fp32")

MakeOptions = Callable[..., Any]
ReadLog = Callable[[Path, str], list[dict[str, Any]]]


class Interruption:
    """Presses Ctrl-C when a step is done."""

    def __init__(self, step: int, number: int = signal.SIGINT) -> None:
        self._step, self._number = step, number

    def progress(self, progress: TrainingProgress) -> None:
        if progress.step == self._step:
            signal.raise_signal(self._number)

    def loaded(self, text: TextData) -> None:
        pass

    def validated(self, step: int, elapsed_seconds: float, scores: Scores, is_best: bool) -> None:
        pass


@pytest.fixture(params=["pretraining", "translation"])
def run(
    request: pytest.FixtureRequest, pretrain_options: MakeOptions, train_options: MakeOptions
) -> Callable[..., RunState]:
    """Runs MLM and TLM, or MT, AE and BT: ``run(folder, loop, resume=…, reporters=…)``."""
    is_pretraining = request.param == "pretraining"

    def start(
        folder: Path, loop: LoopOptions = LOOP, *, resume: bool = False, reporters: tuple[Reporter, ...] = ()
    ) -> RunState:
        log = JsonLog(folder)
        if is_pretraining:
            return pretrain(pretrain_options(folder, loop, resume=resume), [log, *reporters])
        return train_translation(train_options(folder, loop, resume=resume), [log, *reporters])

    return start


def training_state(folder: Path) -> dict[str, Any]:
    state = load_training_state(folder / "training" / "state.pt")
    del state["run"]["elapsed_seconds"]
    return state


def assert_same(first: Any, second: Any, place: str = "") -> None:
    """Compares nested states to the last bit."""
    if isinstance(first, dict):
        assert first.keys() == second.keys(), place
        for key in first:
            assert_same(first[key], second[key], f"{place}/{key}")
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), place
        for index, (one, other) in enumerate(zip(first, second, strict=True)):
            assert_same(one, other, f"{place}/{index}")
    elif isinstance(first, Tensor):
        assert torch.equal(first, second), place
    else:
        assert first == second, place


def without_times(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {k: v for k, v in record.items() if k not in ("elapsed_seconds", "tokens_per_second")} for record in records
    ]


@pytest.mark.parametrize("interrupted_after", [3, 4])
def test_a_resumed_run_is_one_that_never_stopped(
    run: Callable[..., RunState], read_log: ReadLog, tmp_path: Path, interrupted_after: int
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(whole)
    with pytest.raises(KeyboardInterrupt):
        run(parts, reporters=(Interruption(interrupted_after),))
    assert training_state(parts)["run"]["step"] == interrupted_after
    state = run(parts, resume=True)
    assert state.step == 9
    for event in ("train", "valid"):
        expected, records = (without_times(read_log(folder, event)) for folder in (whole, parts))
        assert records == expected
    assert [record["step"] for record in read_log(parts, "train")] == list(range(1, 10))
    assert_same(load_file(whole / "model.safetensors"), load_file(parts / "model.safetensors"))
    assert_same(training_state(whole), training_state(parts))


def test_every_step_moves_the_weights_and_the_data(run: Callable[..., RunState], tmp_path: Path) -> None:
    # What the comparison above rests on: at the step where it resumes there is something to lose.
    run(tmp_path / "a", replace(LOOP, max_steps=3))
    run(tmp_path / "b", replace(LOOP, max_steps=4))
    first, second = (training_state(tmp_path / name) for name in ("a", "b"))
    assert first["positions"] != second["positions"]
    assert not torch.equal(first["optimizer"]["state"][0]["exp_avg"], second["optimizer"]["state"][0]["exp_avg"])


def test_seeds_differ(run: Callable[..., RunState], read_log: ReadLog, tmp_path: Path) -> None:
    short = replace(LOOP, max_steps=2)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(tmp_path / name, replace(short, seed=seed))
    losses = [[record["losses"] for record in read_log(tmp_path / name, "train")] for name in ("a", "b", "c")]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


@pytest.mark.parametrize("number", signals.ENDING)
def test_interruption_saves_and_gives_the_signals_back(
    pretrain_options: MakeOptions, tmp_path: Path, number: int
) -> None:
    handlers = [signal.getsignal(n) for n in signals.ENDING]
    with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else SystemExit) as caught:
        pretrain(pretrain_options(tmp_path, LOOP), [Interruption(2, number)])
    assert [signal.getsignal(n) for n in signals.ENDING] == handlers
    assert getattr(caught.value, "code", 128 + signal.SIGINT) == 128 + number
    assert training_state(tmp_path)["run"]["step"] == 2


def test_a_run_interrupted_at_its_last_step_still_gets_its_model(pretrain_options: MakeOptions, tmp_path: Path) -> None:
    loop = replace(LOOP, max_steps=3)
    with pytest.raises(KeyboardInterrupt):
        pretrain(pretrain_options(tmp_path, loop), [Interruption(3)])
    state = pretrain(pretrain_options(tmp_path, loop, resume=True), [])
    assert state.step == 3
    assert (tmp_path / "model.safetensors").exists()


def test_a_run_of_other_objectives_cannot_be_resumed(pretrain_options: MakeOptions, tmp_path: Path) -> None:
    pretrain(pretrain_options(tmp_path, replace(LOOP, max_steps=1)), [])
    options = replace(pretrain_options(tmp_path, LOOP, resume=True), objectives=("tlm", "mlm"))
    with pytest.raises(TrainingError, match=r"has other text: objectives: mlm(, tlm)?, not tlm, mlm"):
        pretrain(options, [])


def test_a_run_of_other_sizes_cannot_be_resumed_and_stays_whole(pretrain_options: MakeOptions, tmp_path: Path) -> None:
    options = pretrain_options(tmp_path, replace(LOOP, max_steps=1))
    pretrain(options, [])
    before = load_config(tmp_path)
    for changes in ({"dim": 32}, {"num_heads": 4}, {"gelu": False}):
        other = replace(options, size=replace(options.size, **changes), run=replace(options.run, resume=True))
        with pytest.raises((UsageError, ModelError)):
            pretrain(other, [])
        assert load_config(tmp_path) == before


@pytest.mark.parametrize("damage", [b"", b"nonsense"])
def test_a_damaged_state_is_a_model_error(pretrain_options: MakeOptions, tmp_path: Path, damage: bytes) -> None:
    pretrain(pretrain_options(tmp_path, replace(LOOP, max_steps=1)), [])
    (tmp_path / "training" / "state.pt").write_bytes(damage)
    with pytest.raises(ModelError, match=r"state\.pt: damaged training state"):
        pretrain(pretrain_options(tmp_path, LOOP, resume=True), [])


def test_a_run_that_is_killed_goes_on_from_what_it_saved(run: Callable[..., RunState], tmp_path: Path) -> None:
    class Kill(Interruption):
        """Ends the run at once, as nothing but a kill does."""

        def progress(self, progress: TrainingProgress) -> None:
            if progress.step == self._step:
                raise ZeroDivisionError

    loop = replace(LOOP, max_steps=7, valid_every=100, save_seconds=0.0)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(whole, loop)
    with pytest.raises(ZeroDivisionError):
        run(killed, loop, reporters=(Kill(5),))
    assert training_state(killed)["run"]["step"] == 4
    run(killed, loop, resume=True)
    assert_same(training_state(killed), training_state(whole))


def test_resumed_time_counts(pretrain_options: MakeOptions, tmp_path: Path) -> None:
    first = pretrain(pretrain_options(tmp_path, replace(LOOP, max_steps=3)), [])
    second = pretrain(pretrain_options(tmp_path, replace(LOOP, max_steps=4), resume=True), [])
    assert second.elapsed_seconds > first.elapsed_seconds > 0


# From here on, a model of one weight and made-up scores: what the loop does, whatever it trains.


class OneWeight(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, slope: float) -> Tensor:
        return slope * self.weight.sum()


class Slope:
    """Pulls the weight down, or gives a loss that is not a number."""

    name = "slope"
    streams: tuple[Stream, ...] = ()

    def __init__(self, slope: float = 1.0) -> None:
        self._slope = slope

    def draw(self, rng: np.random.Generator) -> Slope:
        return self

    def loss(self, model: nn.Module, device: torch.device) -> Loss:
        return Loss(model(self._slope), 7)


MakeTrainer = Callable[..., Trainer]


class Recorder:
    def __init__(self) -> None:
        self.progresses: list[TrainingProgress] = []
        self.validations: list[tuple[int, float, bool]] = []

    def progress(self, progress: TrainingProgress) -> None:
        self.progresses.append(progress)

    def loaded(self, text: TextData) -> None:
        pass

    def validated(self, step: int, elapsed_seconds: float, scores: Scores, is_best: bool) -> None:
        self.validations.append((step, scores.rank[0], is_best))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def make_trainer(tmp_path: Path, recorder: Recorder) -> MakeTrainer:
    """``make_trainer(loop, scores, objectives)``; scores come one a validation, or are a function of the weight."""

    def make(
        loop: LoopOptions,
        scores: list[float] | Callable[[float], float],
        objectives: tuple[Slope, ...] = (Slope(),),
        lr: float = 0.1,
        **optim: float,
    ) -> Trainer:
        model = OneWeight()
        remaining = iter(scores) if isinstance(scores, list) else None

        class FakeValidator:
            @property
            def text(self) -> dict[str, str]:
                return {}

            def __call__(self) -> Scores:
                assert not model.training
                weight = float(model.weight.detach())
                score = next(remaining) if remaining is not None else scores(weight)
                return Scores({"score": score}, (score,))

        options = RunOptions(tmp_path, False, "cpu", loop, OptimOptions(lr, warmup=0, **optim))  # type: ignore[arg-type]
        return Trainer(model, objectives, FakeValidator(), options, [recorder], make_accelerator(options))

    return make


def best_weight(folder: Path) -> float:
    return float(load_file(folder / "model.safetensors")["weight"])


def test_the_best_model_is_kept(make_trainer: MakeTrainer, recorder: Recorder, tmp_path: Path) -> None:
    weights: list[float] = []
    scores = iter([1.0, 3.0, 2.0])

    def score(weight: float) -> float:
        weights.append(weight)
        return next(scores)

    state = make_trainer(LoopOptions(max_steps=6, valid_every=2), score).run()
    assert recorder.validations == [(2, 1.0, True), (4, 3.0, True), (6, 2.0, False)]
    assert (state.best, state.num_worse) == ((3.0,), 1)
    assert best_weight(tmp_path) == weights[1]
    assert [path.name for path in (tmp_path / "training").iterdir()] == ["state.pt"]


def test_the_last_steps_are_validated_too(make_trainer: MakeTrainer, recorder: Recorder) -> None:
    make_trainer(LoopOptions(max_steps=5, valid_every=2), [1.0, 2.0, 3.0]).run()
    assert [step for step, _, _ in recorder.validations] == [2, 4, 5]


def test_patience_ends_a_run(make_trainer: MakeTrainer, recorder: Recorder) -> None:
    state = make_trainer(LoopOptions(valid_every=2, patience=2), [1.0, 2.0, 2.0, 3.0, 2.5, 1.0]).run()
    assert (state.step, state.best, state.num_worse) == (12, (3.0,), 2)
    assert len(recorder.validations) == 6


def test_a_time_budget_ends_a_run(make_trainer: MakeTrainer) -> None:
    state = make_trainer(LoopOptions(max_seconds=0.3, valid_every=10**9), [1.0]).run()
    assert state.step > 1
    assert 0.3 <= state.elapsed_seconds < 3


def test_the_budget_that_is_further_along_counts(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(LoopOptions(max_steps=10, max_seconds=100), [])
    shares = []
    for step, seconds in ((0, 0.0), (5, 10.0), (5, 80.0), (20, 0.0)):
        trainer.state.step, trainer.state.elapsed_seconds = step, seconds
        shares.append(trainer.share_spent())
    assert shares == [0, 0.5, 0.8, 1]
    assert make_trainer(LoopOptions(patience=1), []).share_spent() == 0


def test_progress_is_reported_as_often_as_asked(make_trainer: MakeTrainer, recorder: Recorder) -> None:
    loop = LoopOptions(max_steps=6, log_every=2, accumulate=3)
    make_trainer(loop, [1.0], (Slope(0.0), Slope(0.0))).run()
    assert [progress.step for progress in recorder.progresses] == [2, 4, 6]
    assert [progress.share for progress in recorder.progresses] == pytest.approx([1 / 3, 2 / 3, 1])
    assert all(progress.losses == {"slope": 0.0} for progress in recorder.progresses)
    assert recorder.progresses[0].lr == pytest.approx(0.1 / math.sqrt(2))
    assert all(progress.tokens_per_second > 0 for progress in recorder.progresses)


def test_the_average_of_checkpoints_is_kept_when_it_is_better(
    make_trainer: MakeTrainer, recorder: Recorder, tmp_path: Path
) -> None:
    weights: list[float] = []

    def score(weight: float) -> float:
        weights.append(weight)
        return 10.0 if len(weights) == 4 else float(len(weights))

    trainer = make_trainer(LoopOptions(max_steps=6, valid_every=2, average=2), score)
    state = trainer.run()
    assert recorder.validations == [(2, 1.0, True), (4, 2.0, True), (6, 3.0, True), (6, 10.0, True)]
    assert weights[3] == pytest.approx((weights[1] + weights[2]) / 2)
    assert best_weight(tmp_path) == weights[3]
    assert float(trainer.bare_model.weight.detach()) == weights[2]
    assert state.best == (10.0,)
    # A resumed run must not take a worse model for a better one.
    assert load_training_state(tmp_path / "training" / "state.pt")["run"]["best"] == (10.0,)
    names = {path.name for path in (tmp_path / "training").glob("*.safetensors")}
    assert names == {"step-4.safetensors", "step-6.safetensors"}


def test_a_resumed_run_may_average_fewer(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    weights: list[float] = []

    def score(weight: float) -> float:
        weights.append(weight)
        return float(len(weights))

    make_trainer(LoopOptions(max_steps=6, valid_every=2, average=3), score).run()
    trainer = make_trainer(LoopOptions(max_steps=6, valid_every=2, average=2), score)
    trainer.resume()
    trainer.run()
    assert best_weight(tmp_path) == pytest.approx((weights[1] + weights[2]) / 2)


def test_an_interruption_changes_neither_the_average_nor_what_it_is_of(
    pretrain_options: MakeOptions, tmp_path: Path
) -> None:
    loop = replace(LOOP, max_steps=6, valid_every=2, average=3)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    pretrain(pretrain_options(whole, loop), [])
    with pytest.raises(KeyboardInterrupt):
        pretrain(pretrain_options(parts, loop), [Interruption(5)])
    # As after a crash between a snapshot and the state that belongs to it.
    (parts / "training" / "step-999.safetensors").write_bytes((parts / "training" / "step-4.safetensors").read_bytes())
    pretrain(pretrain_options(parts, loop, resume=True), [])
    assert_same(load_file(whole / "model.safetensors"), load_file(parts / "model.safetensors"))
    assert {path.name for path in (parts / "training").glob("*.safetensors")} == {
        f"step-{step}.safetensors" for step in (2, 4, 6)
    }


def test_other_text_cannot_be_resumed(pretrain_options: MakeOptions, tmp_path: Path) -> None:
    pretrain(pretrain_options(tmp_path, replace(LOOP, max_steps=1)), [])
    options = pretrain_options(tmp_path, LOOP, resume=True)
    source, *others = options.data.mono
    with pytest.raises(TrainingError, match=r"has other text: text in fr for mlm: 40 lines, not 20 lines; beg"):
        pretrain(replace(options, data=replace(options.data, mono=(source,))), [])
    twice = replace(source, repeat=1.5)
    with pytest.raises(TrainingError, match=r"has other text: text in en for mlm: 40 lines, not 50 lines$"):
        pretrain(replace(options, data=replace(options.data, mono=(twice, *others))), [])
    changed = tmp_path / "changed.txt"
    changed.write_text("\n".join(source.path.read_text().splitlines()[::-1]))
    with pytest.raises(TrainingError, match=r"has other text: beginning of text in en for mlm: \w+, not \w+$"):
        pretrain(replace(options, data=replace(options.data, mono=(replace(source, path=changed), *others))), [])


def test_other_held_out_text_cannot_be_resumed(
    pretrain_options: MakeOptions, train_options: MakeOptions, tmp_path: Path
) -> None:
    """The best score so far would be compared with scores of other text."""
    runs: list[tuple[MakeOptions, Callable[..., Any], str]] = [
        (pretrain_options, pretrain, "en mlm"),
        (train_options, train_translation, "en-fr"),
    ]
    for make, train, name in runs:
        folder = tmp_path / train.__name__
        train(make(folder, replace(LOOP, max_steps=1)), [])
        options = make(folder, LOOP, resume=True)
        (source,) = options.data.valid
        for change in (lambda lines: lines[:-1], lambda lines: lines[::-1]):
            path = tmp_path / "changed.tsv"
            path.write_text("\n".join(change(source.path.read_text().splitlines())))
            changed = replace(options, data=replace(options.data, valid=(replace(source, path=path),)))
            with pytest.raises(TrainingError, match=f"has other text: .*held-out text in {name}: "):
                train(changed, [])


def test_a_run_goes_on_with_other_batches_and_says_so(
    train_options: MakeOptions, read_log: ReadLog, tmp_path: Path
) -> None:
    options = train_options(tmp_path, replace(LOOP, max_steps=4))
    train_translation(options, [])
    before = training_state(tmp_path)
    assert all(list(places) == list(before["batches"][number]) for number, places in enumerate(before["positions"]))
    larger = replace(options.data, batch_tokens=320)
    again = replace(options, data=larger, run=replace(options.run, resume=True, loop=replace(LOOP, max_steps=5)))
    train_translation(again, [JsonLog(tmp_path)])
    warnings = [record["text"] for record in read_log(tmp_path, "warning")]
    begun = [name for places in before["positions"] for name, (_, batch) in places.items() if batch]
    assert len(warnings) == len(begun) > 0
    assert all("(tokens in a batch: 160, not 320)" in warning for warning in warnings)
    # From then on its places are among these, and of a run of an older version nobody can tell.
    state = load_training_state(tmp_path / "training" / "state.pt")
    del state["batches"]
    save_training_state(state, tmp_path / "training" / "state.pt")
    for loop in (replace(LOOP, max_steps=6), replace(LOOP, max_steps=7)):
        train_translation(replace(again, run=replace(again.run, loop=loop)), [JsonLog(tmp_path)])
    assert len(read_log(tmp_path, "warning")) == len(warnings)


def test_a_resumed_run_learns_as_the_options_say_now(make_trainer: MakeTrainer) -> None:
    make_trainer(LoopOptions(max_steps=1), [1.0]).run()
    trainer = make_trainer(LoopOptions(max_steps=2), [1.0], weight_decay=0.5, beta2=0.9)
    trainer.resume()
    (group,) = trainer.optimizer.param_groups
    assert (group["weight_decay"], group["betas"]) == (0.5, (0.9, 0.9))


def test_a_worse_average_is_not_kept(make_trainer: MakeTrainer, recorder: Recorder, tmp_path: Path) -> None:
    weights: list[float] = []

    def score(weight: float) -> float:
        weights.append(weight)
        return -weight if len(weights) < 4 else -100.0

    make_trainer(LoopOptions(max_steps=6, valid_every=2, average=3), score).run()
    assert recorder.validations[-1] == (6, -100.0, False)
    assert best_weight(tmp_path) == weights[2]


@pytest.mark.parametrize("slope", [math.nan, math.inf])
def test_a_gradient_that_is_no_number_stops_the_run(make_trainer: MakeTrainer, slope: float) -> None:
    handler = signal.getsignal(signal.SIGINT)
    trainer = make_trainer(LoopOptions(max_steps=6), [], (Slope(), Slope(slope)))
    with pytest.raises(TrainingError, match="step 2: the gradient is not a number") as caught:
        trainer.run()
    assert "lower the learning rate" in str(caught.value.hint)
    assert math.isfinite(float(trainer.bare_model.weight.detach()))
    assert signal.getsignal(signal.SIGINT) is handler


def test_gradients_are_clipped(make_trainer: MakeTrainer) -> None:
    norms = []
    trainer = make_trainer(LoopOptions(max_steps=1, clip=5.0), [1.0], (Slope(1e4),))
    step = trainer.optimizer.step
    trainer.optimizer.step = lambda: (norms.append(float(trainer.bare_model.weight.grad)), step())
    trainer.run()
    assert norms == [pytest.approx(5.0)]


def test_objectives_take_turns(make_trainer: MakeTrainer, recorder: Recorder) -> None:
    first, second = Slope(0.0), Slope(0.0)
    second.name = "other"
    make_trainer(LoopOptions(max_steps=4, log_every=1), [1.0], (first, second)).run()
    assert [list(progress.losses) for progress in recorder.progresses] == [["slope"], ["other"]] * 2
