"""Whether all that a bundle says and holds fits together, so that the engine is never asked for what a model has not.

The engine trusts its files: an id beyond a table reads memory that is not the table's. So every number of the manifest
is held against model.bin and the vocabulary, and every weight against the sizes of the model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

from xlmcli.bundle.fields import Fields
from xlmcli.bundle.layout import (
    DECODER_POSITIONS,
    ENCODER_POSITIONS,
    LANGUAGE_TABLE,
    StoredWeight,
    as_position_table,
    count_layers,
    read_number,
    read_weights,
)
from xlmcli.bundle.manifest import (
    MAX_EPSILON,
    SOURCE_PLACE,
    TARGET_PLACE,
    XLM_TOKENIZERS,
    Manifest,
    TranslationPart,
)
from xlmcli.bundle.names import CONFIG_NAME, MANIFEST_NAME, MODEL_NAME
from xlmcli.errors import ModelError, unreadable
from xlmcli.lines import read_model_file
from xlmcli.text.pieces import read_vocabularies

Weights = Mapping[str, StoredWeight]

_EMBEDDINGS = re.compile(r"(encoder|decoder)/(?:embeddings(?:_0)?|projection)/weight")

# The end of a weight's name, and its rows and columns in widths of the model; None is any number.
_SHAPES: Mapping[str, tuple[int | None, int | None]] = {
    "/self_attention/linear_0/weight": (3, 1),
    "/self_attention/linear_1/weight": (1, 1),
    "/attention/linear_0/weight": (1, 1),
    "/attention/linear_1/weight": (2, 1),
    "/attention/linear_2/weight": (1, 1),
    "/ffn/linear_0/weight": (None, 1),
    "/ffn/linear_1/weight": (1, None),
    "embeddings/weight": (None, 1),
    "embeddings_0/weight": (None, 1),
    "embeddings_1/weight": (None, 1),
    "/projection/weight": (None, 1),
    "/position_encodings/encodings": (None, 1),
}

_FLAGS = (
    "pre_norm", "scale_embeddings", "embeddings_merge", "multi_query_attention", "start_from_zero_embedding", "alibi",
    "alibi_use_positive_positions", "scale_alibi",
)  # fmt: skip
# What the engine knows for the settings of a side: activations are numbered.
_RANGES: Mapping[str, tuple[int, int]] = {"activation": (0, 6), **dict.fromkeys(_FLAGS, (0, 1))}


def check_manifest(manifest: Manifest, place: str) -> None:
    """Holds what a manifest says against the rest of it.

    Raises:
        ModelError: It contradicts itself.
    """
    sizes = manifest.architecture
    if sizes.dim % sizes.num_heads:
        raise ModelError(
            f"{place}: architecture: num_heads is {sizes.num_heads}, which does not divide dim {sizes.dim}"
        )
    if len(set(manifest.languages.values())) < len(manifest.languages):
        raise ModelError(f"{place}: languages: two have the same id")
    _check_parts(manifest, place)


def check_model(folder: Path, manifest: Manifest) -> None:
    """Holds a manifest against model.bin, and the weights there against each other; their numbers are not read.

    Raises:
        ModelError: Names the field of the manifest, or the weight, that does not fit.
    """
    place, path = folder / MANIFEST_NAME, folder / MODEL_NAME
    try:
        with path.open("rb") as stream:
            weights = read_weights(stream)
            _check_shapes(weights, manifest.architecture.dim, path)
            facts = list(_facts(manifest, weights, stream))
            for name, number, least, most in _settings(weights, stream):
                if not least <= number <= most:
                    raise ModelError(f"{path}: {name} is {number}, expected {least} to {most}")
    except OSError as error:
        raise ModelError(unreadable(path, error)) from None
    for field, said, found in facts:
        if said != found:
            raise ModelError(f"{place}: {field} is {said}, and {MODEL_NAME} has {found}")
    for field, said, most in _limits(manifest, weights, _count_pieces(folder, manifest)):
        if said > most:
            raise ModelError(f"{place}: {field} is {said}, and {MODEL_NAME} has room for {most}")
    _check_settings(folder / CONFIG_NAME)


def check_vocabulary(folder: Path, manifest: Manifest, pieces: Sequence[str]) -> None:
    """Holds a tokenizer's pieces against the manifest and the engine's vocabularies.

    Args:
        folder: The bundle.
        manifest: What it says about itself.
        pieces: The piece of every id.

    Raises:
        ModelError: They are another model's, or the manifest names a piece that is none of them.
    """
    place, size = folder / MANIFEST_NAME, manifest.architecture.vocab_size
    is_ours = manifest.tokenizer in XLM_TOKENIZERS
    # Others' vocabularies have pieces twice, which have one id here.
    if len(pieces) > size or (is_ours and len(pieces) < size):
        raise ModelError(f"{place}: architecture: vocab_size is {size}, and the tokenizer has {len(pieces)} pieces")
    # Others' tokenizers have the pieces of these files, or of both together.
    for name, listed in read_vocabularies(folder).items() if is_ours else ():
        if listed != list(pieces):
            index = next((row for row, pair in enumerate(zip_longest(listed, pieces)) if pair[0] != pair[1]))
            raise ModelError(
                f"{folder / name}: id {index} is another piece than the tokenizer's",
                hint="the tokenizer must be the one that the model was trained with",
            )
    known = set(pieces)
    for field, piece in (*_pieces_named(manifest), *_engine_tokens(folder / CONFIG_NAME)):
        if piece not in known:
            raise ModelError(f"{place}: {field} is {piece[:40]!r}, which is no piece of the vocabulary")


def _check_shapes(weights: Weights, dim: int, path: Path) -> None:
    for name, weight in weights.items():
        wanted = _wanted_shape(name, weights, dim)
        if wanted is not None and not _fits(weight.shape, wanted):
            shape = " × ".join("any" if length is None else str(length) for length in wanted)
            raise ModelError(f"{path}: {name} is of shape {weight.shape}, expected {shape} for a model {dim} wide")


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        length == found or (length is None and found > 0) for length, found in zip(wanted, shape, strict=True)
    )


def _wanted_shape(name: str, weights: Weights, dim: int) -> tuple[int | None, ...] | None:
    """The shape that a weight must have; None where that is not known."""
    base, _, last = name.rpartition("/")
    matrix = weights.get(f"{base}/weight")
    if last in ("gamma", "beta"):
        return (dim,)
    if matrix is not None and matrix.shape and (last == "bias" or (last == "weight_scale" and weights[name].shape)):
        return matrix.shape[:1]
    if name.endswith("/ffn/linear_1/weight") and f"{base[:-1]}0/weight" in weights:
        return (dim, *weights[f"{base[:-1]}0/weight"].shape[:1])
    widths = next((widths for end, widths in _SHAPES.items() if name.endswith(end)), None)
    return None if widths is None else tuple(None if number is None else number * dim for number in widths)


def _facts(manifest: Manifest, weights: Weights, stream: BinaryIO) -> Iterator[tuple[str, object, object]]:
    """Yields fields of the manifest, what they say, and what model.bin says."""
    sizes, part = manifest.architecture, manifest.translation
    # Those of another family are one and the same for all texts.
    if manifest.language_input == "none" and manifest.tokenizer in XLM_TOKENIZERS and LANGUAGE_TABLE in weights:
        yield "language_input", manifest.language_input, f"languages at {LANGUAGE_TABLE}"
    for side, layers in (("encoder", sizes.encoder_layers), ("decoder", sizes.decoder_layers)):
        yield f"architecture: {side}_layers", layers, count_layers(weights, side)
        if (heads := weights.get(f"{side}/num_heads")) is not None:
            found = read_number(stream, heads)
            divides = found > 0 and sizes.dim % found == 0
            # The decoder of another family may have another number of them.
            is_free = side == "decoder" and divides and manifest.tokenizer not in XLM_TOKENIZERS
            yield "architecture: num_heads", sizes.num_heads, sizes.num_heads if is_free else found
    stored = {weight.dtype for name, weight in weights.items() if name.endswith("linear_0/weight")}
    yield "quantization", manifest.quantization.partition("_")[0], " and ".join(sorted(stored))
    if part is not None and (tables := part.position_tables) is not None:
        for field, table, name in (
            ("encoder", tables.encoder, ENCODER_POSITIONS),
            ("decoder", tables.decoder, DECODER_POSITIONS),
        ):
            yield f"translation: position_tables: {field}", table, as_position_table(weights.get(name))


def _settings(weights: Weights, stream: BinaryIO) -> Iterator[tuple[str, int, int, int]]:
    """Yields the names of settings in model.bin, their values, and the least and the most that the engine knows."""
    for name, weight in weights.items():
        if weight.shape or not weight.dtype.startswith("int"):
            continue
        side, _, setting = name.partition("/")
        least, most = _RANGES.get(setting, (None, None))
        if setting == "alignment_layer":
            layers = count_layers(weights, side)
            least, most = -layers, layers - 1
        elif setting == "alignment_heads" and (heads := weights.get(f"{side}/num_heads")) is not None:
            least, most = 0, read_number(stream, heads)
        if least is not None and most is not None:
            yield name, read_number(stream, weight), least, most


def _count_pieces(folder: Path, manifest: Manifest) -> dict[str, int]:
    """Returns the number of each side's pieces."""
    sizes = [manifest.architecture.vocab_size]
    if manifest.tokenizer not in XLM_TOKENIZERS:
        sizes = [len(listed) for listed in read_vocabularies(folder).values()]
    return {"encoder": sizes[0], "decoder": sizes[-1]}


