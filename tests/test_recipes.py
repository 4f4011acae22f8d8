"""The commands of the recipes, and the sentence pairs that one of them finds among subtitles."""

from __future__ import annotations

import lzma
import random
import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest

from recipes.joined_pairs import write_pairs
from recipes.new_sentences import LANGS, write_sentences
from recipes.sentiment_rules import framed, joined
from recipes.sentiment_teacher import write
from recipes.subtitle_pairs import (
    WORD,
    Subtitles,
    is_inflected,
    keep_compatible,
    mutual_neighbours,
    pairs_by_rare_words,
)
from xlmcli.cli import main
from xlmcli.sources import Source
from xlmcli.train.classification.files import Columns, iter_examples

RECIPES = Path(__file__).parents[1] / "recipes"
# Sentences made up for this test.
ENGLISH = [
    "Watch out, Marlena!",
    "Where is the Zephyr now?",
    "I have nothing to say.",
    "They left for Quillby at dawn.",
    "What is the name?",
]
POLISH = [
    "Nie mam nic do powiedzenia.",
    "Uważaj, Marlena!",
    "O świcie wyjechali do Quillby.",
    "Gdzie jest teraz Zephyra?",
    "Jak się nazywa?",
]


def make(texts: list[str], labels: list[str] | None = None) -> Subtitles:
    words = [{word.lower() for word in WORD.findall(text)} for text in texts]
    return Subtitles(labels or [""] * len(texts), texts, words, [[]] * len(texts), np.zeros((len(texts), 1)))


def test_names_pair_lines_whatever_the_language() -> None:
    found = pairs_by_rare_words(make(ENGLISH), make(POLISH)).tolist()
    assert sorted(found) == [[0, 1], [1, 3], [3, 2]]


@pytest.mark.parametrize(
    ("word", "other", "expected"),
    [
        ("zephyra", "zephyr", True),
        ("zephyr", "zephyr", True),
        ("zephyr", "zebra", False),
        ("zephyranthes", "zephyr", False),
        ("bank", "banki", False),
        ("marlene", "marlena", True),
        ("marlenes", "marlenow", False),
    ],
)
def test_an_inflected_name_differs_in_a_short_ending(word: str, other: str, expected: bool) -> None:
    assert is_inflected(word, other) is expected


def test_neighbours_are_each_others_nearest() -> None:
    cosines = np.array([[0.9, 0.1, 0.0], [0.8, 0.1, 0.3], [0.1, 0.4, 0.2]], dtype=np.float32)
    rows, margins = mutual_neighbours(cosines, np.eye(3, dtype=np.float32), num_neighbours=2)
    # Row 1 is nearest to column 0, which is nearer to row 0; column 2 is nearest to row 1.
    assert rows.tolist() == [[0, 0], [2, 1]]
    assert margins == pytest.approx([0.9 / ((0.5 + 0.85) / 2), 0.4 / ((0.3 + 0.25) / 2)])


def test_labels_that_contradict_each_other_part_a_pair() -> None:
    first = make(ENGLISH, ["negative", "neutral", "positive", "negative", "negative"])
    second = make(POLISH, ["positive", "positive", "positive", "neutral", "negative"])
    rows = np.array([[0, 0], [1, 1], [2, 2], [3, 3]])
    assert keep_compatible(rows, first, second).tolist() == [[1, 1], [2, 2], [3, 3]]


