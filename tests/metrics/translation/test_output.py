from __future__ import annotations

from xlmcli.infer.repetition import repeats_itself
from xlmcli.metrics.sides import Side
from xlmcli.metrics.translation.output import OutputShares, find_misuse, measure_output

SOURCE = ["the cat sleeps", "Paris", "how are you", "good morning to you all"]
REFERENCE = ["le chat dort", "Paris", "comment vas-tu", "bonjour à vous tous"]


def shares(*hypotheses: str) -> OutputShares:
    return measure_output(hypotheses, SOURCE, [REFERENCE], repeats_itself)


def test_good_output_has_nothing_to_tell() -> None:
    assert shares(*REFERENCE) == OutputShares(0.0, 0.0, 0.0)


def test_loops_copies_and_odd_lengths_are_counted() -> None:
    looping = "le chat dort dort dort dort dort"
    assert shares(looping, *REFERENCE[1:]) == OutputShares(0.25, 0.0, 0.25)
    # A name stays what it is, in the reference as well.
    assert shares(*SOURCE[:2], *REFERENCE[2:]) == OutputShares(0.0, 0.25, 0.0)
    assert shares("", "Paris, France et plus", "com", REFERENCE[3]) == OutputShares(0.0, 0.0, 0.75)


def test_one_reference_of_similar_length_is_enough() -> None:
    measured = measure_output(["oui"], ["yes"], [["tout à fait d'accord"], ["oui !"]], repeats_itself)
    assert measured.odd_length == 0


def test_scripts_without_spaces_loop_by_character() -> None:
    assert measure_output(["哈哈哈哈哈哈"], ["ha"], [["哈"]], repeats_itself).repeating == 1


def test_doubtful_comparisons_are_named() -> None:
    source, reference = Side("in.en", SOURCE), Side("ref.fr", [*REFERENCE[:3], ""])
    good = Side("out.fr", ["le chat dort.", "Paris, oui.", "comment vas-tu ?", "bonjour"])
    assert find_misuse([good], [Side("ref.fr", REFERENCE)], source) == []
    assert find_misuse([good], [reference], source) == ["ref.fr has 1 line without text"]
    tokenised = Side("out.fr", ["le chat dort .", "Paris , oui .", "comment vas-tu ?", "bon@@ jour"])
    (warning,) = find_misuse([tokenised], [Side("ref.fr", REFERENCE)], source)
    assert warning.startswith("out.fr looks tokenised (75% of its lines)")
    assert find_misuse([tokenised], [Side("ref.fr", [*tokenised.lines[:3], "x"])], None) == []
    copy = Side("copy", list(SOURCE))
    assert find_misuse([copy], [Side("ref.fr", REFERENCE)], source) == [
        "copy and the source are identical: nothing is translated"
    ]
    (warning,) = find_misuse([Side("copy", list(REFERENCE))], [Side("ref.fr", REFERENCE)], None)
    assert warning == "copy and the reference ref.fr are identical"
