"""A converted encoder must be transformers' model: same states, and the same probabilities of labels."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.bundle import Bundle, open_bundle

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.xlm.encoder import open_encoder  # noqa: E402
from xlmcli.infer.classification import Classification  # noqa: E402
from xlmcli.infer.engine import EncoderEngine, EngineOptions  # noqa: E402
from xlmcli.infer.heads import ClassifierHead  # noqa: E402
from xlmcli.infer.labels import LabelOptions  # noqa: E402
from xlmcli.text import load_tokenizer  # noqa: E402
from xlmcli.text.special import BOS_ID, EOS_ID, FIRST_WORD_ID  # noqa: E402

TOLERANCE = 1e-4
NUM_TEXTS = 30
FIFTEEN = {"n_langs": 15, "lang2id": {f"l{index:02}": index for index in range(15)}}

ENCODERS: dict[str, dict[str, Any]] = {
    "one language": {},
    "fifteen languages": FIFTEEN,
    "fifteen languages, nameless": {"n_langs": 15},
    "fifteen languages, no embeddings": {**FIFTEEN, "use_lang_emb": False},
    "one language with embeddings": {"n_langs": 1, "use_lang_emb": True, "lang2id": {"en": 0}},
    "sinusoidal": {**FIFTEEN, "sinusoidal_embeddings": True},
    "ReLU": {**FIFTEEN, "gelu_activation": False},
    "sinusoidal, ReLU, one head": {"sinusoidal_embeddings": True, "gelu_activation": False, "n_heads": 1},
    "large epsilon": {"layer_norm_eps": 0.1},
    "deep, wide": {"n_layers": 5, "emb_dim": 64, "n_heads": 8},
    "adaptive softmax": {"asm": True, "asm_cutoffs": [100, 200], "asm_div_value": 2.0},
}
HEADS: dict[str, dict[str, Any]] = {
    "first": {},
    "mean": {"summary_type": "mean"},
    "last": {"summary_type": "last"},
    "cls_index": {"summary_type": "cls_index"},
    "tanh": {"summary_activation": "tanh"},
    "mean, tanh": {"summary_type": "mean", "summary_activation": "tanh"},
    "many labels": {"num_labels": 20},
    "multi-label": {"problem_type": "multi_label_classification", "summary_type": "mean"},
    "as many labels as dimensions": {"num_labels": 32, "summary_proj_to_labels": False},
    "sinusoidal, ReLU": {"sinusoidal_embeddings": True, "gelu_activation": False},
}


@dataclass(frozen=True, slots=True)
class Converted:
    """A bundle, its engine, and transformers' model of the same weights."""

    bundle: Bundle
    engine: EncoderEngine
    model: Any


def convert(folder: Path, path: Path, quantization: Any = "float32", compute_type: str = "default") -> Converted:
    bundle = write_bundle(open_encoder(folder), path, BundleOptions(quantization=quantization))
    manifest = open_bundle(path).manifest
    engine = EncoderEngine(
        bundle.read_files(),
        load_tokenizer(path).vocab,
        manifest.tokens,
        manifest.limits,
        EngineOptions("cpu", compute_type, num_workers=1, num_threads=1),
        tells_languages=manifest.language_input == "token_types",
    )
    (name,) = json.loads((folder / "config.json").read_text())["architectures"]
    return Converted(bundle, engine, getattr(transformers, name).from_pretrained(folder).eval())


def texts(num_texts: int = NUM_TEXTS) -> list[list[int]]:
    """Random ids of words, from none to as many as there are positions for, in no order of length."""
    rng = random.Random(4)
    lengths = [0, 46, 1, *(rng.randint(1, 46) for _ in range(num_texts - 3))]
    return [rng.choices(range(FIRST_WORD_ID, 420), k=length) for length in lengths]


@torch.no_grad()
def expected(model: Any, text: list[int], lang: int | None, start: int) -> Any:
    ids = torch.tensor([[start, *text, EOS_ID]])
    output = model(ids, langs=None if lang is None else torch.full_like(ids, lang))
    return output[0][0].numpy()


