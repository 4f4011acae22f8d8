from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli.bundle import open_bundle
from xlmcli.errors import ExitCode

pytest.importorskip("torch")

Xlm = Callable[..., Any]


AGREEMENT = re.compile(r"(\w\w-\w\w): (\d+) of (\d+) greedy translations equal, scores differ by at most (\S+) nats")


def test_a_checkpoint_becomes_a_bundle(xlm: Xlm, tiny_checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "b"
    assert xlm("convert", tiny_checkpoint, path) == (ExitCode.OK, "", f"wrote {path}\n")
    assert open_bundle(path).manifest.quantization == "int8"


def test_everything_that_is_given_arrives(xlm: Xlm, tiny_checkpoint: Path, tmp_path: Path) -> None:
    for name, text in {"card.md": "# Card", "r.toml": "a = 1"}.items():
        (tmp_path / name).write_text(text)
    score = {"direction": "en-fr", "test_set": "news", "metric": "BLEU", "value": 31.5, "signature": "v:1"}
    (tmp_path / "scores.json").write_text(json.dumps({"scores": [score]}))
    options = ["--quantization", "int8_float32", "--beam-size", "7", "--length-penalty", "0.8", "--licence", "MIT"]
    options += ["--trained-on", "one", "--trained-on", "two"]
    files = ["--card", tmp_path / "card.md", "--recipe", tmp_path / "r.toml", "--scores", tmp_path / "scores.json"]
    code, _, err = xlm("convert", tiny_checkpoint, tmp_path / "b", *options, *files)
    assert code == ExitCode.OK, err
    manifest = open_bundle(tmp_path / "b").manifest
    assert manifest.quantization == "int8_float32"
    assert manifest.translation is not None
    assert (manifest.translation.decoding.beam_size, manifest.translation.decoding.length_penalty) == (7, 0.8)
    assert (manifest.provenance.licence, manifest.provenance.trained_on) == ("MIT", ("one", "two"))
    assert [entry.value for entry in manifest.provenance.scores] == [31.5]
    assert (tmp_path / "b" / "MODEL_CARD.md").read_text() == "# Card"
    assert (tmp_path / "b" / "recipe.toml").read_text() == "a = 1"


def test_verify_reports_every_direction_on_stdout(xlm: Xlm, tiny_checkpoint: Path, tmp_path: Path) -> None:
    code, out, _ = xlm("convert", tiny_checkpoint, tmp_path / "b", "--quantization", "float32", "--verify")
    assert code == ExitCode.OK
    lines = [AGREEMENT.match(line) for line in out.splitlines()]
    assert [match and match[1] for match in lines] == ["en-fr", "fr-en"]
    assert all(match and match[2] == match[3] == "12" and float(match[4]) < 1e-5 for match in lines)


def test_verify_file_replaces_the_built_in_sentences(xlm: Xlm, tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("Good morning.\nWhere?\n\nNow.\n")
    given = f"en={tmp_path / 'en.txt'}"
    code, out, _ = xlm("convert", tiny_checkpoint, tmp_path / "b", "--verify-file", given)
    assert code == ExitCode.OK
    assert [match[3] for match in AGREEMENT.finditer(out)] == ["3", "12"]


def test_verify_files_are_sources_of_one_language(xlm: Xlm, tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "text.en").write_text("Good morning.\nWhere?\n")
    (tmp_path / "table.tsv").write_text("1\tNow.\n2\tThen.\n3\tHere.\n")
    given = ("--verify-file", f"en={tmp_path}/text.{{}}", "--verify-file", f"en={tmp_path}/table.tsv,column=2")
    code, out, _ = xlm("convert", tiny_checkpoint, tmp_path / "b", *given)
    assert code == ExitCode.OK
    assert [match[3] for match in AGREEMENT.finditer(out)] == ["5", "12"]
    code, _, err = xlm("convert", tiny_checkpoint, tmp_path / "c", "--verify-file", f"en={tmp_path}/text.en,repeat=2")
    assert (code, "repeat= is for training" in err) == (ExitCode.USAGE, True)


@pytest.fixture
def exchanged_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes conversion go wrong: every bundle has one language's vector in the other's place."""
    from xlmcli.convert.xlm import translator as conversion

    vectors = conversion._language_vectors
    monkeypatch.setattr(conversion, "_language_vectors", lambda state, side: vectors(state, side)[::-1].copy())


@pytest.mark.usefixtures("exchanged_languages")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--quantization", "float32", "--verify"], r"en-fr: \d+ of 12 .+ fr-en: \d+ of 12 .+, wanted a share of 1"),
        (["--min-agreement", "0.9"], r"en-fr: \d+ of 12 .+ fr-en: \d+ of 12 .+, wanted a share of 0\.9"),
        (
            ["--quantization", "float32", "--verify", "--direction", "fr-en"],
            r"fr-en: \d+ of 12 .+, wanted a share of 1",
        ),
    ],
)
def test_a_bundle_that_fails_its_verification_is_not_written(
    xlm: Xlm, tiny_checkpoint: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    assert xlm("convert", tiny_checkpoint, tmp_path / "b")[0] == ExitCode.OK
    before = (tmp_path / "b" / "xlm.json").read_bytes()
    code, out, err = xlm("convert", tiny_checkpoint, tmp_path / "b", "--force", *options)
    assert code == ExitCode.GATE_FAILED
    assert AGREEMENT.match(out)
    assert re.match(f"error: verification failed, nothing written: {message}\n", err)
    assert (tmp_path / "b" / "xlm.json").read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["b"]


@pytest.mark.usefixtures("exchanged_languages")
@pytest.mark.parametrize("options", [["--verify"], ["--quantization", "float32", "--min-agreement", "0"]])
def test_a_verification_that_demands_nothing_only_reports(
    xlm: Xlm, tiny_checkpoint: Path, tmp_path: Path, options: list[str]
) -> None:
    code, out, _ = xlm("convert", tiny_checkpoint, tmp_path / "b", *options)
    assert code == ExitCode.OK
    assert all(match[2] != match[3] for match in AGREEMENT.finditer(out))
    open_bundle(tmp_path / "b")


def test_a_verification_without_sentences_is_an_error(xlm: Xlm, tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "blank").write_text("\n \n")
    code, _, err = xlm("convert", tiny_checkpoint, tmp_path / "b", "--verify-file", f"fr={tmp_path / 'blank'}")
    assert code == ExitCode.DATA
    assert "fr-en: no sentences to compare on" in err
    assert [entry.name for entry in tmp_path.iterdir()] == ["blank"]


def test_a_direction_gives_a_folder_for_plain_ctranslate2(xlm: Xlm, tiny_checkpoint: Path, tmp_path: Path) -> None:
    options = ["--direction", "fr-en", "--quantization", "float32", "--verify"]
    code, out, _ = xlm("convert", tiny_checkpoint, tmp_path / "f", *options)
    assert code == ExitCode.OK
    assert [match.group(1, 2, 3) for match in AGREEMENT.finditer(out)] == [("fr-en", "12", "12")]
    program = (
        "import ctranslate2, sys\n"
        "print(ctranslate2.Translator(sys.argv[1], device='cpu').translate_batch([['</s>', 'a', '</s>']]))"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "f"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "TranslationResult(hypotheses=" in done.stdout


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--direction", "en-de"], ExitCode.MODEL, "does not translate from 'en' to 'de'"),
        (["--direction", "english"], ExitCode.USAGE, "not a direction: 'english'"),
        (["--direction", "en-fr", "--licence", "MIT"], ExitCode.USAGE, "which --direction does not write"),
        (["--quantization", "int4"], ExitCode.USAGE, "'int4' is not one of"),
        (["--scores", "none.json"], ExitCode.DATA, "no such file: none.json"),
        (["--card", "none.md"], ExitCode.DATA, "none.md: cannot be copied"),
        (["--verify-file", "en=none.txt"], ExitCode.DATA, "none.txt"),
        (["--verify-file", "de={}"], ExitCode.USAGE, "the model has no language 'de'"),
    ],
)
def test_errors_leave_nothing_behind(
    xlm: Xlm,
    tiny_checkpoint: Path,
    tmp_path: Path,
    options: list[str],
    code: ExitCode,
    message: str,
) -> None:
    (tmp_path / "text").write_text("a\n")
    options = [option.replace("{}", str(tmp_path / "text")) for option in options]
    status, out, err = xlm("convert", tiny_checkpoint, tmp_path / "b", *options)
    assert (status, out) == (code, "")
    assert err.startswith("error: ")
    assert message in err
    assert [entry.name for entry in tmp_path.iterdir()] == ["text"]


def test_a_taken_path_is_refused_before_the_checkpoint_is_read(xlm: Xlm, tiny_bundle: Path, tmp_path: Path) -> None:
    before = (tiny_bundle / "xlm.json").read_bytes()
    status, _, err = xlm("convert", tmp_path / "no checkpoint", tiny_bundle)
    assert status == ExitCode.USAGE
    assert err == (f"error: {tiny_bundle} exists already\n\nhint: --force replaces it once the new one is complete\n")
    assert (tiny_bundle / "xlm.json").read_bytes() == before


def test_what_is_no_translation_checkpoint_is_refused(xlm: Xlm, tiny_bundle: Path, tmp_path: Path) -> None:
    status, _, err = xlm("convert", tmp_path, tmp_path / "b")
    assert (status, "not a checkpoint" in err) == (ExitCode.MODEL, True)
    status, _, err = xlm("convert", tiny_bundle, tmp_path / "b")
    assert status == ExitCode.MODEL
    assert list(tmp_path.iterdir()) == []


CLOSENESS = re.compile(r"(\w\w): (?:(\d+) of (\d+) labels equal, )?states of (\d+) texts differ by at most (\S+)")


def test_a_classifier_becomes_a_bundle_and_is_verified(xlm: Xlm, published_classifier: Path, tmp_path: Path) -> None:
    code, out, err = xlm("convert", published_classifier, tmp_path / "b", "--quantization", "float32", "--verify")
    assert (code, err) == (ExitCode.OK, f"wrote {tmp_path / 'b'}\n")
    lines = [CLOSENESS.fullmatch(line) for line in out.splitlines()]
    assert [match and match[1] for match in lines] == ["en", "fr"]
    assert all(match and match[2] == match[3] == match[4] == "12" and float(match[5]) < 1e-4 for match in lines)
    assert open_bundle(tmp_path / "b").classifier.labels == ("bad", "fair", "good")


def test_states_too_far_apart_write_nothing(xlm: Xlm, published_classifier: Path, tmp_path: Path) -> None:
    code, out, err = xlm("convert", published_classifier, tmp_path / "b", "--max-difference", "1e-9")
    assert code == ExitCode.GATE_FAILED
    assert len(CLOSENESS.findall(out)) == 2
    assert "error: verification failed, nothing written: en: states differ by " in err
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_is_verified_by_its_states(xlm: Xlm, make_published: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("Good morning.\nWhere?\n\nNow.\n")
    folder, given = make_published("XLMModel"), ("--verify-file", f"en={tmp_path / 'en.txt'}")
    code, out, _ = xlm("convert", folder, tmp_path / "b", *given, "--max-difference", "9")
    assert code == ExitCode.OK
    match = CLOSENESS.fullmatch(out.strip())
    assert match is not None
    assert (match[1], match[2], match[4]) == ("en", None, "3")
    assert open_bundle(tmp_path / "b").manifest.task == "encode"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--direction", "en-fr"], "--direction is for models that translate"),
        (["--beam-size", "4"], "--beam-size is for models that translate"),
        (["--length-penalty", "1"], "--length-penalty is for models that translate"),
        (["--min-agreement", "1"], "--min-agreement compares labels, and an encoder has none"),
    ],
)
def test_options_for_other_models_are_refused(
    xlm: Xlm,
    make_published: Callable[..., Path],
    tmp_path: Path,
    options: list[str],
    message: str,
) -> None:
    code, _, err = xlm("convert", make_published("XLMModel"), tmp_path / "b", *options)
    assert code == ExitCode.USAGE
    assert message in err


def test_states_of_a_translation_model_are_not_compared(xlm: Xlm, tiny_checkpoint: Path, tmp_path: Path) -> None:
    code, _, err = xlm("convert", tiny_checkpoint, tmp_path / "b", "--max-difference", "1")
    assert code == ExitCode.USAGE
    assert "--max-difference is for encoders and classifiers" in err


@pytest.mark.parametrize("options", [[], ["--direction", "en-fr"]])
@pytest.mark.parametrize(("value", "quantization"), [(float("nan"), "float32"), (3e38, "int8"), (70_000.0, "float16")])
def test_numbers_that_no_model_has_are_not_converted(
    xlm: Xlm, tiny_checkpoint: Path, tmp_path: Path, value: float, quantization: str, options: list[str]
) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    state = load_file(folder / "model.safetensors")
    state["encoder.ffns.0.lin1.weight"][0, 0] = value
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    code, _, err = xlm("convert", folder, tmp_path / "b", "--quantization", quantization, *options)
    assert code == ExitCode.MODEL
    assert re.search(r"(lin1\.weight|linear_0/weight(_scale)?) has (a number that no model|numbers that are not)", err)
    assert str(tmp_path) not in err
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("command", ["convert {} b", "convert {} b --from ctranslate2", "info {}", "encode -m {}"])
def test_what_was_converted_is_not_converted_again(
    xlm: Xlm, tiny_checkpoint: Path, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert xlm("convert", tiny_checkpoint, "folded", "--direction", "en-fr")[0] == ExitCode.OK
    code, _, err = xlm(*command.format("folded").split())
    assert code == ExitCode.MODEL
    assert err.startswith(
        "error: folded is for programs that use CTranslate2: xlm convert --direction put one direction"
    )
    assert "hint: xlm converts the checkpoint that it was made from" in err
    shutil.copytree(tiny_bundle, "bare")
    Path("bare/xlm.json").unlink()
    assert "CTranslate2: xlm convert --direction" not in xlm(*command.format("bare").split()).err
    if command.startswith("convert"):
        code, _, err = xlm(*command.format(tiny_bundle).split())
        assert (code, err.splitlines()[0]) == (ExitCode.MODEL, f"error: {tiny_bundle} is a bundle already")