def _limits(manifest: Manifest, weights: Weights, num_pieces: Mapping[str, int]) -> Iterator[tuple[str, int, int]]:
    """Yields fields of the manifest, what they say, and the most that model.bin has room for."""
    if (table := weights.get(ENCODER_POSITIONS)) is not None:
        yield "limits: max_source_positions", manifest.limits.max_source_positions, table.shape[0]
    part = manifest.translation
    if part is not None and (table := weights.get(DECODER_POSITIONS)) is not None:
        yield "translation: max_target_positions", part.max_target_positions, table.shape[0]
    if manifest.language_input == "token_types":
        table = weights.get(LANGUAGE_TABLE)
        for code, index in manifest.languages.items():
            # Row 0 is no language; see convert/xlm/encoder_specs.py.
            yield f"languages: {code}", index, -1 if table is None else table.shape[0] - 2
    for name, weight in weights.items():
        if match := _EMBEDDINGS.fullmatch(name):
            yield f"the number of pieces of the {match[1]}", num_pieces[match[1]], weight.shape[0]


def _check_settings(path: Path) -> None:
    """Checks what the engine reads in its config.json."""
    settings = Fields.parse(read_model_file(path), str(path))
    for key, value in settings.values.items():
        if key.endswith("_token"):
            settings.optional_text(key)
        elif key.startswith("add_source_") or key == "multi_query_attention":
            settings.truth(key)
        elif key == "layer_norm_epsilon" and value is not None:
            settings.number(key, 0, MAX_EPSILON)


