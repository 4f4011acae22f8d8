from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlmcli.errors import UsageError
from xlmcli.text.augmentation import KINDS, Augmentation, Kind, Variant, augment, parse_augmentation
from xlmcli.text.marks import has_marks

ROWS = [
    ("Good morning, Anna!", "Bonjour, Anna !"),
    ("The cat sleeps at home.", "Le chat dort à la maison."),
    ("Write to {name} today?", "Écrire à {name} aujourd'hui ?"),
    ("no punctuation here", "pas de ponctuation ici."),
    ("", "vide"),
]


def variants_of(kind: Kind, rows: Sequence[tuple[str, ...]] = ROWS, seed: int = 0) -> list[Variant]:
    """The variants of all rows, without the rows."""
    return augment(rows, [Augmentation(kind, 1)], random.Random(seed))[len(rows) :]


@pytest.mark.parametrize("kind", KINDS)
def test_augmentations_are_read_and_written(kind: Kind) -> None:
    assert parse_augmentation(f"{kind}=0.25") == Augmentation(kind, 0.25)
    assert str(Augmentation(kind, 0.25)) == f"{kind}=0.25"
    assert parse_augmentation(f"{kind}=1").share == 1


@pytest.mark.parametrize("text", ["", "=1", "case=1", "Typos=1", "typos =1", "spans,typos=1"])
def test_unknown_kinds_are_errors_that_list_those_there_are(text: str) -> None:
    with pytest.raises(UsageError, match="no augmentation") as caught:
        parse_augmentation(text)
    assert caught.value.hint == f"KIND=SHARE, where KIND is one of {', '.join(KINDS)}"


@pytest.mark.parametrize("share", ["", "=", "=0", "=-0.1", "=1.01", "=nan", "=inf", "=all", "=0.1,2"])
def test_what_is_no_share_is_an_error(share: str) -> None:
    with pytest.raises(UsageError, match="the share of rows is a number above 0 and at most 1"):
        parse_augmentation(f"typos{share}")


@pytest.mark.parametrize(
    ("kind", "row", "variant"),
    [
        ("capitals", ("Anna, à bientôt", "so long"), ("ANNA, À BIENTÔT", "SO LONG")),
        ("capitals", ("ABC", "ÇA"), None),
        ("lowercase", ("Élan A", "b"), ("élan a", "b")),
        ("lowercase", ("a", "b"), None),
        ("unpunctuated", ("Really?!", "Vraiment ?!"), ("Really", "Vraiment")),
        ("unpunctuated", ("Well...", "Eh bien…"), ("Well", "Eh bien")),
        ("unpunctuated", ("So it is.", "Oui"), None),
        ("unpunctuated", ("a.b", "c.d"), None),
        ("joined", ("One.", "Un."), ("One. One.", "Un. Un.")),
        ("joined", ('"Go!"', "« Va ! »"), ('"Go!" "Go!"', "« Va ! » « Va ! »")),
        ("joined", ("One", "Un."), None),
        ("unaccented", ("l'été à Besançon",), ("l'ete a Besancon",)),
        ("unaccented", ("summer", "l'été"), ("summer", "l'ete")),
        ("unaccented", ("summer", "ete"), None),
        ("typos", ("so it is", "a b"), None),
    ],
)
def test_variants(kind: Kind, row: tuple[str, ...], variant: tuple[str, ...] | None) -> None:
    found = {made.texts for seed in range(8) for made in variants_of(kind, [row], seed)}
    assert variant in found if variant else not found


def test_joined_rows_stand_in_the_same_order_on_both_sides() -> None:
    rows = [(f"Number {number}.", f"Nombre {number}.") for number in range(9)]
    made = variants_of("joined", rows)
    assert len(made) == 9
    for row, variant in zip(rows, made, strict=True):
        en, fr = variant.texts
        assert en.replace("Number", "Nombre") == fr
        assert en.startswith(row[0])
    assert {text.count(".") for variant in made for text in variant.texts} == {2, 3}


def test_a_typo_is_one_slip_inside_a_long_word() -> None:
    slips = {variant.texts[0] for seed in range(60) for variant in variants_of("typos", [("so good",)], seed)}
    assert slips == {"so godo", "so god", "so goood", "so giod", "so gpod", "so goid", "so gopd"}


@pytest.mark.parametrize("kind", ["unaccented", "typos"])
def test_the_side_with_errors_is_said(kind: Kind) -> None:
    for seed in range(8):
        for variant in variants_of(kind, [("Café crème", "L'été dernier")], seed):
            side = variant.noisy_side
            assert side is not None
            assert variant.texts[1 - side] == ("Café crème", "L'été dernier")[1 - side]
    sides = {v.noisy_side for seed in range(8) for v in variants_of(kind, [("Café crème", "L'été dernier")], seed)}
    assert sides == {0, 1}


@pytest.mark.parametrize("kind", ["capitals", "lowercase", "unpunctuated", "joined", "spans"])
def test_other_variants_have_no_errors(kind: Kind) -> None:
    assert {variant.noisy_side for variant in augment(ROWS, [Augmentation(kind, 1)], random.Random(0))} == {None}


def test_marks_take_the_place_of_what_stands_alike() -> None:
    made = augment(ROWS, [Augmentation("spans", 1)], random.Random(0))
    assert len(made) == len(ROWS)
    assert [has_marks(variant.texts[0]) for variant in made] == [has_marks(variant.texts[1]) for variant in made]
    assert has_marks(made[2].texts[0])
    assert "{name}" not in "".join(made[2].texts)
    assert made[1].texts == ROWS[1]


def test_variants_get_marks_too() -> None:
    kinds = [Augmentation("spans", 1), Augmentation("lowercase", 1)]
    variant = augment([ROWS[2]], kinds, random.Random(0))[1]
    assert has_marks(variant.texts[1])
    assert variant.texts[1].startswith("écrire à ")


def test_nothing_asked_for_changes_nothing() -> None:
    assert augment(ROWS, [], random.Random(0)) == [Variant(row) for row in ROWS]


def test_a_share_of_the_rows_gets_a_variant() -> None:
    rows = [(f"Row {number}",) for number in range(1000)]
    for kind in ("capitals", "spans"):
        made = augment(rows, [Augmentation(kind, 0.3)], random.Random(1))
        changed = len(made) - 1000 + sum(has_marks(variant.texts[0]) for variant in made)
        assert 200 < changed < 400


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.text("aB é.!?{x}'12 ", max_size=15), st.text("aB é.!?{x}'12 ", max_size=15)), max_size=5),
    st.lists(st.builds(Augmentation, st.sampled_from(KINDS), st.floats(0.1, 1)), max_size=4),
    st.integers(0, 3),
)
def test_the_seed_says_all_and_the_rows_come_first(
    rows: list[tuple[str, str]], augmentations: list[Augmentation], seed: int
) -> None:
    made = augment(rows, augmentations, random.Random(seed))
    assert augment(rows, augmentations, random.Random(seed)) == made
    for row, variant in zip(rows, made, strict=False):
        assert variant.texts == row or all(map(has_marks, variant.texts))
        assert variant.noisy_side is None
    assert len(made) >= len(rows)
    assert all(len(variant.texts) == 2 for variant in made)
