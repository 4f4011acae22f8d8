"""XLM's own vocabularies against transformers' XLMTokenizer, and what must hold for any text."""

from __future__ import annotations

import json
import random
import sys
import tracemalloc
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlmcli.errors import ModelError
from xlmcli.text import bpe, load_tokenizer, moses_chunks
from xlmcli.text.special import RESERVED_PIECES, UNK_ID
from xlmcli.text.xlm_bpe import XLMBPETokenizer

MOSES_LANGS = ("en", "fr", "de", "es", "it", "ro", "ru", "ar", "hi", "ko", "pt", "xx")

LINES = [
    "Mr. Smith said: \"It's 5.30, isn't it?\" They'd paid $5,300.50.",
    "The U.S. No. 5 team won... etc. and so on; the dogs' bones aren't theirs.",
    "« L'été, c'est l’avenir ! » dit-elle à J.-P. Dupont, p. ex. à 10 %.",
    "Nr. 7 liegt „hinter“ dem Haus.\" Geht's gut, z.B. heute? (Ja.) Straße",
    "¿Dónde está el Sr. García? ¡Aquí! 1.000,5 €.",
    "Ştefan și Țepeș au mâncat în oraş.",
    "Он сказал: «Да…» — и ушёл. т.е. ИВАН",
    "فَتَحَتْ الفَتَاةُ عَيْنَيْهَا، أليس كذلك؟",
    "नन्हे शिशु के जन्म का अर्थ है कि दुनिया बनी रहे।",
    "한국어 문장입니다. 네!",
    "'quoted' at both ends'",
    ",5 starts with a comma, ends with it,",
    "a ' '5 b and ''double''",
    "tabs\there, a nul\x00, zero\u200bwidth, 5\u00a06, x\u00a0%, “x”,",
    "e-mail a.b@c.org and https://x.org/y_z?a=1&b=2 😀 ΣΑΣ İstanbul",
    "",
    "   ",
]

# What decides something in one of Moses' rules, and what stands beside it.
FRAGMENTS = [
    *"aB59 .,'\"`-:;?!()%<»«",
    "''",
    "..",
    '."',
    ',"',
    "\u00a0",
    "\u202f",
    "’",
    "„",
    "”",
    "。",
    "．",
    "…",
    "—",
    "\t",
    "\u200b",
    "５",
    "Mr.",
    "No.",
    "nº",
    "é",
    "Σ",
    "İ",
    "\r",
    "न्",
    "한",
    "中",
    "،",
    "।",
    "ş",
    "U.S.",
    "  ",
    # Words, marks and stops as most chunks have them, and what may stand beside these.
    *("word", "x", "s", "l'", "5,", "a.b", "etc.", "...", "“", "(", "@", "#", "/", "º", "²", "ِ", "🙂", "、"),
]


