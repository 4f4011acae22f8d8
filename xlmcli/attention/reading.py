"""Reading the attention of a model: of a bundle, or of a checkpoint, which is converted for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from xlmcli.attention.maps import AttentionMap, Group, When
from xlmcli.bundle import Bundle, is_bundle, open_bundle
from xlmcli.errors import DataError, UsageError
from xlmcli.infer.decoding import Decoding
from xlmcli.infer.directions import choose_direction, open_engine
from xlmcli.infer.engine import EngineOptions
from xlmcli.infer.languages import follows_transformers, open_languages
from xlmcli.model.forced import ForcedTranslations
from xlmcli.model.network import Array, Network
from xlmcli.outputs import temporary_folder
from xlmcli.text import Tokenizer
from xlmcli.text.fixed_rules import FixedRulesTokenizer
from xlmcli.text.places import PieceSpeller, find_parts, find_words


def read_attention(
    path: Path,
    text: str,
    *,
    src: str | None = None,
    tgt: str | None = None,
    target: str | None = None,
    when: When | None = None,
    by_words: bool = False,
) -> AttentionMap:
    """Runs a model on a text, and returns the attention of all its layers and heads.

    That is a translator's attention to the text, and an encoder's or a classifier's to itself.

    Args:
        path: A bundle or a checkpoint.
        text: A text that the model reads at once.
        src: Its language, where the model has several.
        tgt: A translator: the language of the translation, likewise.
        target: A translator: the translation; None for its own.
        when: A translator: whether a row is the piece that it chooses or the one that it reads; None for what aligns.
        by_words: Fold pieces to words.

    Raises:
        UsageError: An option is for translators, or the model has several directions.
        ModelError: The model cannot be opened, has no such language, or has parts whose attention is not computed.
        DataError: A text is empty, or too long to be read at once.
    """
    with _opened(path) as bundle:
        if bundle.manifest.translation is not None:
            return _of_translator(bundle, text, src, tgt, target, when, by_words)
        for option, value in (("--tgt", tgt), ("--target", target), ("--when", when)):
            if value is not None:
                raise UsageError(f"{option} is for translators, and {bundle.name} is none", hint="leave it out")
        return _of_encoder(bundle, text, src, by_words)


@contextmanager
def _opened(path: Path) -> Iterator[Bundle]:
    if is_bundle(path):
        yield open_bundle(path)
        return
    from xlmcli.convert.bundling import BundleOptions, write_bundle
    from xlmcli.convert.opening import open_convertible

    with temporary_folder() as folder:
        yield write_bundle(open_convertible(path), folder / path.resolve().stem, BundleOptions(quantization="float32"))


def _of_encoder(bundle: Bundle, text: str, lang: str | None, by_words: bool) -> AttentionMap:
    manifest, tokenizer = bundle.manifest, bundle.open_tokenizer()
    if follows_transformers(manifest):
        tokenizer = FixedRulesTokenizer(tokenizer)
    lang = open_languages(bundle, lang).choose(text)
    ids = _encode(tokenizer, text, lang, manifest.limits.max_source_positions - 2, "--text")
    vocab, tokens = tokenizer.vocab, manifest.tokens
    framed = [vocab.index(tokens.bos), *ids, vocab.index(tokens.eos)]
    # The engine's row 0 is no language; see convert/xlm/encoder_specs.py.
    row = manifest.languages[lang] + 1 if manifest.language_input == "token_types" and lang is not None else 0
    (found,) = Network(bundle.read_files()).encode([framed], [[row] * len(framed)])
    names = [vocab[index] for index in framed]
    attention = _make_map(names, names, found.weights)
    if by_words:
        groups = _group(tokenizer, ids, text, lang, names[:1], names[-1:])
        attention = attention.fold(groups, groups)
    return attention


def _of_translator(
    bundle: Bundle,
    text: str,
    src: str | None,
    tgt: str | None,
    target: str | None,
    when: When | None,
    by_words: bool,
) -> AttentionMap:
    direction, tokenizer = choose_direction(bundle, src, tgt), bundle.open_tokenizer()
    part, vocab, frame = bundle.translation, tokenizer.vocab, bundle.frame(direction)
    most = bundle.manifest.limits.max_source_positions - len(frame.before) - len(frame.after)
    ids = _encode(tokenizer, text, direction.src, most, "--text")
    room = part.max_target_positions - len(frame.target) - 1
    if target is None:
        decoding = Decoding(part.decoding.beam_size, part.decoding.length_penalty)
        engine = open_engine(bundle, direction, tokenizer, EngineOptions("cpu"))
        said = engine.submit([ids], decoding).wait()[0].hypotheses[0][:room]
        target = tokenizer.decode(said, direction.tgt)
    else:
        said = _encode(tokenizer, target, direction.tgt, room, "--target")
    forced = ForcedTranslations(bundle, direction)
    pieces, translation = ([vocab[index] for index in side] for side in (ids, said))
    (output,) = forced.run([pieces], [translation])
    head = part.alignment_head
    when_read = when == "read" if when is not None else head is not None and head.when_read
    ends = (forced.start, []) if when_read else (forced.start[1:], [bundle.manifest.tokens.eos])
    keys = [*forced.before, *pieces, *forced.after]
    attention = _make_map([*ends[0], *translation, *ends[1]], keys, output.weights)
    if by_words:
        attention = attention.fold(
            _group(tokenizer, said, target, direction.tgt, *ends),
            _group(tokenizer, ids, text, direction.src, forced.before, forced.after),
        )
    aligning = None if head is None else (head.layer, head.head)
    return replace(attention, aligning=aligning, when="read" if when_read else "chosen")


def _make_map(queries: Sequence[str], keys: Sequence[str], weights: Array) -> AttentionMap:
    num_layers, num_heads = weights.shape[:2]
    return AttentionMap(
        tuple(queries), tuple(keys), weights, tuple(range(1, num_layers + 1)), tuple(range(1, num_heads + 1))
    )


def _encode(tokenizer: Tokenizer, text: str, lang: str | None, most: int, option: str) -> list[int]:
    ids = tokenizer.encode(" ".join(text.split()), lang)
    if not ids:
        raise DataError(f"{option} is empty", hint="give a sentence")
    if len(ids) > most:
        raise DataError(f"{option} has {len(ids)} pieces, and the model reads {most} at once", hint="give a sentence")
    return ids


def _group(
    tokenizer: Tokenizer, ids: Sequence[int], text: str, lang: str | None, before: Sequence[str], after: Sequence[str]
) -> list[Group]:
    """Groups the pieces of a text by words; special pieces before and after it are groups of their own."""
    words = find_words(text, lang or "en")
    places = find_parts(PieceSpeller(tokenizer).spell(ids, lang), text)
    numbers: list[int] = []
    # A piece that stands nowhere, such as a lone space, goes with the one behind it.
    for place in reversed(places):
        last = numbers[-1] if numbers else len(words) - 1
        reached = [number for number, word in enumerate(words) if place and word.start < place[1]]
        numbers.append(min(last, reached[-1]) if reached else last)
    groups: list[Group] = [(piece, [index]) for index, piece in enumerate(before)]
    numbered = enumerate(reversed(numbers), len(before))
    for number, run in groupby(numbered, lambda item: item[1]):
        groups.append((words[number].text, [index for index, _ in run]))
    end = len(before) + len(ids)
    return groups + [(piece, [index]) for index, piece in enumerate(after, end)]
