from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.bundle import open_bundle
from xlmcli.errors import ModelError
from xlmcli.infer.classification import Classification
from xlmcli.infer.encoders import TextEncoder
from xlmcli.infer.engine import EncoderEngine, EngineOptions
from xlmcli.infer.heads import ClassifierHead
from xlmcli.infer.labels import Labelled, LabelOptions
from xlmcli.infer.reading import Line
from xlmcli.infer.records.text import TextRecord
from xlmcli.text import load_tokenizer

CPU = EngineOptions("cpu", num_threads=1, num_workers=1)
EVERY = LabelOptions(all_labels=True)


def classify(work: Classification, *texts: str | tuple[str, str]) -> list[Labelled]:
    pairs = [(text, None) if isinstance(text, str) else text for text in texts]
    records = [TextRecord(Line(text, "\n", "test", 1, b""), 0, text, pair) for text, pair in pairs]
    answers = []
    for record, prepared in zip(records, work.prepare(records), strict=True):
        results = work.submit(prepared.pieces).wait() if prepared.pieces else []
        answers.append(work.finish(record, prepared, results))
    return answers


def by_name(answer: Labelled) -> dict[str, float]:
    return {label.name: label.probability for label in answer.labels}


@pytest.fixture(scope="module")
def expected(tiny_classifier: Path) -> Callable[[list[int], int], dict[str, float]]:
    """Probabilities of ids from the bare engine and the head: ``expected(ids, language id)``."""
    bundle = open_bundle(tiny_classifier)
    manifest = bundle.manifest
    vocab = load_tokenizer(tiny_classifier).vocab
    engine = EncoderEngine(bundle.read_files(), vocab, manifest.tokens, manifest.limits, CPU, tells_languages=True)
    head = ClassifierHead.load(bundle)

    def probabilities(ids: list[int], lang: int) -> dict[str, float]:
        (row,) = head.probabilities(engine.submit([ids], [lang]).wait())
        return dict(zip(bundle.classifier.labels, row.tolist(), strict=True))

    return probabilities


@pytest.mark.parametrize(("lang", "index"), [("en", 0), ("fr", 1), (None, 0), ("auto", 0)])
def test_probabilities_are_those_of_engine_and_head(
    tiny_classifier: Path, expected: Callable[..., Any], lang: str | None, index: int
) -> None:
    work = Classification(open_bundle(tiny_classifier), lang, EVERY, CPU)
    text = "We would like two cups of coffee, please."
    (answer,) = classify(work, text)
    assert by_name(answer) == pytest.approx(expected(load_tokenizer(tiny_classifier).encode(text), index), abs=1e-5)
    assert answer.lang == ("en", "fr")[index]
    assert answer.warnings == ()


def test_the_language_makes_a_difference(expected: Callable[..., Any], tiny_classifier: Path) -> None:
    ids = load_tokenizer(tiny_classifier).encode("Good morning.")
    assert expected(ids, 0) != pytest.approx(expected(ids, 1), abs=1e-3)


def test_a_pair_is_one_sequence(tiny_classifier: Path, expected: Callable[..., Any]) -> None:
    work = Classification(open_bundle(tiny_classifier), "fr", EVERY, CPU)
    tokenizer = load_tokenizer(tiny_classifier)
    first, second = "Il pleut.", "La pluie est tombée."
    single, pair = classify(work, first, (first, second))
    ids = [*tokenizer.encode(first), tokenizer.vocab.index("</s>"), *tokenizer.encode(second)]
    assert by_name(pair) == pytest.approx(expected(ids, 1), abs=1e-5)
    assert by_name(single) == pytest.approx(expected(tokenizer.encode(first), 1), abs=1e-5)


def test_a_long_text_is_the_mean_of_its_passages(tiny_classifier: Path, sentences: dict[str, list[str]]) -> None:
    work = Classification(open_bundle(tiny_classifier), "en", EVERY, CPU)
    record = TextRecord(Line("", "\n", "test", 1, b""), 0, " ".join(sentences["en"][:8]))
    (prepared,) = work.prepare([record])
    assert len(prepared.pieces) > 1
    results = [work.submit([piece]).wait()[0] for piece in prepared.pieces]
    lens = np.array([len(piece.ids) for piece in prepared.pieces])
    answer = work.finish(record, prepared, results)
    mean = (np.array(results) * lens[:, None]).sum(axis=0) / lens.sum()
    labels = open_bundle(tiny_classifier).classifier.labels
    assert by_name(answer) == pytest.approx(dict(zip(labels, mean.tolist(), strict=True)), abs=1e-5)
    assert sum(by_name(answer).values()) == pytest.approx(1)


def test_what_was_cut_is_marked(tiny_classifier: Path) -> None:
    work = Classification(open_bundle(tiny_classifier), "en", EVERY, CPU)
    texts = ["the cat sleeps on " * 30, "The cat sleeps.", ("the cat sleeps on " * 30, "The cat sleeps.")]
    assert [answer.warnings for answer in classify(work, *texts)] == [("cut",), (), ("cut",)]


def test_blank_text_has_no_label(tiny_classifier: Path) -> None:
    work = Classification(open_bundle(tiny_classifier), None, LabelOptions(), CPU)
    assert all(answer.labels == () for answer in classify(work, "", " \t", (" ", "")))


def test_other_models_do_not_classify_or_encode(tiny_encoder: Path, tiny_bundle: Path) -> None:
    for path in (tiny_encoder, tiny_bundle):
        with pytest.raises(ModelError, match="does not classify"):
            Classification(open_bundle(path), None, LabelOptions(), CPU)
    with pytest.raises(ModelError, match="no encoder"):
        TextEncoder(open_bundle(tiny_bundle), CPU)
