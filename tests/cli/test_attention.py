from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.attention.maps import AttentionMap
from xlmcli.errors import ExitCode

RunXlm = Callable[..., tuple[int, str, str]]

WEIGHTS = np.array([[[[1, 0], [0, 1]], [[0.5, 0.5], [0, 1]]], [[[0, 1], [0, 1]], [[0, 1], [1, 0]]]], dtype=np.float32)
ATTENTION = ("attention", "--text", "a b", "--format", "json")


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the model is asked, in place of which two layers of two heads answer."""
    questions: list[dict[str, Any]] = []

    def read_attention(path: Path, text: str, **options: Any) -> AttentionMap:
        questions.append({"path": path, "text": text, **options})
        return AttentionMap(("a", "b"), ("c", "d"), WEIGHTS, (1, 2), (1, 2))

    monkeypatch.setattr("xlmcli.attention.reading.read_attention", read_attention)
    return questions


@pytest.mark.parametrize(
    ("args", "layers", "heads", "weights"),
    [
        ((), [2], ["mean"], WEIGHTS[1:].mean(axis=1, keepdims=True)),
        (("--layer", 1), [1], ["mean"], WEIGHTS[:1].mean(axis=1, keepdims=True)),
        (("--layer", 1, "--head", 2), [1], [2], WEIGHTS[:1, 1:]),
        (("--head", "mean"), [2], ["mean"], WEIGHTS[1:].mean(axis=1, keepdims=True)),
        (("--all-heads",), [1, 2], [1, 2], WEIGHTS),
        (("--all-heads", "--layer", 2), [2], [1, 2], WEIGHTS[1:]),
    ],
)
def test_layers_and_heads_are_chosen(
    xlm: RunXlm, args: Sequence[object], layers: list[int], heads: list[object], weights: np.ndarray[Any, Any]
) -> None:
    code, out, err = xlm(*ATTENTION, *args)
    assert (code, err) == (0, "")
    values = {"queries": ["a", "b"], "keys": ["c", "d"], "layers": layers, "heads": heads, "weights": weights.tolist()}
    assert json.loads(out) == values


def test_entropies_of_all_heads(xlm: RunXlm) -> None:
    _, out, _ = xlm(*ATTENTION, "--entropy")
    assert json.loads(out) == {"layers": [1, 2], "heads": [1, 2], "entropy": [[0.0, 0.5], [0.0, 0.0]]}
    _, out, _ = xlm(*ATTENTION, "--entropy", "--layer", 1)
    assert json.loads(out)["entropy"] == [[0.0, 0.5]]


def test_the_model_is_asked_what_was_said(xlm: RunXlm, asked: list[dict[str, Any]], tiny_bundle: Path) -> None:
    xlm(*ATTENTION, "-m", tiny_bundle, "--src", "en", "--tgt", "fr", "--target", "c d", "--words")
    said = {"src": "en", "tgt": "fr", "target": "c d", "when": None, "by_words": True}
    expected = {"path": tiny_bundle, "text": "a b", **said}
    assert asked == [expected]


def test_a_page_is_written(xlm: RunXlm, tmp_path: Path) -> None:
    code, out, _ = xlm("attention", "--text", "a b", "--all-heads", "-o", tmp_path / "out.html")
    assert (code, out) == (0, "")
    assert "<!DOCTYPE html>" in (tmp_path / "out.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--head", 1, "--all-heads"), "--head and --all-heads together"),
        (("--all-heads", "--entropy"), "--all-heads and --entropy together"),
        (("--layer", 3), "--layer 3: the model has none"),
        (("--head", 3), "--head 3: the model has none"),
        (("--head", "all"), "'all' is neither the number of a head"),
        (("--head", 0), "'0' is neither the number of a head"),
        (("-o", "out.html"), "no file of --format json"),
    ],
)
def test_wrong_options_are_refused(xlm: RunXlm, args: Sequence[object], message: str) -> None:
    code, out, err = xlm(*ATTENTION, *args)
    assert (code, out) == (ExitCode.USAGE, "")
    assert message in err


def test_options_are_checked_before_the_model_is_asked(xlm: RunXlm, asked: list[dict[str, Any]]) -> None:
    xlm("attention", "--text", "a b", "-o", "out.jpg")
    xlm("attention", "--text", "a b", "--entropy", "-o", "out.png")
    assert asked == []


def test_text_that_is_not_utf8_is_an_error(xlm: RunXlm) -> None:
    code, _, err = xlm("attention", "--text", b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert code == ExitCode.DATA
    assert "--text:1: invalid UTF-8" in err
