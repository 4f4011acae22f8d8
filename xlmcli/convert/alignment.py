"""Finding the head of a decoder that aligns words best; it differs from model to model.

A translation is forced on the model and each head asked where it looked. Where the model translates back as well, the
best head is the one that agrees with itself in both directions; where it does not, the one that finds again what stands
alike on both sides, such as names, numbers and punctuation. A decoder may look at what it says when it chooses a piece,
or when it reads it to choose the next one; both are tried.

Source: Chen et al. 2020, "Accurate Word Alignment Induction from Neural Machine Translation", for reading; Liang et al.
2006, "Alignment by Agreement", for the measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np

from xlmcli.bundle import MODEL_NAME, AlignmentHead, Bundle
from xlmcli.bundle.alignment_head import can_put_head_first
from xlmcli.bundle.layout import read_weights
from xlmcli.convert.samples import choose_directions, sample_sentences
from xlmcli.errors import ModelError
from xlmcli.infer.decoding import Decoding
from xlmcli.infer.directions import open_engine
from xlmcli.infer.engine import EngineOptions
from xlmcli.model.forced import ForcedTranslations
from xlmcli.model.network import Array, Network
from xlmcli.records import Direction
from xlmcli.text import Tokenizer

_MAX_DIRECTIONS = 4
_GREEDY = Decoding(beam_size=1, length_penalty=0)


def find_alignment_head(bundle: Bundle) -> AlignmentHead | None:
    """Measures every head of a translation bundle on built-in sentences.

    None where there is nothing to go by, or the engine could not be told, as with models of old converters.
    """
    if not _is_measurable(bundle):
        return None
    tokenizer = bundle.open_tokenizer()
    directions = choose_directions(bundle.translation, ())[:_MAX_DIRECTIONS]
    found = [scores for direction in directions for scores in _score(bundle, tokenizer, direction)]
    if not found:
        return None
    scores = np.mean(found, axis=0)
    when_read, layer, head = map(int, np.unravel_index(scores.argmax(), scores.shape))
    return AlignmentHead(layer + 1, head + 1, bool(when_read), round(float(scores.max()), 3))


def _is_measurable(bundle: Bundle) -> bool:
    files = bundle.read_files()
    try:
        Network(files)
    except ModelError:
        return False
    return can_put_head_first(read_weights(BytesIO(files[MODEL_NAME])))


def _score(bundle: Bundle, tokenizer: Tokenizer, direction: Direction) -> list[Array]:
    """Returns how well each head does on each sentence, (chosen or read, layers, heads), 1 at best."""
    texts, translations = _translate(bundle, tokenizer, direction)
    if not texts:
        return []
    forth = _attention(bundle, direction, texts, translations)
    if bundle.translation.translates(direction.opposite):
        return list(map(_agreement, forth, _attention(bundle, direction.opposite, translations, texts)))
    anchors = map(_find_anchors, texts, translations)
    return [_recall(weights, pairs) for weights, pairs in zip(forth, anchors, strict=True) if pairs]


def _translate(bundle: Bundle, tokenizer: Tokenizer, direction: Direction) -> tuple[list[list[str]], list[list[str]]]:
    """Returns the pieces of built-in sentences and of their translations that have room on either side."""
    engine = open_engine(bundle, direction, tokenizer, EngineOptions("cpu"))
    most = min(engine.max_source_tokens, bundle.translation.max_target_positions - 2)
    batch = tokenizer.encode_batch(sample_sentences(direction.src), direction.src)
    batch = [ids for ids in batch if 0 < len(ids) <= most]
    outputs = [result.hypotheses[0] for result in engine.submit(batch, _GREEDY).wait()]
    pairs = [(text, output) for text, output in zip(batch, outputs, strict=True) if 0 < len(output) <= most]
    texts, translations = ([[tokenizer.vocab[index] for index in pair[side]] for pair in pairs] for side in (0, 1))
    return texts, translations


def _attention(
    bundle: Bundle, direction: Direction, texts: Sequence[Sequence[str]], translations: Sequence[Sequence[str]]
) -> list[Array]:
    """Returns where each piece of a translation looked, (chosen or read, layers, heads, pieces, pieces of the text)."""
    forced = ForcedTranslations(bundle, direction)
    first, column = len(forced.start) - 1, len(forced.before)
    outputs = forced.run(texts, translations)
    seen = [item.weights[..., first:, column : column + len(text)] for text, item in zip(texts, outputs, strict=True)]
    return [np.stack([weights[..., :-1, :], weights[..., 1:, :]]) for weights in seen]


def _agreement(forth: Array, back: Array) -> Array:
    """How sure both directions are of the same links, of the most that there can be."""
    both = (forth * back.swapaxes(-1, -2)).sum(axis=(-1, -2))
    return np.asarray(both / min(forth.shape[-2:]))


def _find_anchors(text: Sequence[str], translation: Sequence[str]) -> list[tuple[int, int]]:
    """Places of pieces that stand once on each side; but not of the text's last, at which heads like to rest."""
    both = [piece for piece in dict.fromkeys(text[:-1]) if text.count(piece) == translation.count(piece) == 1]
    return [(text.index(piece), translation.index(piece)) for piece in both]


def _recall(weights: Array, anchors: Sequence[tuple[int, int]]) -> Array:
    """How much of their attention pieces give to those that they stand for."""
    return np.asarray(np.mean([weights[..., row, column] for column, row in anchors], axis=0))
