from __future__ import annotations

import json
from dataclasses import replace

import pytest

from xlmcli.bundle import (
    FORMAT_VERSION,
    Architecture,
    DecodingDefaults,
    Limits,
    Manifest,
    PositionTable,
    PositionTables,
    Provenance,
    Score,
)
from xlmcli.bundle.manifest import format_manifest, parse_manifest
from xlmcli.errors import ModelError
from xlmcli.records import Direction

MANIFEST = Manifest(
    languages={"en": 0, "fr": 1, "de": 2},
    directions=(Direction("en", "fr"), Direction("de", "en")),
    limits=Limits(60, 512, 256),
    position_tables=PositionTables(PositionTable(1000, 512, 16, "float16"), PositionTable(10, 256, 16, "bfloat16")),
    architecture=Architecture(16, 4, 6, 3, 8000, 1_234_567),
    quantization="int8_float16",
    provenance=Provenance(
        source="run 7 é",
        converter="xlmcli 0, ctranslate2 4",
        licence="CC-BY 4.0",
        trained_on=("one", "two"),
        scores=(
            Score(Direction("en", "fr"), "news", "BLEU", 31.25, "nrefs:1|case:mixed"),
            Score(Direction("de", "en"), "x", "chrF", 5),
        ),
    ),
    decoding=DecodingDefaults(beam_size=5, length_penalty=0.6),
    files={"model.bin": "ab", "config.json": "cd"},
)


def test_what_is_written_is_read() -> None:
    assert parse_manifest(format_manifest(MANIFEST), "xlm.json") == MANIFEST


def test_a_newer_format_says_how_to_read_it_before_anything_else() -> None:
    text = json.dumps({"format_version": FORMAT_VERSION + 1, "task": "juggle"})
    with pytest.raises(ModelError, match=f"bundle format {FORMAT_VERSION + 1}.*reads up to {FORMAT_VERSION}") as caught:
        parse_manifest(text, "b/xlm.json")
    assert "upgrade" in (caught.value.hint or "")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_manifest_is_an_error(share: float) -> None:
    text = format_manifest(MANIFEST)
    with pytest.raises(ModelError, match=r"^b/xlm\.json: not valid JSON"):
        parse_manifest(text[: int(len(text.rstrip()) * share)], "b/xlm.json")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["task"], "juggle", "task is 'juggle', expected one of translate"),
        (["languages"], ["en"], "languages should be an object, found a list"),
        (["languages", "en"], -1, "languages: en should be a whole number, found -1"),
        (["languages", "en"], True, "languages: en should be a whole number, found True"),
        (["directions"], "en-fr", "directions should be a list of texts"),
        (["directions"], ["enfr"], "not a direction: 'enfr'"),
        (["directions"], ["en-xx"], "direction en-xx names 'xx', which is not among its languages"),
        (["limits", "max_source_positions"], "512", "limits: max_source_positions should be a whole number"),
        (["position_tables", "decoder", "dtype"], "int8", "position_tables: decoder: dtype is 'int8'"),
        (["decoding", "length_penalty"], None, "decoding: length_penalty should be a number, found null"),
        (["provenance", "scores"], [3], r"provenance: scores\[0\] should be an object"),
        (["quantization"], "int4", "quantization is 'int4'"),
        (["language_input"], "token", "language_input is 'token'"),
        (["files", "../../secret"], "00", "'../../secret' is not the name of a file beside it"),
        (["files", "xlm.json"], "00", "'xlm.json' is not the name of a file beside it"),
    ],
)
def test_wrong_values_are_named_with_their_place(path: list[str], value: object, message: str) -> None:
    document = json.loads(format_manifest(MANIFEST))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ModelError, match=message) as caught:
        parse_manifest(json.dumps(document), "b/xlm.json")
    assert caught.value.message.startswith("b/xlm.json: ")


@pytest.mark.parametrize("key", json.loads(format_manifest(MANIFEST)))
def test_every_top_level_key_is_required(key: str) -> None:
    document = json.loads(format_manifest(MANIFEST))
    del document[key]
    with pytest.raises(ModelError, match=f"{key} is missing"):
        parse_manifest(json.dumps(document), "xlm.json")


def test_a_manifest_that_is_a_list_is_an_error() -> None:
    with pytest.raises(ModelError, match="expected a JSON object, found a list"):
        parse_manifest("[]", "xlm.json")


def test_unknown_keys_are_left_alone() -> None:
    document = json.loads(format_manifest(MANIFEST)) | {"mood": "good"}
    assert parse_manifest(json.dumps(document), "xlm.json") == replace(MANIFEST)
