"""Text cut as by Argos Translate: sacremoses' rules with entities, and byte-pair encoding as published."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacremoses import MosesDetokenizer, MosesPunctNormalizer, MosesTokenizer

from xlmcli.bundle.names import TOKENIZER_NAMES
from xlmcli.errors import ModelError
from xlmcli.text import load_tokenizer
from xlmcli.text.family_tokenizers import has_family_tokenizer
from xlmcli.text.moses_bpe import MosesBPETokenizer

LINES = {
    "en": [
        "\"It's 5.30, isn't it?\" asked Mr. Smith.",
        "The players' bus (the red one) left at 8 p.m., didn't it?",
        "Research & Development costs $5,300.50 [see p. 12].",
        "AT&T and R&D; Q&A for 'beginners'...",
        'She said, "I\'ll be there."',
        "if x < 5 and y > 3 | z == 0: print(a[i])",
        "Don’t “quote” me — I’m only 50% sure…",
        "He lives at No. 7, King's Road; the U.S. No. 5 team won.",
        "<b>bold</b> &amp; &quot;escaped&quot; text",
        "rock 'n' roll in the '90s",
        "[1] [2] are notes; {3} isn't.",
        "e-mail a.b@c.org, or visit https://x.org/y_z?a=1&b=2#top!",
        "tabs\there,\ttoo",
    ],
    "fr": [
        "« L'été, c'est l’avenir ! » dit-elle.",
        "J'ai dit \"aujourd'hui\", pas 'demain'.",
        "M. Dupont & fils, p. ex. à 10 % [sic] ; qu'en dis-tu ?",
        "L'entreprise AT&T a perdu 1 234,5 € (environ).",
        "Est-ce qu'il n'y a plus d'eau… ?",
        "Il a crié : « Arrête-toi ! », puis il s'est tu.",
        "La société « Dupont & Cie » [SARL] | siège : Paris",
        'Il coûte 5 000 €, c.-à-d. "trop cher".',
        "Jusqu'où ira-t-on <ici> ?",
        "Le chat d'à côté a mangé l'oiseau.",
    ],
    "de": [
        "Er sagte: „Geht's gut, z.B. heute?“",
        "Nr. 7 liegt 'hinter' dem Haus [Foto].",
        "Müller & Söhne zahlen 1.000,50 € (brutto).",
        '"Das war\'s", meinte sie.',
        "Die Straße | der Weg < das Ziel > alles",
        "Das kostet 5 %, d.h. fast nichts; oder?",
        "Der 3. Oktober ist ein Feiertag.",
        "Hans' Auto, Peters Rad & Co.",
        "»Guten Tag«, sagte Dr. Weiß — und ging …",
        "Wie geht’s dir ‚heute‘?",
    ],
    "pb": ['"Copo d\'água" [meio cheio] & Cia.', "O Sr. João pagou R$ 5,50 às 10h."],
}
EVERY_LINE = [(lang, line) for lang, lines in LINES.items() for line in lines]
ESCAPED = {
    "&": "&amp;",
    "|": "&#124;",
    "<": "&lt;",
    ">": "&gt;",
    "'": "&apos;",
    '"': "&quot;",
    "[": "&#91;",
    "]": "&#93;",
}


def moses_words(text: str, lang: str) -> list[str]:
    return MosesTokenizer(lang).tokenize(MosesPunctNormalizer(lang).normalize(text))


def merge(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    """Joins every occurrence of a pair, from left to right."""
    merged: list[str] = []
    for symbol in symbols:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] = f"\0{pair[0]}{symbol}"  # What was just joined takes no part in this round.
        else:
            merged.append(symbol)
    return [symbol.removeprefix("\0") for symbol in merged]


def letters(word: str) -> list[str]:
    return [*word[:-1], f"{word[-1]}</w>"]


def learn(words: list[str], num_merges: int) -> list[tuple[str, str]]:
    """Sennrich, Haddow and Birch (2016), algorithm 1: merge the most frequent pair, again and again."""
    cut = {word: letters(word) for word in words}
    counts, merges = Counter(words), []
    for _ in range(num_merges):
        pairs: Counter[tuple[str, str]] = Counter()
        for word, symbols in cut.items():
            for pair in pairwise(symbols):
                pairs[pair] += counts[word]
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        cut = {word: merge(symbols, best) for word, symbols in cut.items()}
    return merges


def apply(word: str, merges: list[tuple[str, str]]) -> list[str]:
    """Merges the pair that was learned first, until none is left; all pieces but the last get the mark."""
    symbols = letters(word)
    while known := set(pairwise(symbols)) & set(merges):
        symbols = merge(symbols, min(known, key=merges.index))
    *others, last = symbols
    return [*(f"{symbol}@@" for symbol in others), last.removesuffix("</w>")]


@pytest.fixture(scope="module")
def merges() -> list[tuple[str, str]]:
    return learn([word for lang, line in EVERY_LINE for word in moses_words(line, lang)], 150)


@pytest.fixture(scope="module")
def vocab(merges: list[tuple[str, str]]) -> list[str]:
    pieces = [piece for lang, line in EVERY_LINE for word in moses_words(line, lang) for piece in apply(word, merges)]
    return ["<unk>", "<s>", "</s>", *dict.fromkeys(pieces)]


def encode_codes(merges: list[tuple[str, str]]) -> bytes:
    return "".join(["#version: 0.2\n", *(f"{left} {right}\n" for left, right in merges)]).encode()


@pytest.fixture(scope="module")
def tokenizer(merges: list[tuple[str, str]], vocab: list[str]) -> MosesBPETokenizer:
    return MosesBPETokenizer(encode_codes(merges), vocab)


def small_tokenizer(*merges: str, vocab: str = "") -> MosesBPETokenizer:
    return MosesBPETokenizer("\n".join(["#version: 0.2", *merges, ""]).encode(), ["<unk>", "</s>", *vocab.split()])


def pieces_of(tokenizer: MosesBPETokenizer, text: str, lang: str = "en") -> list[str]:
    return [tokenizer.vocab[index] for index in tokenizer.encode(text, lang)]


@pytest.mark.parametrize(("lang", "line"), EVERY_LINE)
def test_pieces_are_those_of_argos(
    lang: str, line: str, tokenizer: MosesBPETokenizer, merges: list[tuple[str, str]]
) -> None:
    expected = [piece for word in moses_words(line, lang) for piece in apply(word, merges)]
    assert pieces_of(tokenizer, line, lang) == expected
    # Now every word has been seen.
    assert tokenizer.encode_batch([line, "", line], lang)[1:] == [[], tokenizer.encode(line, lang)]


def test_the_lines_try_every_entity_and_pieces_of_several_lengths(vocab: list[str]) -> None:
    words = {word for lang, line in EVERY_LINE for word in moses_words(line, lang)}
    assert all(any(entity in word for word in words) for entity in ESCAPED.values())
    assert {2, 4, 6} <= {len(piece.removesuffix("@@")) for piece in vocab[3:]}


@pytest.mark.parametrize(("lang", "line"), EVERY_LINE)
def test_words_come_back(lang: str, line: str, tokenizer: MosesBPETokenizer) -> None:
    decoded = tokenizer.decode(tokenizer.encode(line, lang), lang)
    theirs = MosesDetokenizer(lang).detokenize(moses_words(line, lang))
    # Where spaces go is a matter of taste.
    assert decoded.replace(" ", "") == theirs.replace(" ", "")


@pytest.mark.parametrize(
    ("lang", "line"),
    [
        ("en", "She said: \"It's the dogs' bone [sic] & more.\""),
        ("fr", "L'ami d'enfance & l'autre, \"lui\" !"),
        ("de", 'Wie geht\'s? Er sagte: "Gut [sehr]."'),
    ],
)
def test_lines_come_back(lang: str, line: str) -> None:
    words = moses_words(line, lang)
    tokenizer = small_tokenizer(
        vocab=" ".join(f"{character} {character}@@" for character in sorted(set("".join(words))))
    )
    ids = tokenizer.encode(line, lang)
    assert "<unk>" not in [tokenizer.vocab[index] for index in ids]
    assert tokenizer.decode_batch([ids, []], lang) == [line, ""]


@pytest.mark.parametrize("character", ESCAPED)
def test_entities_come_back(character: str) -> None:
    entity = ESCAPED[character]
    tokenizer = small_tokenizer(vocab=f"{' '.join(f'{letter}@@' for letter in entity[:-1])} ; a b {entity}")
    assert pieces_of(tokenizer, f"a {character} b") == ["a", *(f"{letter}@@" for letter in entity[:-1]), ";", "b"]
    whole = [tokenizer.vocab.index(piece) for piece in ("a", entity, "b")]
    for ids in (tokenizer.encode(f"a {character} b"), whole):
        assert re.sub(r"\s", "", tokenizer.decode(ids)) == f"a{character}b"


def test_an_entity_of_the_text_stays_what_it_is() -> None:
    tokenizer = small_tokenizer(vocab="&amp;lt; &bar; &bra; &ket; &nbsp;")
    assert tokenizer.decode(range(2, 7)) == "&lt; | [] &nbsp;"


def test_what_the_vocabulary_lacks_is_unknown() -> None:
    tokenizer = small_tokenizer("l o", "lo w</w>", vocab="low e r@@ r e@@")
    assert pieces_of(tokenizer, "low e") == ["low", "e"]
    # `lo` is a piece that the vocabulary lacks, and so are `t` and `w@@`.
    assert pieces_of(tokenizer, "lot lower") == ["<unk>", "<unk>", "<unk>", "<unk>", "e@@", "r"]
    assert tokenizer.decode(tokenizer.encode("t e")) == "<unk> e"


def test_marks_of_the_text_are_text() -> None:
    tokenizer = small_tokenizer(vocab="@ @@@ @@ x")
    assert pieces_of(tokenizer, "@ x") == ["@", "x"]
    joined = small_tokenizer("@ @</w>", vocab="@@ x")
    assert joined.decode([2, 3]) == "@@ x"


def test_a_cut_hyphen_is_joined_and_control_pieces_are_left_out() -> None:
    tokenizer = small_tokenizer(vocab="well @-@ kn@@ own >>fra<< <blank>")
    ids = [tokenizer.vocab.index(piece) for piece in (">>fra<<", "well", "@-@", "kn@@", "<blank>", "own", "</s>")]
    assert tokenizer.decode(ids) == "well-known"


def test_of_two_equal_merges_the_first_counts() -> None:
    tokenizer = small_tokenizer("a b</w>", "c a", "a b</w>", vocab="c@@ ab ca@@ b")
    assert pieces_of(tokenizer, "cab") == ["c@@", "ab"]


def test_without_a_language_text_is_english(tokenizer: MosesBPETokenizer) -> None:
    line = LINES["en"][0]
    assert tokenizer.encode(line) == tokenizer.encode(line, "en") != tokenizer.encode(line, "fr")


@settings(deadline=None, max_examples=50)
@given(text=st.text(), data=st.data())
def test_any_text_and_any_ids_give_a_line(text: str, data: st.DataObject, tokenizer: MosesBPETokenizer) -> None:
    lang = data.draw(st.sampled_from(["en", "fr", "de", "zh"]))
    ids = tokenizer.encode(text, lang)
    assert all(0 <= index < tokenizer.vocab_size for index in ids)
    for sequence in (ids, data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1)))):
        assert len(tokenizer.decode(sequence, lang).splitlines()) <= 1


def test_what_is_saved_is_loaded(tokenizer: MosesBPETokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= TOKENIZER_NAMES
    assert not has_family_tokenizer(tmp_path)
    (tmp_path / "shared_vocabulary.json").write_text(json.dumps(tokenizer.vocab))
    loaded = load_tokenizer(tmp_path)
    assert isinstance(loaded, MosesBPETokenizer)
    assert loaded.encode_batch(LINES["en"]) == tokenizer.encode_batch(LINES["en"])


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (b"l o\nlo w</w>\n", "codes: codes of subword-nmt's version '0.1' are not read, only those of 0.2"),
        (b"#version: 0.1\nl o\n", "version '0.1' are"),
        (b"#version: 0.3\nl o\n", "version '0.3' are"),
        (b"", "version '0.1' are"),
        (b"#version: 0.2\nl o\n\nlo w\n", r"codes:3: expected two pieces, found ''"),
        (b"#version: 0.2\nl o 5\n", r"codes:2: expected two pieces, found 'l o 5'"),
        (b"#version: 0.2\nl \xff\n", "codes: not UTF-8"),
    ],
)
def test_other_codes_are_refused(codes: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        MosesBPETokenizer(codes, ["<unk>"], "codes")


def test_lines_may_end_as_on_windows_and_pieces_hold_rare_spaces() -> None:
    tokenizer = MosesBPETokenizer("#version: 0.2\r\nl o\r\n\u2028 \x85\r\n".encode(), ["<unk>", "lo@@", "l"])
    assert pieces_of(tokenizer, "lol") == ["lo@@", "l"]


def test_a_vocabulary_without_unk_is_refused() -> None:
    with pytest.raises(ModelError, match="has no <unk>"):
        MosesBPETokenizer(b"#version: 0.2\n", ["a"])