def test_new_sentences_are_new_and_not_held_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("parallel", "mono", "valid", "test"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    pairs = {lang: [] for lang in LANGS}
    pairs["fr"] = ["Known.\tConnu.\ttatoeba"]
    pairs["de"] = ["Known.\tBekannt.\ttatoeba", "New one.\tNeu.\ttatoeba-challenge", "Law.\tGesetz.\tlaws"]
    pairs["es"] = ["New one.\tNuevo.\ttatoeba", "Held out!\tReservado.\ttatoeba", f"{'long ' * 21}\tx\ttatoeba"]
    for lang, rows in pairs.items():
        for name in (f"en-{lang}", f"open.en-{lang}"):
            with lzma.open(tmp_path / f"data/parallel/{name}.tsv.xz", "wt", encoding="utf-8") as file:
                file.write("".join(f"{row}\n" for row in rows))
    mono = {"en": ["New one.", "Another.", ""], "fr": ["Une de plus.", "Un chat noir.", "Deux mots."]}
    for lang, texts in mono.items():
        with lzma.open(tmp_path / f"data/mono/{lang}.txt.xz", "wt", encoding="utf-8") as file:
            file.write("".join(f"{text}\n" for text in texts))
    (tmp_path / "data/valid/a.tsv").write_text("held out\tréservé\n", encoding="utf-8")
    (tmp_path / "data/test/b.tsv").write_text("A black cat\tUn chat noir !\n", encoding="utf-8")
    write_sentences(tmp_path / "new", "fr")
    assert (tmp_path / "new/sentences.en").read_text(encoding="utf-8") == "Another.\nNew one.\n"
    assert (tmp_path / "new/sentences.fr").read_text(encoding="utf-8") == "Deux mots.\nUne de plus.\n"
    write_sentences(tmp_path / "few", "fr", most=1)
    assert (tmp_path / "few/sentences.en").read_text(encoding="utf-8") in ("Another.\n", "New one.\n")


def test_joined_pairs_share_their_english_and_are_not_held_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("parallel", "valid", "test"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    pairs = {lang: [] for lang in LANGS}
    pairs["de"] = ["Hi.\tHallo.\ttatoeba", "Law.\tGesetz.\tlaws", "Yes.\tJa.\ttatoeba", "Hi.\tHallo.\ttatoeba"]
    pairs["fr"] = ["Hi.\tSalut.\ttatoeba", "Hi.\tBonjour.\tcocoa-mt", "Law.\tLoi.\tlaws", "Yes.\tOui.\ttatoeba"]
    for lang, rows in pairs.items():
        for name in (f"en-{lang}", f"open.en-{lang}"):
            with lzma.open(tmp_path / f"data/parallel/{name}.tsv.xz", "wt", encoding="utf-8") as file:
                file.write("".join(f"{row}\n" for row in rows))
    (tmp_path / "data/valid/a.tsv").write_text("Yes\toui !\n", encoding="utf-8")
    write_pairs(tmp_path / "joined")
    found = (tmp_path / "joined/de-fr.tsv").read_text(encoding="utf-8")
    assert sorted(found.splitlines()) == ["Hallo.\tBonjour.", "Hallo.\tSalut."]
    assert (tmp_path / "joined/es-it.tsv").read_text(encoding="utf-8") == ""


def test_the_second_of_two_opposites_decides() -> None:
    rows = [
        ("positive", "Great food."),
        ("negative", "It was cold!"),
        ("neutral", "At noon."),
        ("positive", "word " * 20),
    ]
    assert list(joined(rows, "but", random.Random(1))) == [
        ("positive", "It was cold, but great food."),
        ("negative", "Great food, but it was cold!"),
    ]


def test_a_frame_takes_words_of_either_kind() -> None:
    words = [("positive", "good"), ("negative", "bad"), ("neutral", "grey")] * 10
    frames = [("negative", "not {good}"), ("positive", "less {bad} than {good}")]
    assert set(framed(words, frames, random.Random(1))) == {
        ("negative", "not good"),
        ("positive", "less bad than good"),
    }


def test_what_a_teacher_says_is_read_for_training(tmp_path: Path) -> None:
    write(tmp_path / "soft.jsonl", ["so so", "fine"], np.array([[0.25, 0.5, 0.25], [0.0, 0.25, 0.75]]))
    examples = list(iter_examples(Source(("en",), tmp_path / "soft.jsonl"), Columns()))
    assert [example.texts for example in examples] == [("so so",), ("fine",)]
    assert examples[0].labels == {"negative": 0.25, "neutral": 0.5, "positive": 0.25}
    assert examples[1].labels == {"negative": 0.0, "neutral": 0.25, "positive": 0.75}


@pytest.mark.parametrize("recipe", ["en-fr", "few-pairs", "no-pairs", "sentiment", "topics"])
def test_the_commands_of_a_recipe_are_accepted_as_they_are(recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(RECIPES.parent)
    text = RECIPES.joinpath(f"{recipe}.toml").read_text(encoding="utf-8").replace("$recipe", f"recipes/{recipe}.toml")
    commands = re.findall(r"^# +xlm (.+)$", text, re.MULTILINE)
    assert len(commands) >= 3
    for command in commands:
        parse(shlex.split(command, comments=True))


def parse(words: list[str]) -> None:
    """Reads a command line, with the settings that it names, and runs nothing."""
    command: click.Command = main
    context, name = None, "xlm"
    while isinstance(command, click.Group):
        context = click.Context(command, parent=context, info_name=name, **command.context_settings)
        name, *words = words
        subcommand = command.get_command(context, name)
        assert subcommand, name
        command = subcommand
    command.make_context(name, words, parent=context)