@pytest.fixture(scope="module", params=list(ENCODERS))
def encoder(
    request: pytest.FixtureRequest, make_published: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Converted:
    folder = make_published("XLMModel", **ENCODERS[request.param])
    return convert(folder, tmp_path_factory.mktemp("parity") / "bundle")


def test_states_are_transformers(encoder: Converted) -> None:
    manifest = encoder.bundle.manifest
    langs = manifest.languages.values() if manifest.language_input == "token_types" else []
    for lang in {None, min(langs, default=None), max(langs, default=None)}:
        states = encoder.engine.submit(texts(), [lang] * NUM_TEXTS).wait()
        for text, found in zip(texts(), states, strict=True):
            wanted = expected(encoder.model, text, lang, EOS_ID)
            assert found.dtype == np.float32
            assert found.shape == wanted.shape == (len(text) + 2, encoder.bundle.manifest.architecture.dim)
            assert np.abs(found - wanted).max() < TOLERANCE


def test_languages_may_differ_within_a_batch(make_published: Callable[..., Path], tmp_path: Path) -> None:
    converted = convert(make_published("XLMModel", **FIFTEEN), tmp_path / "b")
    langs = [None if index % 4 == 3 else index % 15 for index in range(NUM_TEXTS)]
    states = converted.engine.submit(texts(), langs).wait()
    for text, lang, found in zip(texts(), langs, states, strict=True):
        assert np.abs(found - expected(converted.model, text, lang, EOS_ID)).max() < TOLERANCE
    none, first, second = (converted.engine.submit([texts()[1]], [lang]).wait()[0] for lang in (None, 0, 1))
    assert min(np.abs(none - first).max(), np.abs(first - second).max()) > 0.1, "languages make no difference"


@pytest.mark.parametrize("class_name", ["XLMModel", "XLMWithLMHeadModel"])
def test_the_language_model_and_old_files_convert_alike(
    make_published: Callable[..., Path], tmp_path: Path, class_name: str
) -> None:
    folder = make_published(class_name, **FIFTEEN)
    states = convert(folder, tmp_path / "new").engine.submit(texts(), [3] * NUM_TEXTS).wait()
    model = getattr(transformers, class_name).from_pretrained(folder)
    old = {**model.state_dict(), "position_ids": torch.arange(48)[None]}
    torch.save(old, folder / "pytorch_model.bin")
    converted = convert(folder, tmp_path / "both")
    (folder / "model.safetensors").rename(folder / "set_aside")
    write_bundle(open_encoder(folder), tmp_path / "old", BundleOptions(quantization="float32"))
    (folder / "set_aside").rename(folder / "model.safetensors")
    assert (tmp_path / "old" / "model.bin").read_bytes() == (tmp_path / "both" / "model.bin").read_bytes()
    again = converted.engine.submit(texts(), [3] * NUM_TEXTS).wait()
    assert all(np.array_equal(one, other) for one, other in zip(states, again, strict=True))


@pytest.fixture(scope="module", params=list(HEADS))
def classifier(
    request: pytest.FixtureRequest, make_published: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Converted:
    settings = {"num_labels": 3, **FIFTEEN, **HEADS[request.param]}
    folder = make_published("XLMForSequenceClassification", **settings)
    return convert(folder, tmp_path_factory.mktemp("parity") / "bundle")


@pytest.mark.parametrize("lang", [None, 0, 14])
def test_probabilities_are_transformers(classifier: Converted, lang: int | None) -> None:
    states = classifier.engine.submit(texts(), [lang] * NUM_TEXTS).wait()
    found = ClassifierHead.load(classifier.bundle).probabilities(states)
    logits = torch.tensor(np.stack([expected(classifier.model, text, lang, BOS_ID) for text in texts()]))
    wanted = logits.sigmoid() if classifier.bundle.classifier.multi_label else logits.softmax(-1)
    assert np.abs(found - wanted.numpy()).max() < TOLERANCE
    assert np.ptp(wanted.numpy(), axis=0).max() > 100 * TOLERANCE, "texts hardly differ: nothing to compare"


def test_a_temperature_divides_the_logits(published_classifier: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(published_classifier, tmp_path / "cooled"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"xlm_temperature": 2.5}))
    plain, cooled = convert(published_classifier, tmp_path / "plain"), convert(folder, tmp_path / "bundle")
    states = plain.engine.submit(texts()).wait()
    wanted = torch.tensor(ClassifierHead.load(plain.bundle).score(states) / 2.5).softmax(-1).numpy()
    assert np.abs(ClassifierHead.load(cooled.bundle).probabilities(states) - wanted).max() < 1e-6


def test_int8_changes_few_labels(make_published: Callable[..., Path], tmp_path: Path) -> None:
    """Labels of a random model, made equally frequent, which no training has moved away from each other's borders.

    Computed in float32: how exactly CTranslate2 adds up int8 differs between processors, with a random model visibly.
    """
    settings = {"emb_dim": 64, "num_labels": 3, "summary_type": "mean"}
    folder = make_published("XLMForSequenceClassification", scale=0.1, **settings)
    exact, rounded = convert(folder, tmp_path / "exact"), convert(folder, tmp_path / "rounded", "int8", "float32")
    batch = texts(1000)
    wanted, found = (
        ClassifierHead.load(exact.bundle).score(converted.engine.submit(batch).wait()) for converted in (exact, rounded)
    )
    middle, spread = wanted.mean(axis=0), wanted.std(axis=0)
    labels = ((wanted - middle) / spread).argmax(axis=1)
    assert min(np.bincount(labels)) > 100, "hardly any text has one of the labels"
    assert np.mean(((found - middle) / spread).argmax(axis=1) != labels) < 0.02
    assert np.abs(wanted - found).max() > TOLERANCE, "nothing was rounded"


@dataclass(frozen=True, slots=True)
class Asked:
    """A record as far as classification looks at it."""

    text: str
    pair: str | None = None


@pytest.mark.parametrize(("lang", "lang_id"), [(None, None), ("fr", 1), ("auto", 1)])
def test_a_text_is_classified_as_by_transformers_with_its_tokenizer(
    make_published: Callable[..., Path], tmp_path: Path, lang: str | None, lang_id: int | None
) -> None:
    """From text to probabilities, a folder that transformers wrote whole: ``<s>`` first, and rows to spare.

    All texts are cut by the English rules, and no language is told unless somebody says so.
    """
    pieces = ["<s>", "</s>", "<pad>", "<unk>", *(f"<special{index}>" for index in range(10))]
    pieces += [*"abcdefghijklmnopqrstuvwxyz'", *(f"{letter}</w>" for letter in "abcdefghijklmnopqrstuvwxyz.,?'")]
    pieces += ["th", "the</w>", "in", "ing</w>"]
    (tmp_path / "vocab.json").write_text(json.dumps({piece: index for index, piece in enumerate(pieces)}))
    (tmp_path / "merges.txt").write_text("t h 5\nth e</w> 4\ni n 3\nin g</w> 2\n")
    tokenizer = transformers.XLMTokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt")
    langs = {"n_langs": 2, "lang2id": {"en": 0, "fr": 1}}
    folder = make_published("XLMForSequenceClassification", num_labels=3, vocab_size=len(pieces) + 7, **langs)
    (folder / "tokenizer.model").unlink()
    tokenizer.save_pretrained(folder)
    converted = convert(folder, tmp_path / "b")
    manifest = converted.bundle.manifest
    assert (manifest.tokenizer, manifest.tokens.bos) == ("xlm_bpe", "<s>")
    assert {"vocab.json", "merges.txt", "tokenizer_config.json"} < set(manifest.files)
    work = Classification(converted.bundle, lang, LabelOptions(all_labels=True), EngineOptions("cpu", num_workers=1))
    texts: Any = [Asked("L'homme n'a jamais vu la mer."), Asked("C'est à l'école, n'est-ce pas ?")]
    for text, prepared in zip(texts, work.prepare(texts), strict=True):
        answer = work.finish(text, prepared, work.submit(prepared.pieces).wait())
        inputs = tokenizer(text.text, return_tensors="pt")
        if lang_id is not None:
            inputs["langs"] = torch.full_like(inputs["input_ids"], lang_id)
        with torch.no_grad():
            (wanted,) = converted.model(**inputs).logits.softmax(-1).tolist()
        found = {label.name: label.probability for label in answer.labels}
        assert [found[f"LABEL_{index}"] for index in range(3)] == pytest.approx(wanted, abs=TOLERANCE)
        assert answer.lang == (None if lang_id is None else "fr")
        assert load_tokenizer(tmp_path / "b").encode(text.text, "fr") != prepared.pieces[0].ids
