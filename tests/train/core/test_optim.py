from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from xlmcli.model.classifier import Classifier
from xlmcli.model.classifier_config import ClassifierConfig
from xlmcli.model.transformer import XLMLanguageModel, XLMShape
from xlmcli.train.core.optim import OptimOptions, learning_rate, make_optimizer, set_learning_rate

OPTIONS = OptimOptions(lr=1e-3, warmup=100)


def test_warmup_is_linear() -> None:
    rates = [learning_rate(OPTIONS, step, 0.0) for step in range(100)]
    assert rates[0] == pytest.approx(1e-7 + (1e-3 - 1e-7) / 100)
    assert rates[49] == pytest.approx(5e-4, rel=1e-3)
    assert rates[99] == pytest.approx(1e-3)


def test_a_run_shorter_than_the_warmup_gets_to_the_peak() -> None:
    rates = [learning_rate(replace(OPTIONS, schedule="constant"), step, step / 10) for step in range(10)]
    assert rates[:6] == pytest.approx([1e-5, 2e-4, 4e-4, 6e-4, 8e-4, 1e-3], rel=1e-2)
    assert rates[5:] == [1e-3] * 5
    long = [learning_rate(OPTIONS, step, step / 200) for step in range(100)]
    assert long == [learning_rate(OPTIONS, step, 0.0) for step in range(100)]


def test_inverse_square_root_follows() -> None:
    assert learning_rate(OPTIONS, 399, 0.1) == pytest.approx(5e-4)
    assert learning_rate(OPTIONS, 9999, 0.99) == pytest.approx(1e-4)


def test_the_rate_never_jumps() -> None:
    rates = [learning_rate(OPTIONS, step, step / 1000) for step in range(300)]
    assert max(abs(after - before) for before, after in pairwise(rates)) <= 1.1e-5


def test_cooldown_falls_to_zero_over_the_last_share() -> None:
    cooling = replace(OPTIONS, cooldown=0.2)
    plain = learning_rate(OPTIONS, 399, 0.0)
    shares = [learning_rate(cooling, 399, progress) / plain for progress in (0.5, 0.8, 0.85, 0.9, 0.95, 1.0)]
    assert shares == pytest.approx([1, 1, 0.75, 0.5, 0.25, 0], abs=1e-9)


def test_cosine_falls_to_zero_over_the_budget() -> None:
    cosine = replace(OPTIONS, schedule="cosine")
    rates = [learning_rate(cosine, 500, progress) for progress in (0, 0.25, 0.5, 1)]
    expected = [1e-3, 5e-4 * (1 + math.sqrt(0.5)), 5e-4, 0]
    assert rates == pytest.approx(expected, abs=1e-12)
    warm, next_one = learning_rate(cosine, 99, 0.1), learning_rate(cosine, 100, 0.1)
    assert warm == pytest.approx(next_one, rel=1e-3)  # the end of the warm-up is no step down
    assert learning_rate(cosine, 49, 0.1) == pytest.approx(warm / 2, rel=1e-3)


def test_a_constant_rate_stays_until_it_cools_down() -> None:
    constant = replace(OPTIONS, schedule="constant", cooldown=0.5)
    places = ((49, 0.0), (100, 0.1), (9999, 0.5), (9999, 0.75))
    rates = [learning_rate(constant, step, progress) for step, progress in places]
    assert rates == pytest.approx([5e-4, 1e-3, 1e-3, 5e-4], rel=1e-3)


def test_a_head_has_a_rate_of_its_own(shape: XLMShape) -> None:
    model = Classifier(shape, ClassifierConfig(("a", "b")))
    optimizer = make_optimizer(model, replace(OPTIONS, head_lr=5e-3))
    body, head = optimizer.param_groups
    assert {id(weight) for weight in head["params"]} == {id(weight) for weight in model.sequence_summary.parameters()}
    assert {id(weight) for weight in body["params"]} == {id(weight) for weight in model.transformer.parameters()}
    set_learning_rate(optimizer, 2e-3)
    assert (body["lr"], head["lr"]) == (2e-3, pytest.approx(1e-2))
    alike = make_optimizer(model, OPTIONS)
    set_learning_rate(alike, 2e-3)
    assert [group["lr"] for group in alike.param_groups] == [2e-3, 2e-3]


def test_no_warmup_starts_at_the_peak() -> None:
    assert learning_rate(replace(OPTIONS, warmup=0), 0, 0.0) == 1e-3


@pytest.mark.parametrize("sinusoidal", [False, True])
def test_everything_that_learns_is_optimised(shape: XLMShape, sinusoidal: bool) -> None:
    model = XLMLanguageModel(replace(shape, sinusoidal=sinusoidal))
    optimizer = make_optimizer(model, replace(OPTIONS, beta2=0.9, weight_decay=0.1))
    (group,) = optimizer.param_groups
    names = {name for name, weight in model.named_parameters() if any(weight is other for other in group["params"])}
    assert {name for name, _ in model.named_parameters()} - names == (
        {"transformer.position_embeddings.weight"} if sinusoidal else set()
    )
    assert (group["lr"], group["betas"], group["weight_decay"]) == (1e-3, (0.9, 0.9), 0.1)


def test_a_step_moves_against_the_gradient() -> None:
    layer = torch.nn.Linear(1, 1, bias=False)
    before = float(layer.weight.detach())
    optimizer = make_optimizer(layer, replace(OPTIONS, lr=0.01))
    layer(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    assert float(layer.weight.detach()) == pytest.approx(before - 0.01, abs=1e-6)