def _engine_tokens(path: Path) -> Iterator[tuple[str, str]]:
    """Yields fields of the engine's config.json, and the pieces that they name."""
    settings = Fields.parse(read_model_file(path), str(path)).values
    for key in ("eos_token", "decoder_start_token"):  # Marian's has another that is no piece, and is not used.
        if isinstance(piece := settings.get(key), str):
            yield f"{CONFIG_NAME}: {key}", piece


def _pieces_named(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yields fields of the manifest, and the pieces that they name."""
    tokens, part = manifest.tokens, manifest.translation
    yield from (("tokens: bos", tokens.bos), ("tokens: eos", tokens.eos), ("tokens: unk", tokens.unk))
    yield from (("tokens: separator", piece) for piece in tokens.separator)
    if part is None:
        return
    yield "translation: decoder_start", part.decoder_start
    if part.framing is not None:
        framing = part.framing
        for piece in (*framing.before, *framing.after, *framing.target):
            if piece not in (SOURCE_PLACE, TARGET_PLACE):
                yield "translation: framing", piece
        yield from ((f"translation: framing: languages: {code}", piece) for code, piece in framing.languages.items())


def _check_parts(manifest: Manifest, place: str) -> None:
    limits, translation, classifier = manifest.limits, manifest.translation, manifest.classifier
    if not 0 < limits.max_source_tokens <= limits.max_source_positions - 2:
        raise ModelError(
            f"{place}: limits: max_source_tokens {limits.max_source_tokens} does not fit"
            f" max_source_positions {limits.max_source_positions}"
        )
    for direction in () if translation is None else translation.directions:
        for code in (direction.src, direction.tgt):
            if code not in manifest.languages:
                raise ModelError(f"{place}: direction {direction} names {code!r}, which is not among its languages")
    if translation is not None:
        _check_translation(translation, manifest, place)
    if classifier is not None and len(set(classifier.labels)) < max(len(classifier.labels), 2):
        raise ModelError(f"{place}: classifier: labels should be two different ones or more")
    for name in manifest.files:
        if "/" in name or "\\" in name or name in ("", ".", "..", MANIFEST_NAME):
            raise ModelError(f"{place}: files: {name!r} is not the name of a file beside it")


def _check_translation(part: TranslationPart, manifest: Manifest, place: str) -> None:
    if manifest.language_input == "embedding" and part.position_tables is None:
        raise ModelError(f"{place}: translation: position_tables is missing")
    codes = {*part.sources, *part.targets}
    if unknown := sorted(codes - set(manifest.languages)):
        raise ModelError(f"{place}: translation: {unknown[0]!r} is not among its languages")
    framing = part.framing
    if framing is None:
        if manifest.language_input == "token":
            raise ModelError(f"{place}: translation: framing is missing")
        return
    named = {SOURCE_PLACE: part.sources, TARGET_PLACE: part.targets}
    for piece in (*framing.before, *framing.after, *framing.target):
        for code in named.get(piece, ()):
            if code not in framing.languages:
                raise ModelError(f"{place}: translation: framing: languages: {code} is missing")
