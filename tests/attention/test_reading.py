"""Attention of real models of every kind, the same whatever they are read from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.attention.reading import read_attention
from xlmcli.bundle import find_model
from xlmcli.errors import DataError, ExitCode, ModelError, UsageError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

TOLERANCE = 1e-4


def test_a_translator_shows_what_aligns() -> None:
    attention = read_attention(find_model(), "The red car.", src="en", tgt="fr", by_words=True)
    assert attention.queries == ("</s>", "La", "voiture", "rouge", ".")
    assert attention.keys == ("</s>", "The", "red", "car", ".", "</s>")
    assert attention.aligning == (1, 3)
    head = attention.layer(1).head(3).weights[0, 0]
    assert [attention.keys[row.argmax()] for row in head[1:]] == ["The", "car", "red", "."]
    assert np.allclose(attention.weights.sum(axis=-1), 1, atol=1e-5)


def test_a_translation_may_be_given_and_rows_be_what_is_chosen() -> None:
    own, given, read = (
        read_attention(find_model(), "The red car.", src="en", tgt="fr", target=target, when=when)
        for target, when in ((None, None), ("La voiture rouge.", "chosen"), ("La voiture rouge.", "read"))
    )
    assert np.array_equal(own.weights, given.weights)
    assert own.queries == read.queries
    assert own.queries[1:] == given.queries[:-1]
    assert (own.queries[0], given.queries[-1]) == ("</s>", "</s>")
    other = read_attention(find_model(), "The red car.", src="en", tgt="fr", target="Une auto")
    assert other.weights.shape[2] == len(other.queries) != len(own.queries)


def test_a_checkpoint_is_as_its_bundle(tiny_checkpoint: Path, tiny_bundle: Path) -> None:
    options = {"src": "fr", "tgt": "en", "target": "The cat sleeps."}
    one, other = (read_attention(path, "Le chat dort.", **options) for path in (tiny_checkpoint, tiny_bundle))
    assert one.queries == other.queries
    assert np.abs(one.weights - other.weights).max() < TOLERANCE


def test_an_encoder_looks_at_its_text_as_in_transformers(make_published: Callable[..., Path]) -> None:
    folder = make_published("XLMModel", attn_implementation="eager", n_langs=2, lang2id={"en": 0, "fr": 1})
    found = read_attention(folder, "Le chat dort.", src="fr")
    tokenizer_pieces = found.queries
    assert found.queries == found.keys
    assert found.aligning is None
    from xlmcli.text import load_tokenizer

    ids = torch.tensor([[1, *load_tokenizer(folder).encode("Le chat dort.", "fr"), 1]])
    assert ids.shape[1] == len(tokenizer_pieces)
    model = transformers.XLMModel.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        output = model(ids, langs=torch.full_like(ids, 1), output_attentions=True)
    wanted = np.stack([layer[0].numpy() for layer in output.attentions])
    assert np.abs(found.weights - wanted).max() < TOLERANCE


def test_a_classifier(published_classifier: Path) -> None:
    found = read_attention(published_classifier, "The cat sleeps, I think.", by_words=True)
    assert found.queries == ("<s>", "The", "cat", "sleeps", ",", "I", "think", ".", "</s>")
    assert found.keys == found.queries
    assert np.allclose(found.weights.sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("text", ["a ☃ b", "don't  stop", "L’été, c'est 1½ km²!", "naïf \u202eabc", "x" * 40])
def test_every_piece_belongs_to_a_word(text: str) -> None:
    pieces = read_attention(find_model("sentiment"), text, src="en")
    words = read_attention(find_model("sentiment"), text, src="en", by_words=True)
    assert np.allclose(words.weights.sum(axis=-1), 1, atol=1e-5)
    assert 2 < len(words.keys) <= len(pieces.keys)
    assert all(word in text.replace("’", "'") or word in text for word in words.keys[1:-1])


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        ("", {}, DataError, "--text is empty"),
        (" \n ", {}, DataError, "--text is empty"),
        ("cat " * 5000, {}, DataError, "pieces, and the model reads 254 at once"),
        ("cat", {"target": " "}, DataError, "--target is empty"),
        ("cat", {"target": "chat " * 3000}, DataError, "--target has .* pieces, and the model reads 255 at once"),
        ("cat", {"src": "en", "tgt": "de"}, ModelError, "does not translate from 'en' to 'de'"),
    ],
)
def test_mistakes(text: str, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_attention(find_model(), text, **{"src": "en", "tgt": "fr", **options})


@pytest.mark.parametrize("option", ["tgt", "target", "when"])
def test_options_of_translators(option: str) -> None:
    with pytest.raises(UsageError, match=f"--{option} is for translators, and sentiment is none"):
        read_attention(find_model("sentiment"), "a", **{option: "read"})  # type: ignore[arg-type]


def test_an_original_file(
    tmp_path: Path, original_content: Callable[..., dict[str, Any]], original_codes: str, xlm: Callable[..., Any]
) -> None:
    torch.save(original_content(has_decoder=False), tmp_path / "best.pth")
    (tmp_path / "codes").write_text(original_codes, encoding="utf-8")
    done = xlm("attention", "-m", tmp_path / "best.pth", "--src", "en", "--text", "the cat", "--entropy")
    assert done.code == ExitCode.OK, done.err
    assert "entropy in bits" in done.out


def test_the_folder_that_one_is_in(
    tiny_checkpoint: Path, xlm: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_checkpoint)
    done = xlm("attention", "-m", ".", "--src", "en", "--tgt", "fr", "--text", "the cat", "--entropy")
    assert done.code == ExitCode.OK


def test_a_hostile_text_does_nothing_but_show(xlm: Callable[..., Any], tmp_path: Path) -> None:
    text = "<script>alert(1)</script> \x1b[31mred\u202e abc\x07 " * 2
    options = ("attention", "--src", "en", "--tgt", "fr", "--text", text)
    done = xlm(*options)
    assert done.code == ExitCode.OK, done.err
    assert not {"\x1b", "\x07", "\u202e"} & set(done.out)
    assert xlm(*options, "--all-heads", "-o", tmp_path / "page.html").code == ExitCode.OK
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert not {"\x1b", "\x07"} & set(page)
