"""XLM-R must give transformers' states and probabilities, for texts and for pairs of texts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.bundle import open_bundle

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.opening import open_convertible  # noqa: E402
from xlmcli.infer.classification import Classification  # noqa: E402
from xlmcli.infer.encoders import TextEncoder  # noqa: E402
from xlmcli.infer.engine import EngineOptions  # noqa: E402
from xlmcli.infer.labels import LabelOptions  # noqa: E402

TOLERANCE = 1e-4
CPU = EngineOptions("cpu", num_workers=1, num_threads=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A record as far as classification looks at it."""

    text: str
    pair: str | None = None


LABELS = {0: "contradiction", 1: "entailment", 2: "neutral"}


def convert(folder: Path, path: Path, quantization: Any = "float32") -> Path:
    write_bundle(open_convertible(folder), path, BundleOptions(quantization=quantization))
    return path


@pytest.mark.parametrize("multi_label", [False, True])
def test_probabilities(tmp_path: Path, published: Any, sentences: dict[str, list[str]], multi_label: bool) -> None:
    problem = "multi_label_classification" if multi_label else None
    made = published.xlm_roberta(
        tmp_path, "XLMRobertaForSequenceClassification",
        id2label=LABELS, label2id={name: index for index, name in LABELS.items()}, problem_type=problem,
    )  # fmt: skip
    config = json.loads((tmp_path / "config.json").read_text())  # Labels have their ids, in whatever order they stand.
    config["id2label"] = dict(reversed(config["id2label"].items()))
    (tmp_path / "config.json").write_text(json.dumps(config))
    bundle = open_bundle(convert(tmp_path, tmp_path / "b"))
    assert (bundle.manifest.task, bundle.classifier.labels) == ("classify", tuple(LABELS.values()))
    work = Classification(bundle, None, LabelOptions(all_labels=True), CPU)
    texts = [*sentences["en"][:8], *sentences["fr"][:8]]
    records = [Asked(text) for text in texts]
    records += [Asked(one, other) for one, other in zip(texts, reversed(texts), strict=True)]
    inputs = [(text,) for text in texts] + list(zip(texts, reversed(texts), strict=True))
    prepared = work.prepare(records)
    results = work.submit([piece for item in prepared for piece in item.pieces]).wait()
    wanted = []
    for given, found in zip(inputs, results, strict=True):
        with torch.no_grad():
            logits = made.model(**made.tokenizer(*given, return_tensors="pt")).logits[0]
        wanted.append((logits.sigmoid() if multi_label else logits.softmax(-1)).numpy())
        assert np.abs(found - wanted[-1]).max() < TOLERANCE
    assert np.ptp(np.stack(wanted), axis=0).max() > 100 * TOLERANCE, "texts hardly differ: nothing to compare"


@pytest.mark.parametrize("class_name", ["XLMRobertaModel", "XLMRobertaForMaskedLM"])
def test_states(tmp_path: Path, published: Any, sentences: dict[str, list[str]], class_name: str) -> None:
    made = published.xlm_roberta(tmp_path, class_name)
    encoder = getattr(made.model, "roberta", made.model)
    bundle = open_bundle(convert(tmp_path, tmp_path / "b"))
    assert (bundle.manifest.task, bundle.manifest.language_input) == ("encode", "none")
    assert bundle.manifest.limits.max_source_positions == 80
    texts = sentences["en"] + sentences["fr"]
    work = TextEncoder(bundle, CPU)
    pieces = [piece for item in work.passages(None).prepare(texts) for piece in item.pieces]
    for text, states in zip(texts, work.submit(pieces, list).wait(), strict=True):
        with torch.no_grad():
            wanted = encoder(**made.tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()
        assert states.shape == wanted.shape
        assert np.abs(states - wanted).max() < TOLERANCE


def test_the_longest_text_fits(tmp_path: Path, published: Any) -> None:
    model = published.xlm_roberta(tmp_path, "XLMRobertaModel").model
    bundle = open_bundle(convert(tmp_path, tmp_path / "b"))
    work = TextEncoder(bundle, CPU)
    (prepared,) = work.passages(None).prepare(["the cat " * 300])
    longest = max(prepared.pieces, key=lambda piece: len(piece.ids))
    assert len(longest.ids) == bundle.manifest.limits.max_source_tokens == 78
    (states,) = work.submit([longest], list).wait()
    with torch.no_grad():
        wanted = model(torch.tensor([[0, *longest.ids, 2]])).last_hidden_state[0].numpy()
    assert np.abs(states - wanted).max() < TOLERANCE
