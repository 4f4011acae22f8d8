"""`xlm train translate`: from a pretrained model to one that converts, and what its errors look like."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli.errors import ExitCode

SIZES = ("--dim", 16, "--layers", 1, "--heads", 2, "--max-positions", 48)
LIMITS = ("--max-len", 40)
DECODER = ("--decoder-layers", 1)
MODEL = (*SIZES, *LIMITS, *DECODER)
RUN = ("--batch-tokens", 160, "--warmup", 2, "--log-every", 3, "--valid-every", 3, "--device", "cpu")
STEPS = ("--max-steps", 3)

Xlm = Callable[..., tuple[int, str]]
ReadLog = Callable[[Path], list[dict[str, Any]]]


@pytest.fixture
def text(pairs: Path) -> tuple[object, ...]:
    return ("--parallel", f"en-fr={pairs}", "--valid", f"en-fr={pairs}")


def test_from_text_to_a_checkpoint(
    text: tuple[object, ...], pairs: Path, tiny_tokenizer: Path, silent_xlm: Xlm, tmp_path: Path, read_log: ReadLog
) -> None:
    pretrained, folder = tmp_path / "xlm", tmp_path / "mt"
    sizes = (*SIZES, *LIMITS, "--block-len", 24)
    done = silent_xlm("pretrain", "--tokenizer", tiny_tokenizer, *text, *sizes, *RUN, *STEPS, "--quiet", pretrained)
    assert done == (0, "")
    objectives = ("--objectives", "mt,ae,bt")
    exit_code, stderr = silent_xlm(
        "train",
        "translate",
        "--init",
        pretrained,
        *DECODER,
        *LIMITS,
        *text,
        *objectives,
        *RUN,
        *STEPS,
        "--average",
        2,
        folder,
    )
    assert exit_code == 0, stderr
    log = read_log(folder)
    assert [(event["event"], event["step"]) for event in log] == [("train", 3), ("valid", 3)]
    assert set(log[0]["losses"]) == {"mt", "ae", "bt"}
    assert set(log[1]["scores"]) == {"en-fr bleu", "en-fr ppl", "fr-en bleu", "fr-en ppl"}
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["XLMEncoderDecoder"]
    assert (config["decoder_layers"], config["xlm_directions"]) == (1, ["en-fr", "fr-en"])
    assert (folder / "tokenizer.model").read_bytes() == (tiny_tokenizer / "tokenizer.model").read_bytes()
    lines = [line for line in stderr.splitlines() if " lines" not in line]
    assert len(lines) == 2
    assert lines[0].startswith("100%  step 3  mt ")
    assert lines[1].startswith("step 3  0 min  en-fr bleu 0.00")


def test_one_direction_without_a_pretrained_model(
    text: tuple[object, ...], tiny_tokenizer: Path, silent_xlm: Xlm, tmp_path: Path, read_log: ReadLog
) -> None:
    arguments = ("train", "translate", "--tokenizer", tiny_tokenizer, "--direction", "fr-en", *text, *MODEL, *RUN)
    assert silent_xlm(*arguments, *STEPS, "--quiet", tmp_path / "mt") == (0, "")
    assert set(read_log(tmp_path / "mt")[1]["scores"]) == {"fr-en bleu", "fr-en ppl"}
    assert silent_xlm(*arguments, "--max-steps", 6, "--quiet", "--resume", tmp_path / "mt") == (0, "")
    assert [event["step"] for event in read_log(tmp_path / "mt")] == [3, 3, 6, 6]
    exit_code, stderr = silent_xlm(*arguments, "--max-steps", 9, "--resume", "--direction", "en-fr", tmp_path / "mt")
    assert exit_code == ExitCode.USAGE
    assert "has another model: directions: fr-en, not fr-en, en-fr\n" in stderr


def test_what_a_model_made_is_translated_from_alone(
    pairs: Path, tiny_tokenizer: Path, silent_xlm: Xlm, tmp_path: Path, read_log: ReadLog
) -> None:
    text = ("--parallel", f"en-fr={pairs},synthetic=en", "--valid", f"en-fr={pairs}")
    arguments = ("train", "translate", "--tokenizer", tiny_tokenizer, *text, *MODEL, *RUN, *STEPS, "--quiet")
    assert silent_xlm(*arguments, tmp_path / "mt") == (0, "")
    assert set(read_log(tmp_path / "mt")[1]["scores"]) == {"en-fr bleu", "en-fr ppl"}
    code, stderr = silent_xlm(*arguments, "--direction", "fr-en", tmp_path / "other")
    assert (code, stderr.splitlines()[0]) == (ExitCode.USAGE, "error: all parallel text for fr-en is synthetic in en")


def test_marks_are_learned_and_the_bundle_says_so(
    pairs: Path, tiny_tokenizer: Path, xlm: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    folder, bundle = tmp_path / "mt", tmp_path / "bundle"
    text = ("--parallel", f"en-fr={pairs}", "--valid", f"en-fr={pairs}", "--objectives", "mt", "--direction", "en-fr")
    run = ("train", "translate", "--tokenizer", tiny_tokenizer, *text, *MODEL, *RUN, "--max-steps", 1, "--quiet")
    assert xlm(*run, "--augment", "spans=1", "--augment", "typos=0.5", folder) == (0, "", "")
    config = json.loads((folder / "config.json").read_text())
    assert config["xlm_protects_spans"] is True
    exit_code, _, stderr = xlm("convert", "--quantization", "float32", folder, bundle)
    assert exit_code == 0, stderr
    assert json.loads((bundle / "xlm.json").read_text())["translation"]["protects_spans"] is True


def test_errors(text: tuple[object, ...], pairs: Path, tiny_tokenizer: Path, silent_xlm: Xlm, tmp_path: Path) -> None:
    start = ("train", "translate", *MODEL, *RUN)
    run = (*start, "--tokenizer", tiny_tokenizer, *text)
    bare = (*start, *STEPS, "--tokenizer", tiny_tokenizer)
    cases: list[tuple[ExitCode, str, str | None, tuple[object, ...]]] = [
        (ExitCode.USAGE, "the run would never end", "give --max-steps, --max-time or --patience", run),
        (
            ExitCode.USAGE,
            "no vocabulary",
            "name one with --tokenizer, or a pretrained model with --init",
            (*start, *STEPS, *text),
        ),
        (ExitCode.USAGE, "no training text", "name some with --mono or --parallel", bare),
        (
            ExitCode.USAGE,
            "no validation text",
            "name some with --valid, such as --valid en-fr=FILE.tsv",
            (*bare, "--parallel", f"en-fr={pairs}"),
        ),
        (
            ExitCode.USAGE,
            "nothing to translate",
            "give --parallel text, or --direction with --mono text",
            (*bare, "--mono", f"en={pairs}", "--valid", f"en={pairs}", "--objectives", "ae"),
        ),
        (
            ExitCode.USAGE,
            "validation text in de, which has no training text",
            None,
            (*run, *STEPS, "--valid", f"en-de={pairs}"),
        ),
        (ExitCode.USAGE, "no text in de", "name some with", (*run, *STEPS, "--direction", "en-de")),
        (ExitCode.USAGE, "not a direction: 'english'", "write two", (*run, *STEPS, "--direction", "english")),
        (
            ExitCode.MODEL,
            f"no model named '{tmp_path / 'none'}', and no folder either",
            "embedded models: ",
            (*run, *STEPS, "--init", tmp_path / "none"),
        ),
        (
            ExitCode.USAGE,
            f"--valid en-fr={pairs},synthetic=en: synthetic= is for text to learn from",
            "leave it out",
            (*run, *STEPS, "--valid", f"en-fr={pairs},synthetic=en"),
        ),
        (
            ExitCode.USAGE,
            "all text in fr is synthetic",
            "name other text",
            (*bare, "--parallel", f"en-fr={pairs},synthetic=fr", "--valid", f"en-fr={pairs}", "--objectives", "ae"),
        ),
        (ExitCode.USAGE, "no augmentation 'noise'", "KIND=SHARE, where", (*run, *STEPS, "--augment", "noise=1")),
        (ExitCode.USAGE, "'typos=2': the share of rows is", None, (*run, *STEPS, "--augment", "typos=2")),
        (
            ExitCode.USAGE,
            "invalid value for '--augment': typos twice",
            None,
            (*run, *STEPS, "--augment", "typos=.1", "--augment", "typos=.2"),
        ),
        (ExitCode.MODEL, f"no tokenizer.model in {tmp_path}", None, (*run, *STEPS, "--tokenizer", tmp_path)),
        (ExitCode.DATA, f"no such file: {tmp_path / 'x'}", None, (*run, *STEPS, "--mono", f"en={tmp_path / 'x'}")),
    ]
    for exit_code, message, hint, args in cases:
        code, stderr = silent_xlm(*args, tmp_path / "mt")
        expected = f"error: {message}" + (f"\n\nhint: {hint}" if hint else "")
        assert (code, stderr.startswith(expected)) == (exit_code, True), stderr
        assert not (tmp_path / "mt" / "config.json").exists()


def test_the_group_shows_what_can_be_trained(silent_xlm: Xlm) -> None:
    exit_code, stderr = silent_xlm("train")
    assert exit_code == ExitCode.USAGE
    assert "translate" in stderr
