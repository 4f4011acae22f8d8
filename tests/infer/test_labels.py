from __future__ import annotations

import pytest

from xlmcli.bundle import ClassifierPart
from xlmcli.errors import UsageError
from xlmcli.infer.labels import Label, LabelChooser, Labelled, LabelOptions, check_labels

SINGLE = ClassifierPart(("bad", "so-so", "good"))
MULTI = ClassifierPart(("cheap", "fast", "small"), multi_label=True)
PROBABILITIES = [0.2, 0.3, 0.5]


def chosen(part: ClassifierPart, probabilities: list[float], **options: object) -> str:
    labels = LabelChooser(part, LabelOptions(**options)).choose(probabilities)  # type: ignore[arg-type]
    return " ".join(f"{label.name} {label.probability}" for label in labels)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "good 0.5"),
        ({"num_best": 2}, "good 0.5 so-so 0.3"),
        ({"num_best": 9}, "good 0.5 so-so 0.3 bad 0.2"),
        ({"all_labels": True}, "good 0.5 so-so 0.3 bad 0.2"),
        ({"threshold": 0.5}, "good 0.5"),
        ({"threshold": 0.51}, ""),
        ({"threshold": 0.1}, "good 0.5"),
        ({"threshold": 0.3, "num_best": 3}, "good 0.5 so-so 0.3"),
        ({"threshold": 0.51, "abstain": "unsure"}, "unsure 0.5"),
        ({"threshold": 0.4, "abstain": "unsure"}, "good 0.5"),
    ],
)
def test_one_label_unless_more_are_wanted(options: dict[str, object], expected: str) -> None:
    assert chosen(SINGLE, PROBABILITIES, **options) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "small 0.9 cheap 0.5"),
        ({"num_best": 1}, "small 0.9"),
        ({"all_labels": True}, "small 0.9 cheap 0.5 fast 0.1"),
        ({"threshold": 0.6}, "small 0.9"),
        ({"threshold": 0.05}, "small 0.9 cheap 0.5 fast 0.1"),
        ({"threshold": 0.95, "abstain": "none"}, "none 0.9"),
    ],
)
def test_any_number_of_labels_where_the_model_says_so(options: dict[str, object], expected: str) -> None:
    assert chosen(MULTI, [0.5, 0.1, 0.9], **options) == expected


def test_the_first_of_equal_labels_wins() -> None:
    assert chosen(SINGLE, [0.4, 0.4, 0.2]) == "bad 0.4"


@pytest.mark.parametrize("option", [{"num_best": 1}, {"threshold": 0.0}, {"abstain": "x"}])
def test_all_excludes_what_leaves_some_out(option: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="--all"):
        LabelOptions(all_labels=True, **option)  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", [float("nan"), 2.0, -0.1])
def test_a_threshold_is_a_probability(threshold: float) -> None:
    with pytest.raises(UsageError, match="is not from 0 to 1"):
        LabelOptions(threshold=threshold)


def test_abstaining_needs_a_threshold() -> None:
    with pytest.raises(UsageError, match="--abstain"):
        LabelChooser(SINGLE, LabelOptions(abstain="unsure"))


def test_only_labels_that_can_come_can_be_looked_for() -> None:
    assert check_labels(["bad", "unsure"], SINGLE, "unsure") == {"bad", "unsure"}
    with pytest.raises(UsageError, match="no label 'unsure'") as caught:
        check_labels(["unsure"], SINGLE, None)
    assert caught.value.hint == "it has bad, so-so, good"


def test_labels_with_commas_are_chosen_and_told_apart() -> None:
    part = ClassifierPart(("so", "so, so", '5"', '"x"'))
    assert check_labels(["so, so"], part, None) == {"so, so"}
    assert check_labels(['so,"so, so"', '5"'], part, None) == {"so", "so, so", '5"'}
    with pytest.raises(UsageError, match="no label ''"):
        check_labels([""], part, None)
    labels = tuple(Label(name, 0.25) for name in part.labels)
    assert Labelled(labels, is_list=True).rows()[0].added[0] == 'so,"so, so","5""","""x"""'
    assert [Labelled(labels[index : index + 1]).rows()[0].added[0] for index in (1, 3)] == ["so, so", '"x"']
    assert Labelled(labels[1:2], is_list=True, is_multi_label=True).rows()[0].added[0] == '"so, so"'


def test_labels_in_every_format() -> None:
    answer = Labelled((Label("good", 0.75), Label("bad", 0.25)), is_list=True, lang="en")
    assert answer.lines("x", 0) == ["good\t0.7500\tbad\t0.2500"]
    assert answer.rows()[0].added == ("good,bad", "0.7500,0.2500")
    values = answer.values()
    assert values.text is None
    assert values.added == {
        "label": "good",
        "probability": 0.75,
        "labels": [{"label": "good", "probability": 0.75}, {"label": "bad", "probability": 0.25}],
    }
    assert values.suggested == {"lang": "en"}


def test_no_label_in_every_format() -> None:
    answer = Labelled(())
    assert answer.lines("x", 0) == [""]
    assert answer.rows()[0].added == ("", "")
    assert answer.values().added == {"label": None, "probability": None}


@pytest.mark.parametrize("abstain", ["a\tb", "a\n", "\udcff"])
def test_a_label_of_abstention_is_a_column_of_text(abstain: str) -> None:
    with pytest.raises(UsageError, match=r"^--abstain .* holds a tab, a line end or what is not UTF-8$"):
        LabelOptions(threshold=1, abstain=abstain)
