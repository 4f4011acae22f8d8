from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from xlmcli.bundle import open_bundle
from xlmcli.infer.classification import Classification
from xlmcli.infer.engine import EngineOptions
from xlmcli.infer.explanation import Explained, Explanation
from xlmcli.infer.labels import Label, Labelled, LabelOptions
from xlmcli.infer.pieces import Prepared
from xlmcli.infer.reading import Line
from xlmcli.infer.records.protocols import Record
from xlmcli.infer.records.text import TextRecord
from xlmcli.text.places import Word

CPU = EngineOptions("cpu", num_threads=1, num_workers=1)
EVERY = LabelOptions(all_labels=True)
Text = str | tuple[str, str]


def record_of(text: Text) -> Record:
    first, second = (text, None) if isinstance(text, str) else text
    return TextRecord(Line(first, "\n", "test", 1, b""), 0, first, second)


def open_explanation(path: Path, lang: str | None = None, labels: LabelOptions = EVERY) -> Explanation:
    return Explanation(Classification(open_bundle(path), lang, labels, CPU))


def explain(work: Explanation, *texts: Text) -> list[Explained]:
    """Answers to texts that the engine gets in one batch."""
    records = list(map(record_of, texts))
    wanted = work.prepare(records)
    results = iter(work.submit([piece for prepared in wanted for piece in prepared.pieces]).wait())
    return [
        work.finish(record, prepared, [next(results) for _ in prepared.pieces])
        for record, prepared in zip(records, wanted, strict=True)
    ]


def probabilities(path: Path, lang: str | None, text: Text) -> dict[str, float]:
    """Of every label, from a run for this text alone; none if it is blank."""
    work = Classification(open_bundle(path), lang, EVERY, CPU)
    (prepared,) = work.prepare([record_of(text)])
    results = work.submit(prepared.pieces).wait() if prepared.pieces else []
    return {label.name: label.probability for label in work.finish(record_of(text), prepared, results).labels}


def check_weights(path: Path, text: Text, answer: Explained) -> None:
    """Every weight is the difference of two runs, of the text and of what is left without the word."""
    first, second = (text, None) if isinstance(text, str) else text
    words = [(word, False) for word in first.split()] + [(word, True) for word in (second or "").split()]
    found = [(word, number >= answer.num_first) for number, word in enumerate(answer.words)]
    assert [(word.text, is_second) for word, is_second in found] == words
    assert all((second if is_second else first)[word.start : word.end] == word.text for word, is_second in found)
    lang = answer.labelled.lang
    whole = probabilities(path, lang, text)
    assert {label.name: label.probability for label in answer.labelled.labels} == pytest.approx(whole, abs=1e-5)
    for number in range(len(words)):
        left = [[], []]
        for other, (word, is_second) in enumerate(words):
            left[is_second] += [word] if other != number else []
        rest = " ".join(left[0]) if second is None else (" ".join(left[0]), " ".join(left[1]))
        without = probabilities(path, lang, rest)
        for label, weights in zip(answer.labelled.labels, answer.weights, strict=True):
            expected = whole[label.name] - without[label.name] if without else None
            assert weights[number] == (None if expected is None else pytest.approx(expected, abs=1e-5))


TEXTS = [
    "Bonjour my friend",  # French, and without its first word English.
    "We would like two cups of coffee, please.",
    " Il  est\ttrop tard\u00a0pour l'appeler maintenant. ",
    "very very very good",
    "Good",
    "Fresh \u200b bread",
    ("Il pleut.", "La pluie est tombée."),
    ("Good morning.", ""),
    ("", "Good"),
]


@pytest.mark.parametrize("lang", [None, "fr"])
def test_a_weight_is_the_difference_of_two_runs(tiny_classifier: Path, lang: str | None) -> None:
    for text, answer in zip(TEXTS, explain(open_explanation(tiny_classifier, lang), *TEXTS), strict=True):
        check_weights(tiny_classifier, text, answer)
        assert answer.warnings == ()
    assert any(abs(weight or 0) > 0.05 for weight in answer.weights[0]) or len(answer.words) == 1


