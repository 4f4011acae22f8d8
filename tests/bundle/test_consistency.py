"""Bundles whose parts do not fit each other are refused when they are opened, and no bundle brings ``xlm`` down."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from xlmcli.bundle import open_bundle
from xlmcli.bundle.layout import read_weights
from xlmcli.bundle.manifest import Quantization
from xlmcli.bundle.reading import hash_file
from xlmcli.errors import ModelError

Change = Callable[[Path], None]


def seal_again(folder: Path) -> None:
    """Makes the hashes fit, as whoever changes a file can."""
    document = json.loads((folder / "xlm.json").read_text())
    document["files"] = {name: hash_file(folder / name) for name in document["files"]}
    (folder / "xlm.json").write_text(json.dumps(document))


def setting(name: str, value: Any, *path: str) -> Change:
    """Changes a value of a JSON file."""

    def change(folder: Path) -> None:
        document = json.loads((folder / name).read_text())
        place = document
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        (folder / name).write_text(json.dumps(document))

    return change


def shape(name: str, *lengths: int) -> Change:
    """Gives a weight of model.bin another shape, of the same number of bytes."""

    def change(folder: Path) -> None:
        content = (folder / "model.bin").read_bytes()
        with (folder / "model.bin").open("rb") as stream:
            weight = read_weights(stream)[name]
        start = weight.offset - 5 - 4 * len(weight.shape)
        packed = struct.pack(f"={len(lengths)}I", *lengths)
        (folder / "model.bin").write_bytes(content[:start] + packed + content[start + len(packed) :])

    return change


def stored(name: str, value: int) -> Change:
    """Changes a setting in model.bin."""

    def change(folder: Path) -> None:
        content = bytearray((folder / "model.bin").read_bytes())
        with (folder / "model.bin").open("rb") as stream:
            weight = read_weights(stream)[name]
        content[weight.offset : weight.offset + weight.num_bytes] = value.to_bytes(
            weight.num_bytes, "little", signed=True
        )
        (folder / "model.bin").write_bytes(content)

    return change


def number(name: str, value: float) -> Change:
    """Changes the last number of a float32 weight in model.bin."""

    def change(folder: Path) -> None:
        content = bytearray((folder / "model.bin").read_bytes())
        with (folder / "model.bin").open("rb") as stream:
            weight = read_weights(stream)[name]
        struct.pack_into("<f", content, weight.offset + weight.num_bytes - 4, value)
        (folder / "model.bin").write_bytes(content)

    return change


def vector(value: float) -> Change:
    """Changes a number of the language vectors."""

    def change(folder: Path) -> None:
        vectors = load_file(folder / "languages.safetensors")
        vectors["encoder"][0, 0] = value
        save_file(vectors, folder / "languages.safetensors")

    return change


def pieces(change: Callable[[list[str]], object], name: str = "shared_vocabulary.json") -> Change:
    def change_file(folder: Path) -> None:
        listed = json.loads((folder / name).read_text())
        change(listed)
        (folder / name).write_text(json.dumps(listed))

    return change_file


SETTINGS = [
    *(("decoder/alignment_layer", value) for value in (2, -3, 32_639)),
    *(("decoder/alignment_heads", value) for value in (-1, 5)),
    *(("encoder/activation", value) for value in (7, -1)),
    *(("decoder/pre_norm", 2), ("encoder/scale_embeddings", -1), ("encoder/embeddings_merge", 2)),
]
NUMBERS = [
    (name, value)
    for name in (
        "encoder/layer_0/ffn/linear_0/bias", "decoder/layer_1/ffn/layer_norm/gamma", "decoder/projection/bias",
        "encoder/position_encodings/encodings",
    )
    for value in (float("nan"), float("inf"), 3e38)
]  # fmt: skip
ATTENTION = "encoder/layer_0/self_attention/linear_0/weight"
TRANSLATORS = {
    "a language beyond the table": (
        setting("xlm.json", 12, "languages", "fr"),
        "decoder has shape .2, 32., expected more than 12 rows",
    ),
    "positions": (
        setting("xlm.json", 64, "limits", "max_source_positions"),
        "max_source_positions is 64, .*room for 48",
    ),
    "target positions": (
        setting("xlm.json", 49, "translation", "max_target_positions"),
        "max_target_positions is 49, .*room for 48",
    ),
    "width": (setting("xlm.json", 64, "architecture", "dim"), "expected 96|is of shape|for a model 64 wide"),
    "layers": (setting("xlm.json", 3, "architecture", "decoder_layers"), "decoder_layers is 3, and model.bin has 2"),
    "heads": (setting("xlm.json", 8, "architecture", "num_heads"), "num_heads is 8, and model.bin has 4"),
    "heads of the model": (stored("encoder/num_heads", 0), "num_heads is 4, and model.bin has 0"),
    "heads of the decoder": (stored("decoder/num_heads", 2), "num_heads is 4, and model.bin has 2"),
    "languages that are not told": (
        setting("xlm.json", "none", "language_input"),
        "language_input is none, and there is languages.safetensors",
    ),
    **{
        f"{name} {value:g}": (number(name, value), re.escape(f"{name} has a number that no model has: {value:g}"))
        for name, value in NUMBERS
    },
    **{
        f"a vector {value:g}": (vector(value), rf"encoder has a number that no model has: {value:g}".replace("+", "."))
        for value in (float("nan"), -3e38)
    },
    **{f"{name} {value}": (stored(name, value), f"{name} is {value}, expected ") for name, value in SETTINGS},
    "quantization": (setting("xlm.json", "int8", "quantization"), "quantization is int8, and model.bin has float32"),
    "place of a table": (
        setting("xlm.json", 0, "translation", "position_tables", "encoder", "offset"),
        "position_tables: encoder is .*offset=0",
    ),
    "shape of a matrix": (shape(ATTENTION, 32, 96), "linear_0/(weight|bias) is of shape"),
    "bytes of a matrix": (shape(ATTENTION, 97, 32), "takes 12288 bytes, which does not fit its shape"),
    "words of the model": (
        shape("decoder/embeddings/weight", 32, 420),
        r"embeddings/weight is of shape \(32, 420\), expected any × 32",
    ),
    "start": (setting("xlm.json", "<go>", "translation", "decoder_start"), "decoder_start is '<go>', .*no piece"),
    "an end of the engine's": (
        setting("config.json", "zzz", "eos_token"),
        "config.json: eos_token is 'zzz', which is no",
    ),
    "a mark": (setting("xlm.json", "<end>", "tokens", "eos"), "tokens: eos is '<end>', which is no piece"),
    "a piece less": (pieces(lambda listed: listed.pop()), "id 419 is another piece than the tokenizer's"),
    "two pieces": (pieces(lambda listed: listed.insert(300, listed.pop(301))), "id 300 is another piece"),
    "half a character": (pieces(lambda listed: listed.__setitem__(300, "\ud800")), "a piece is not text of whole"),
    "the engine's settings": (setting("config.json", 10**9, "layer_norm_epsilon"), "layer_norm_epsilon should be"),
    "the engine's tokens": (setting("config.json", 12, "decoder_start_token"), "decoder_start_token should be text"),
}


@pytest.mark.parametrize("name", TRANSLATORS)
def test_what_does_not_fit_is_named(name: str, tiny_bundle: Path, tmp_path: Path) -> None:
    change, message = TRANSLATORS[name]
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))
    change(copy)
    seal_again(copy)
    with pytest.raises(ModelError, match=message):
        open_for_use(copy)


def test_all_numbers_are_looked_at_where_there_is_time(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))
    number(ATTENTION, float("nan"))(copy)
    seal_again(copy)
    open_for_use(copy)
    with pytest.raises(ModelError, match="self_attention/linear_0/weight has a number that no model has: nan"):
        open_bundle(copy, is_thorough=True)


@pytest.mark.parametrize("quantization", ["int8", "float16", "bfloat16"])
def test_scales_and_halves_are_numbers_too(quantization: Quantization, tiny_checkpoint: Path, tmp_path: Path) -> None:
    from xlmcli.convert.bundling import BundleOptions, write_bundle
    from xlmcli.convert.xlm.translator import open_checkpoint

    write_bundle(open_checkpoint(tiny_checkpoint), tmp_path / "b", BundleOptions(quantization=quantization))
    open_bundle(tmp_path / "b", is_thorough=True)
    last = {"int8": struct.pack("<f", 0.0), "float16": b"\0\x7c", "bfloat16": b"\xff\x7f"}[quantization]
    name = f"{ATTENTION}_scale" if quantization == "int8" else "encoder/layer_0/ffn/linear_0/bias"
    content = bytearray((tmp_path / "b" / "model.bin").read_bytes())
    with (tmp_path / "b" / "model.bin").open("rb") as stream:
        weight = read_weights(stream)[name]
    content[weight.offset + weight.num_bytes - len(last) : weight.offset + weight.num_bytes] = last
    (tmp_path / "b" / "model.bin").write_bytes(content)
    seal_again(tmp_path / "b")
    with pytest.raises(ModelError, match=f"{name} has a number that no model has: "):
        open_for_use(tmp_path / "b")


def test_an_output_may_be_forbidden_by_its_bias(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))
    piece = greedy(copy)[0]
    content = bytearray((copy / "model.bin").read_bytes())
    with (copy / "model.bin").open("rb") as stream:
        place = read_weights(stream)["decoder/projection/bias"].offset + 4 * piece
    content[place : place + 4] = struct.pack("<f", float("-inf"))
    (copy / "model.bin").write_bytes(content)
    seal_again(copy)
    assert greedy(copy)
    assert piece not in greedy(copy)


def test_an_encoder_is_told_languages_that_it_has(tiny_classifier: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_classifier, tmp_path / "copy"))
    setting("xlm.json", "none", "language_input")(copy)
    with pytest.raises(ModelError, match=r"language_input is none, and .+ has languages at encoder/embeddings_1"):
        open_bundle(copy)


def greedy(folder: Path) -> list[int]:
    """The ids of a translation."""
    from xlmcli.infer.decoding import Decoding
    from xlmcli.infer.directions import open_engine
    from xlmcli.infer.engine import EngineOptions
    from xlmcli.records import Direction

    bundle, direction = open_bundle(folder), Direction("en", "fr")
    engine = open_engine(bundle, direction, bundle.open_tokenizer(), EngineOptions("cpu"))
    return engine.submit([[300, 17, 350]], Decoding(beam_size=1, length_penalty=0)).wait()[0].hypotheses[0]


def open_for_use(folder: Path) -> None:
    from xlmcli.records import Direction

    bundle = open_bundle(folder)
    bundle.open_tokenizer()
    bundle.folded_files(Direction("en", "fr"))


@pytest.mark.parametrize("index", [2, 12, 100_000])
def test_a_language_of_an_encoder_must_be_in_its_table(index: int, tiny_classifier: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_classifier, tmp_path / "copy"))
    setting("xlm.json", index, "languages", "fr")(copy)
    with pytest.raises(ModelError, match=f"languages: fr is {index}, and model.bin has room for 1"):
        open_bundle(copy)


def test_the_tokenizer_of_another_model_is_refused(
    tiny_classifier: Path, tmp_path: Path, sentences: dict[str, list[str]]
) -> None:
    from xlmcli.sources import Source
    from xlmcli.text.sentencepiece_training import TokenizerOptions, train_sentencepiece

    copy = Path(shutil.copytree(tiny_classifier, tmp_path / "copy"))
    (tmp_path / "text").write_text("\n".join(sentences["fr"]), encoding="utf-8")
    train_sentencepiece(TokenizerOptions((Source(("fr",), tmp_path / "text"),), vocab_size=330), copy)
    seal_again(copy)
    with pytest.raises(ModelError, match="vocab_size is 420, and the tokenizer has 330 pieces"):
        open_bundle(copy).open_tokenizer()


@pytest.mark.parametrize("model", ["tiny_bundle", "tiny_classifier"])
def test_no_value_of_a_bundle_brings_xlm_down(model: str, request: pytest.FixtureRequest) -> None:
    """A few hundred changes; ``make fuzz`` tries many more."""
    command = [sys.executable, "-m", "benchmarks.fuzz", "--values", "few", "--flips", "5"]
    done = subprocess.run(
        [*command, str(request.getfixturevalue(model))],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.partition(": ")[2].partition(" ")[0].replace(",", "")) > 500
