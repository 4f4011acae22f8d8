"""The three functions for Python do what the commands do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xlmcli
from xlmcli.errors import ModelError, UsageError, XlmError

TEXTS = ["How are you today?", "", "  The cat sleeps.  ", "My sister reads a long book in the garden. " * 9]


def test_importing_the_package_imports_nothing_else() -> None:
    script = "import sys, xlmcli; print(*(name for name in sys.modules if name.startswith('xlmcli.')))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "\n"


def test_other_names_are_not_there() -> None:
    assert xlmcli.__all__ == ["__version__", "open_classifier", "open_encoder", "open_translator"]
    with pytest.raises(AttributeError, match="open_something"):
        xlmcli.open_something  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("direction", [("en", "fr"), ("fr", "en")])
def test_translations_are_the_commands(tiny_bundle: Path, xlm: Callable[..., Any], direction: tuple[str, str]) -> None:
    src, tgt = direction
    translator = xlmcli.open_translator(tiny_bundle, device="cpu", workers=1)
    assert direction in translator.directions
    stdin = "".join(f"{text}\n" for text in TEXTS)
    said = xlm("translate", "-m", tiny_bundle, "--src", src, "--tgt", tgt, "-q", stdin=stdin).out
    assert list(translator.translate(iter(TEXTS), src=src, tgt=tgt)) == said.split("\n")[:-1]


def test_a_translator_goes_on_to_other_directions_and_searches(tiny_bundle: Path) -> None:
    translator = xlmcli.open_translator(str(tiny_bundle), device="cpu", workers=1)
    first = list(translator.translate(TEXTS, src="en", tgt="fr"))
    assert list(translator.translate(TEXTS, src="fr", tgt="en")) != first
    assert list(translator.translate(TEXTS, src="en", tgt="fr", beam_size=1)) != first
    assert list(translator.translate(TEXTS, src="en", tgt="fr")) == first


def test_labels_are_the_commands(tiny_classifier: Path, xlm: Callable[..., Any]) -> None:
    classifier = xlmcli.open_classifier(tiny_classifier, device="cpu")
    assert classifier.labels == ["negative", "neutral", "positive"]
    stdin = "".join(f"{text}\n" for text in TEXTS)
    said = xlm("classify", "-m", tiny_classifier, "--lang", "en", "--all", "-q", stdin=stdin).out
    labels = classifier.classify(TEXTS, lang="en", num_best=3)
    lines = ["\t".join(f"{label.name}\t{label.probability:.4f}" for label in row) for row in labels]
    assert lines == said.split("\n")[:-1]
    best, none, *_ = classifier.classify(TEXTS, lang="en")
    assert len(best) == 1
    assert none == ()
    assert list(classifier.classify(TEXTS, lang="en", threshold=1.0)) == [()] * len(TEXTS)


def test_a_folder_does_not_stand_in_for_the_embedded_classifier(
    tiny_classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sentiment").symlink_to(tiny_classifier)
    monkeypatch.chdir(tmp_path)
    theirs, embedded = xlmcli.open_classifier("sentiment", device="cpu"), xlmcli.open_classifier(device="cpu")
    (their_labels,), (labels,) = (each.classify(["I love it!"], lang="en") for each in (theirs, embedded))
    assert their_labels[0].probability < 0.9 < labels[0].probability


def test_vectors_are_the_commands(tiny_encoder: Path, xlm: Callable[..., Any]) -> None:
    encoder = xlmcli.open_encoder(tiny_encoder, device="cpu")
    stdin = "".join(f"{text}\n" for text in TEXTS)
    args = ("-m", tiny_encoder, "--lang", "fr", "--pooling", "max", "--format", "jsonl", "-q")
    objects = "".join(json.dumps({"text": text}) + "\n" for text in stdin.splitlines())
    said = [json.loads(line)["vector"] for line in xlm("encode", *args, stdin=objects).out.splitlines()]
    vectors = list(encoder.encode(TEXTS, lang="fr", pooling="max"))
    assert said.pop(1) is None
    assert not vectors.pop(1).any()
    assert {vector.shape for vector in vectors} == {(encoder.dim,)}
    np.testing.assert_allclose(np.stack(vectors), said, rtol=1e-4)


def test_wrong_models_and_wishes_are_refused(tiny_bundle: Path, tiny_classifier: Path) -> None:
    with pytest.raises(ModelError, match="no model named"):
        xlmcli.open_translator("nothing-of-the-kind")
    with pytest.raises(ModelError):
        xlmcli.open_translator(tiny_classifier)
    with pytest.raises(ModelError):
        xlmcli.open_encoder(tiny_bundle)
    translator = xlmcli.open_translator(tiny_bundle, device="cpu")
    with pytest.raises(XlmError):  # At once, and not when the first answer is asked for.
        translator.translate(TEXTS, src="en", tgt="xx")
    with pytest.raises(UsageError, match="one text"):
        translator.translate("How are you?", src="en", tgt="fr")
    classifier = xlmcli.open_classifier(tiny_classifier, device="cpu")
    with pytest.raises(UsageError, match="num_best"):
        classifier.classify(TEXTS, num_best=0)
    for threshold in (2, float("nan"), "0.5"):
        with pytest.raises(UsageError, match="from 0 to 1"):
            classifier.classify(TEXTS, threshold=threshold)  # type: ignore[arg-type]
    for beam_size in (0, 101, 2.5, "4"):
        with pytest.raises(UsageError, match="beam_size"):
            translator.translate(TEXTS, src="en", tgt="fr", beam_size=beam_size)  # type: ignore[arg-type]
    for texts in (None, 5):
        with pytest.raises(UsageError, match="expected texts"):
            translator.translate(texts, src="en", tgt="fr")  # type: ignore[arg-type]
    for wish in ({"threads": 0}, {"workers": 1.5}, {"device": "gpu"}):
        with pytest.raises(UsageError, match=next(iter(wish))):
            xlmcli.open_translator(tiny_bundle, **wish)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="empty"):
        xlmcli.open_translator("")
    with pytest.raises(UsageError, match="pooling"):
        xlmcli.open_encoder(tiny_classifier, device="cpu").encode(TEXTS, pooling="last")  # type: ignore[arg-type]
