"""`xlm train classify`: from a pretrained model to a classifier, and what its errors look like."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli.errors import ExitCode

SIZES = ("--dim", 16, "--layers", 1, "--heads", 2, "--max-positions", 48)
RUN = ("--batch-size", 8, "--warmup", 2, "--log-every", 3, "--valid-every", 3, "--device", "cpu")
RATES = ("--encoder-lr", "3e-3", "--head-lr", "1e-2")

Xlm = Callable[..., tuple[int, str]]
ReadLog = Callable[[Path], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, sentences: dict[str, list[str]]) -> dict[str, Path]:
    """JSON lines of questions and others, a file a language."""
    folder = tmp_path_factory.mktemp("labelled")
    paths = {lang: folder / f"{lang}.jsonl" for lang in sentences}
    for lang, path in paths.items():
        rows = [{"kind": "question" if line.endswith("?") else "other", "text": line} for line in sentences[lang]]
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return paths


@pytest.fixture
def text(files: dict[str, Path]) -> tuple[object, ...]:
    valid = ("--valid", f"en={files['en']}", "--valid", f"fr={files['fr']}")
    return ("--train", f"en={files['en']},repeat=2", *valid, "--label-column", "kind")


def test_from_pretrained_to_a_classifier(
    text: tuple[object, ...], pairs: Path, tiny_tokenizer: Path, silent_xlm: Xlm, tmp_path: Path, read_log: ReadLog
) -> None:
    pretrained, folder = tmp_path / "xlm", tmp_path / "classifier"
    both = ("--parallel", f"en-fr={pairs}", "--valid", f"en-fr={pairs}", "--block-len", 24, "--max-len", 40)
    rest = ("--batch-tokens", 160, "--warmup", 2, "--max-steps", 2, "--device", "cpu", "--quiet")
    assert silent_xlm("pretrain", "--tokenizer", tiny_tokenizer, *both, *SIZES, *rest, pretrained) == (0, "")
    start = ("train", "classify", "--init", pretrained, *text, *RATES, *RUN, "--class-weights", "balanced")
    exit_code, stderr = silent_xlm(*start, "--max-epochs", 1, folder)
    assert exit_code == 0, stderr
    log = read_log(folder)
    assert [(event["event"], event.get("step")) for event in log] == [
        ("train", 3), ("valid", 3), ("valid", 5), ("run", None)
    ]  # fmt: skip
    assert set(log[0]["losses"]) == {"classify"}
    assert set(log[1]["scores"]) == {"en f1", "en acc", "fr zero-shot f1", "fr zero-shot acc"}
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["XLMForSequenceClassification"]
    assert config["id2label"] == {"0": "other", "1": "question"}
    assert (config["problem_type"], config["summary_type"]) == ("single_label_classification", "first")
    assert config["xlm_temperature"] == log[-1]["temperature"]
    assert (folder / "tokenizer.model").read_bytes() == (tiny_tokenizer / "tokenizer.model").read_bytes()
    lines = stderr.splitlines()
    assert lines[0] == "en: 20 lines"
    assert lines[1].startswith(" 60%  step 3  classify ")
    assert lines[2].startswith("step 3  0 min  en f1 ")
    assert "  fr zero-shot f1 " in lines[2]
    assert lines[-1].startswith("temperature ")

    exit_code, stderr = silent_xlm(*start, "--max-epochs", 2, "--resume", folder)
    assert exit_code == 0, stderr
    assert [event.get("step") for event in read_log(folder)[4:] if event["event"] != "data"] == [6, 6, 9, 9, 10, None]


def test_random_weights_and_several_seeds(
    text: tuple[object, ...], tiny_tokenizer: Path, silent_xlm: Xlm, tmp_path: Path, read_log: ReadLog
) -> None:
    start = ("train", "classify", "--tokenizer", tiny_tokenizer, *SIZES, *text, *RATES, *RUN)
    exit_code, stderr = silent_xlm(
        *start, "--max-steps", 3, "--seeds", 2, "--seed", 1, "--select", "en,fr", tmp_path / "x"
    )
    assert exit_code == 0, stderr
    runs = [event for event in read_log(tmp_path / "x") if event["event"] == "run"]
    assert [list(run)[1:] for run in runs] == [
        ["seed"], ["temperature", "loss", "calibrated loss"], ["seed"], ["temperature", "loss", "calibrated loss"],
        ["best seed", "mean f1", "spread f1"],
    ]  # fmt: skip
    assert "\nseed 1\n" in stderr
    assert "  mean f1 " in stderr
    names = {"config.json", "log.jsonl", "model.safetensors", "seed-1", "seed-2", "tokenizer.model"}
    assert {path.name for path in (tmp_path / "x").iterdir()} == names


def test_one_classifier_teaches_another(tiny_tokenizer: Path, silent_xlm: Xlm, tmp_path: Path) -> None:
    labels = ('[{"label": "other", "probability": 0.9}, {"label": "question", "probability": 0.1}]', '"other"')
    for name, label in zip(("said", "right"), labels, strict=True):
        field = "labels" if name == "said" else "label"
        (tmp_path / f"{name}.jsonl").write_text(f'{{"text": "The sea.", "{field}": {label}}}\n' * 9)
    said, right = (f"en={tmp_path / name}.jsonl" for name in ("said", "right"))
    run = ("train", "classify", "--tokenizer", tiny_tokenizer, *SIZES, *RATES, *RUN, "--max-steps", 9)
    exit_code, stderr = silent_xlm(*run, "--train", said, "--valid", right, tmp_path / "x")
    assert exit_code == 0, stderr
    assert json.loads((tmp_path / "x" / "config.json").read_text())["id2label"] == {"0": "other", "1": "question"}
    exit_code, stderr = silent_xlm(*run, "--train", said, "--valid", said, tmp_path / "y")
    assert exit_code == ExitCode.DATA
    assert stderr.startswith(
        f"error: {tmp_path / 'said.jsonl'}:1: validation text has labels, not probabilities of them"
    )


def test_text_that_is_cut_and_a_model_at_chance_are_told(
    files: dict[str, Path], tiny_tokenizer: Path, silent_xlm: Xlm, tmp_path: Path
) -> None:
    text = ("--train", f"en={files['en']}", "--valid", f"en={files['en']}", "--label-column", "kind", "--max-len", 5)
    rates = ("--encoder-lr", "1e-9", "--head-lr", "1e-9", "--max-steps", 3)
    exit_code, stderr = silent_xlm(
        "train", "classify", "--tokenizer", tiny_tokenizer, *SIZES, *text, *rates, *RUN, tmp_path / "x"
    )
    assert exit_code == 0, stderr
    assert stderr.splitlines()[0] == "en: 20 lines, 20 cut to --max-len"
    assert "warning: accuracy in en is at chance" in stderr


def test_errors(
    text: tuple[object, ...], files: dict[str, Path], tiny_tokenizer: Path, silent_xlm: Xlm, tmp_path: Path
) -> None:
    start = ("train", "classify", *SIZES, *RUN, "--tokenizer", tiny_tokenizer)
    steps = ("--max-steps", 3)
    cases: list[tuple[ExitCode, str, str | None, tuple[object, ...]]] = [
        (ExitCode.USAGE, "the run would never end", "give --max-steps, --max-epochs, --max-time or --patience",
         (*start, *text)),
        (ExitCode.USAGE, "no training text", "name some with --train, such as --train en=FILE.tsv", (*start, *steps)),
        (ExitCode.USAGE, "--text-column counts from 1", None, (*start, *text, *steps, "--text-column", 0)),
        (ExitCode.DATA, f"{files['en']}:1: expected a text in field 'body', no such field", "the object has kind, text",
         (*start, *text, *steps, "--text-column", "body")),
        (ExitCode.USAGE, "invalid value for '--train': 'en-fr=x' is not of the form LANG=FILE", None,
         (*start, *text, *steps, "--train", "en-fr=x")),
        (ExitCode.MODEL, f"no model named '{tmp_path / 'none'}', and no folder either", "embedded models: ",
         (*start, *text, *steps, "--init", tmp_path / "none")),
    ]  # fmt: skip
    for exit_code, message, hint, args in cases:
        code, stderr = silent_xlm(*args, tmp_path / "x")
        expected = f"error: {message}" + (f"\n\nhint: {hint}" if hint else "")
        assert (code, stderr.startswith(expected)) == (exit_code, True), stderr
        assert not (tmp_path / "x" / "config.json").exists()