def test_words_make_a_difference(tiny_classifier: Path) -> None:
    (answer,) = explain(open_explanation(tiny_classifier), TEXTS[1])
    assert len({round(weight or 0, 3) for weight in answer.weights[0]}) > 5
    assert sum(weights[0] or 0 for weights in answer.weights) == pytest.approx(0, abs=1e-5)


def test_a_text_of_passages_is_weighed_with_them_all(tiny_classifier: Path, sentences: dict[str, list[str]]) -> None:
    text = " ".join(sentences["en"][:8])
    work = open_explanation(tiny_classifier, "en")
    (prepared,) = work.prepare([record_of(text)])
    single = Classification(open_bundle(tiny_classifier), "en", EVERY, CPU).prepare([record_of(text)])[0]
    assert len(single.pieces) > 2
    # What texts have in common goes through the model once.
    assert len(prepared.pieces) < len(single.pieces) * len(text.split()) / 2
    (answer,) = explain(work, text)
    check_weights(tiny_classifier, text, answer)


def test_labels_and_warnings_are_those_of_classification(tiny_classifier: Path) -> None:
    texts = ["the cat sleeps on " * 30, "The cat sleeps.", ("the cat sleeps on " * 30, "The cat sleeps."), "", "\u200b"]
    classification = Classification(open_bundle(tiny_classifier), "en", LabelOptions(), CPU)
    answers = explain(Explanation(classification), *texts)
    assert [answer.warnings for answer in answers] == [("cut",), (), ("cut",), (), ()]
    assert [len(answer.labelled.labels) for answer in answers] == [1, 1, 1, 0, 0]


def test_every_label_of_a_text_with_several(
    make_classifier: Callable[..., Path], classifier_sizes: type, sentences: dict[str, list[str]]
) -> None:
    path = make_classifier(classifier_sizes(multi_label=True))
    texts = sentences["en"][:6]
    answers = explain(open_explanation(path, labels=LabelOptions()), *texts)
    assert len({len(answer.weights) for answer in answers}) > 1
    for text, answer, full in zip(texts, answers, explain(open_explanation(path), *texts), strict=True):
        check_weights(path, text, full)
        assert answer.weights == full.weights[: len(answer.weights)]


@pytest.mark.parametrize("abstain", ["unsure", "negative"])
def test_a_label_of_abstention_is_explained_as_the_likeliest(tiny_classifier: Path, abstain: str) -> None:
    texts = TEXTS[:5]
    unsure = explain(open_explanation(tiny_classifier, labels=LabelOptions(threshold=1, abstain=abstain)), *texts)
    assert {answer.labelled.labels[0].name for answer in unsure} == {abstain}
    best = explain(open_explanation(tiny_classifier, labels=LabelOptions()), *texts)
    assert {answer.labelled.labels[0].name for answer in best} - {"negative"}
    assert [answer.weights for answer in unsure] == [answer.weights for answer in best]
    none = explain(open_explanation(tiny_classifier, labels=LabelOptions(threshold=1)), *texts)
    assert [answer.weights for answer in none] == [()] * 5