def make_vocabulary(folder: Path, *, lowercases: bool) -> Path:
    """Learns a small vocabulary of Hugging Face's layout."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    learner = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    learner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=600, end_of_word_suffix="</w>", special_tokens=list(RESERVED_PIECES), show_progress=False
    )
    # Neither case nor every script, so that there are unknown characters.
    learner.train_from_iterator([line.lower() if lowercases else line for line in LINES[:9]] * 2, trainer)
    model = json.loads(learner.to_str())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]), encoding="utf-8")
    merges = "".join(f"{' '.join(merge)}\n" for merge in model["merges"])
    (folder / "merges.txt").write_text(merges, encoding="utf-8")
    config = {"do_lowercase_and_remove_accent": lowercases, "tokenizer_class": "XLMTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.fixture(scope="module", params=[True, False], ids=["lowercased", "cased"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_vocabulary(tmp_path_factory.mktemp("xlm"), lowercases=request.param)


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> XLMBPETokenizer:
    return XLMBPETokenizer.load(folder)


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Any:
    from transformers import XLMTokenizer

    return XLMTokenizer.from_pretrained(folder)


def their_ids(theirs: Any, text: str, lang: str) -> list[int]:
    # tokenize(text, lang=…) forgets the language.
    return list(theirs.convert_tokens_to_ids(theirs._tokenize(text, lang=lang)))


@pytest.mark.parametrize("lang", MOSES_LANGS)
def test_ids_are_those_of_transformers(lang: str, tokenizer: XLMBPETokenizer, theirs: Any) -> None:
    rng = random.Random(lang)
    lines = LINES + ["".join(rng.choices(FRAGMENTS, k=rng.randint(1, 25))) for _ in range(150)]
    expected = [their_ids(theirs, line, lang) for line in lines]
    assert tokenizer.encode_batch(lines, lang) == expected
    # Now everything has been seen.
    assert [tokenizer.encode(line, lang) for line in lines] == expected


def test_without_a_language_text_is_english(tokenizer: XLMBPETokenizer) -> None:
    assert [tokenizer.encode(line) for line in LINES] == tokenizer.encode_batch(LINES, "en")


@pytest.mark.parametrize(
    ("lang", "library", "line"),
    [
        ("zh", "rjieba", "我坚信他在商业界会有所作为。“好”，他说：OK"),
        ("th", "pythainlp", "พวกคุณทุกคน 12 คน  เป็นเพื่อนกัน?"),
    ],
)
def test_segmented_ids_are_those_of_transformers(
    lang: str, library: str, line: str, tokenizer: XLMBPETokenizer, theirs: Any
) -> None:
    pytest.importorskip(library)
    assert tokenizer.encode(line, lang) == their_ids(theirs, line, lang)


@pytest.mark.parametrize("lang", ["en", "fr", "de", "ko"])
@settings(deadline=None, max_examples=25)
@given(text=st.text())
def test_any_text_is_encoded_and_decoded_to_a_line(lang: str, text: str, tokenizer: XLMBPETokenizer) -> None:
    ids = tokenizer.encode(text, lang)
    assert all(0 <= index < tokenizer.vocab_size for index in ids)
    assert "\n" not in tokenizer.decode(ids, lang)


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_any_ids_are_decoded_to_a_line(data: st.DataObject, tokenizer: XLMBPETokenizer) -> None:
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1)))
    lang = data.draw(st.sampled_from(["en", "fr", "de", "zh", "ja", "th"]))
    text = tokenizer.decode(ids, lang)
    assert "\n" not in text
    assert "</w>" not in text


def test_marks_are_no_letters_and_decomposition_brings_back_no_capital() -> None:
    """What stripping accents by the short way relies on, for every character of this Python's Unicode."""
    for character in map(chr, range(sys.maxunicode + 1)):
        assert not (character.isalpha() and unicodedata.category(character) == "Mn")
        if unicodedata.decomposition(character):
            decomposed = unicodedata.normalize("NFD", character.lower())
            assert decomposed == decomposed.lower()


def test_unknown_characters_are_unknown(tokenizer: XLMBPETokenizer) -> None:
    assert tokenizer.encode("龘 ☃☃") == [UNK_ID] * 3


def test_text_cannot_name_a_special_token(tokenizer: XLMBPETokenizer) -> None:
    assert not set(range(len(RESERVED_PIECES))) - {UNK_ID} & set(tokenizer.encode("</s> <pad> <special1>"))


def test_control_ids_are_left_out(tokenizer: XLMBPETokenizer) -> None:
    ids = tokenizer.encode("the dogs, etc.")
    assert tokenizer.decode([1, *ids, 2, 5, 1]) == tokenizer.decode(ids) == "the dogs, etc."


def test_what_is_saved_opens_again(tokenizer: XLMBPETokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    again = load_tokenizer(tmp_path)
    assert isinstance(again, XLMBPETokenizer)
    assert (again.vocab, again.lowercases) == (tokenizer.vocab, tokenizer.lowercases)
    assert again.encode_batch(LINES, "fr") == tokenizer.encode_batch(LINES, "fr")


def test_memory_does_not_grow_with_new_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Caches of a hundredth of their size are full after a few hundred lines.
    monkeypatch.setattr(moses_chunks, "_MAX_CACHED_CHARACTERS", 10_000)
    monkeypatch.setattr(bpe, "_MAX_CACHED_CHARACTERS", 10_000)
    tokenizer = XLMBPETokenizer.load(folder)

    def encode(start: int) -> None:
        lines = [f"word{number:020}x (word{number:020}y)" for number in range(start, start + 600)]
        tokenizer.encode_batch(lines[:400], "en")
        for line in lines[400:]:
            tokenizer.encode(line, "en")

    def peak(starts: range) -> int:
        tracemalloc.reset_peak()
        for start in starts:
            encode(start)
        return tracemalloc.get_traced_memory()[1]

    encode(0)
    tracemalloc.start()
    first, second = peak(range(1000, 4000, 1000)), peak(range(4000, 10_000, 1000))
    tracemalloc.stop()
    assert second < 1.5 * first


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vocab.json", "[]", "expected an object of pieces"),
        ("vocab.json", "{", "not JSON"),
        ("vocab.json", '{"<unk>": 0, "a": 0}', "same id"),
        ("vocab.json", '{"a": 0}', "no <unk>"),
        ("tokenizer_config.json", "[]", "expected an object"),
    ],
)
def test_damaged_files_are_named(name: str, content: str, message: str, tmp_path: Path) -> None:
    make_vocabulary(tmp_path, lowercases=True)
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=rf"{name}: .*{message}"):
        load_tokenizer(tmp_path)
