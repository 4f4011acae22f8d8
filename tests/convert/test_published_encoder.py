"""XLM-R must give transformers' states and probabilities, for texts and for pairs of texts."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.bundle import open_bundle
from xlmcli.errors import ModelError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")
sentencepiece = pytest.importorskip("sentencepiece")

from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.opening import open_model  # noqa: E402
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


def make(folder: Path, sentences: dict[str, list[str]], class_name: str, **settings: Any) -> tuple[Any, Any]:
    """Saves a random model; returns transformers' tokenizer and model."""
    model_bytes = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences["en"] + sentences["fr"]), model_writer=model_bytes, vocab_size=200,
        minloglevel=3, character_coverage=1.0,
    )  # fmt: skip
    processor = sentencepiece.SentencePieceProcessor(model_proto=model_bytes.getvalue())
    pieces = [(processor.id_to_piece(index), processor.get_score(index)) for index in range(3, len(processor))]
    first = [(piece, 0.0) for piece in ("<s>", "<pad>", "</s>", "<unk>")]
    tokenizer = transformers.XLMRobertaTokenizer(vocab=[*first, *pieces, ("<mask>", 0.0)])
    config = transformers.XLMRobertaConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=82, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, **settings,
    )  # fmt: skip
    model = getattr(transformers, class_name)(config)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            is_gain = "LayerNorm" in name and name.endswith("weight")
            weight.copy_(0.5 * torch.randn(weight.shape, generator=generator) + is_gain)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return tokenizer, model.eval()


def convert(folder: Path, path: Path, quantization: Any = "float32") -> Path:
    write_bundle(open_model(folder), path, BundleOptions(quantization=quantization))
    return path


@pytest.mark.parametrize("multi_label", [False, True])
def test_probabilities(tmp_path: Path, sentences: dict[str, list[str]], multi_label: bool) -> None:
    problem = "multi_label_classification" if multi_label else None
    tokenizer, model = make(
        tmp_path, sentences, "XLMRobertaForSequenceClassification",
        id2label=LABELS, label2id={name: index for index, name in LABELS.items()}, problem_type=problem,
    )  # fmt: skip
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
            logits = model(**tokenizer(*given, return_tensors="pt")).logits[0]
        wanted.append((logits.sigmoid() if multi_label else logits.softmax(-1)).numpy())
        assert np.abs(found - wanted[-1]).max() < TOLERANCE
    assert np.ptp(np.stack(wanted), axis=0).max() > 100 * TOLERANCE, "texts hardly differ: nothing to compare"


@pytest.mark.parametrize("class_name", ["XLMRobertaModel", "XLMRobertaForMaskedLM"])
def test_states(tmp_path: Path, sentences: dict[str, list[str]], class_name: str) -> None:
    tokenizer, model = make(tmp_path, sentences, class_name)
    encoder = getattr(model, "roberta", model)
    bundle = open_bundle(convert(tmp_path, tmp_path / "b"))
    assert (bundle.manifest.task, bundle.manifest.language_input) == ("encode", "none")
    assert bundle.manifest.limits.max_source_positions == 80
    texts = sentences["en"] + sentences["fr"]
    work = TextEncoder(bundle, CPU)
    pieces = [piece for item in work.passages(None).prepare(texts) for piece in item.pieces]
    for text, states in zip(texts, work.submit(pieces, list).wait(), strict=True):
        with torch.no_grad():
            wanted = encoder(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()
        assert states.shape == wanted.shape
        assert np.abs(states - wanted).max() < TOLERANCE


def test_the_longest_text_fits(tmp_path: Path, sentences: dict[str, list[str]]) -> None:
    _, model = make(tmp_path, sentences, "XLMRobertaModel")
    bundle = open_bundle(convert(tmp_path, tmp_path / "b"))
    work = TextEncoder(bundle, CPU)
    (prepared,) = work.passages(None).prepare(["the cat " * 300])
    longest = max(prepared.pieces, key=lambda piece: len(piece.ids))
    assert len(longest.ids) == bundle.manifest.limits.max_source_tokens == 78
    (states,) = work.submit([longest], list).wait()
    with torch.no_grad():
        wanted = model(torch.tensor([[0, *longest.ids, 2]])).last_hidden_state[0].numpy()
    assert np.abs(states - wanted).max() < TOLERANCE


def test_all_faults_are_listed_at_once(tmp_path: Path, sentences: dict[str, list[str]]) -> None:
    make(tmp_path, sentences, "XLMRobertaForSequenceClassification", id2label=LABELS)
    config = json.loads((tmp_path / "config.json").read_text())
    changes = {"id2label": {"0": "only"}, "problem_type": "regression", "architectures": ["XLMRobertaForCausalLM"]}
    (tmp_path / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(ModelError, match="architectures: XLMRobertaForCausalLM"):
        open_model(tmp_path)
    changes["architectures"] = ["XLMRobertaForSequenceClassification"]
    (tmp_path / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(ModelError, match=r"id2label: 1 label.*; problem_type: regression"):
        open_model(tmp_path)


def test_missing_and_unexpected_weights_are_listed_and_nothing_is_written(
    tmp_path: Path, sentences: dict[str, list[str]]
) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    make(folder, sentences, "XLMRobertaForSequenceClassification", id2label=LABELS)
    state = load_file(folder / "model.safetensors")
    state["roberta.extra.weight"] = state.pop("classifier.dense.weight")
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"classifier\.dense\.weight: missing; roberta\.extra\.weight: unexpected"):
        convert(folder, tmp_path / "b")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