def test_the_temperature_counts(tiny_classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = explain(open_explanation(tiny_classifier), TEXTS[1])[0]
    work = open_explanation(tiny_classifier)
    head = work._classification._head
    part = SimpleNamespace(pooling="first", activation=None, multi_label=False, temperature=4.0)
    monkeypatch.setattr(head, "_part", part)
    after = explain(work, TEXTS[1])[0]
    assert max(map(abs, after.weights[0])) < max(map(abs, before.weights[0]))


def test_a_text_of_too_many_words_is_only_labelled(tiny_classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xlmcli.infer.explanation._MAX_CHARACTERS", 100)
    classification = Classification(open_bundle(tiny_classifier), "en", LabelOptions(), CPU)
    texts = ["one two three four five six", "one two three", ("one two three", "four five six"), "x" * 500]
    answers = explain(Explanation(classification), *texts)
    assert [len(answer.words) for answer in answers] == [0, 3, 0, 0]
    assert [answer.warnings[-1:] for answer in answers] == [("unexplained",), (), ("unexplained",), ("unexplained",)]
    assert answers[0].lines("", 0)[0].endswith("\t")


@pytest.mark.parametrize(
    ("lang", "library", "text", "words"),
    [
        ("zh", "rjieba", "我喜欢 这部电影", ["我", "喜欢", "这部", "电影"]),
        ("th", "pythainlp", "ฉันรักแมว 2 ตัว", ["ฉัน", "รัก", "แมว", "2", "ตัว"]),
    ],
)
def test_words_of_languages_without_spaces(
    make_classifier: Callable[..., Path], classifier_sizes: type, lang: str, library: str, text: str, words: list[str]
) -> None:
    pytest.importorskip(library)
    path = make_classifier(classifier_sizes(langs=("en", lang)))
    (answer,) = explain(open_explanation(path, lang), text)
    assert [word.text for word in answer.words] == words
    assert [text[word.start : word.end] for word in answer.words] == words
    whole = probabilities(path, lang, text)
    for number, word in enumerate(answer.words):
        without = probabilities(path, lang, text[: word.start] + text[word.end :])
        for label, weights in zip(answer.labelled.labels, answer.weights, strict=True):
            assert weights[number] == pytest.approx(whole[label.name] - without[label.name], abs=1e-5)


ANSWER = Explained(
    Labelled((Label("good", 0.75), Label("bad", 0.25)), is_list=True, lang="en"),
    (Word("a:b", 1, 4), Word("|", 5, 6), Word("c", 0, 1)),
    2,
    ((0.5, -0.00001, None), (-0.5, 0.123456, None)),
)


def test_weights_in_every_format() -> None:
    assert ANSWER.lines("x", 0) == [
        "good\t0.7500\ta:b:+0.5000 |:+0.0000 || c:?\tbad\t0.2500\ta:b:-0.5000 |:+0.1235 || c:?"
    ]
    row = ("good,bad", "0.7500,0.2500", "a:b:+0.5000 |:+0.0000 || c:? | a:b:-0.5000 |:+0.1235 || c:?")
    assert ANSWER.rows()[0].added == row
    values = ANSWER.values()
    explanation = [
        {"word": "a:b", "start": 1, "end": 4, "weight": 0.5},
        {"word": "|", "start": 5, "end": 6, "weight": 0.0},
        {"word": "c", "start": 0, "end": 1, "weight": None, "pair": True},
    ]
    assert list(values.added) == ["label", "probability", "labels", "explanation"]
    assert values.added["explanation"] == explanation
    assert [label["explanation"][1]["weight"] for label in values.added["labels"]] == [0.0, 0.1235]
    assert values.suggested == {"lang": "en"}


def test_no_label_in_every_format() -> None:
    answer = Explained(Labelled(()), (), 0, ())
    assert answer.lines("x", 0) == [""]
    assert answer.rows()[0].added == ("", "", "")
    assert answer.values().added == {"label": None, "probability": None, "explanation": None}
    assert answer._replace(shade=lambda parts: "shaded").lines("x", 0) == [""]


def test_what_is_shown_is_the_text_itself(tiny_classifier: Path) -> None:
    text = "  Fresh \t bread, a\u00a0lot\x1b[2J of it. "
    lines = []

    def shade(parts: Sequence[tuple[str, float | None]]) -> str:
        lines.append([weight for part, weight in parts[1:] if part.strip()])
        return "".join(part for part, _ in parts)

    classification = Classification(open_bundle(tiny_classifier), None, LabelOptions(num_best=2), CPU)
    (answer,) = explain(Explanation(classification, shade), text)
    heads = [f"{label.name}\t{label.probability:.4f}\t" for label in answer.labelled.labels]
    assert answer.lines(text, 0) == [head + text for head in heads]
    assert lines == list(map(list, answer.weights))


def test_a_blank_text_is_not_asked_about(tiny_classifier: Path) -> None:
    wanted = open_explanation(tiny_classifier).prepare([record_of(text) for text in ("", " \t", (" ", ""))])
    assert [prepared.pieces for prepared in wanted] == [[], [], []]
    assert all(isinstance(prepared, Prepared) for prepared in wanted)
