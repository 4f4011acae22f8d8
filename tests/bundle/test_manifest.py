from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from xlmcli.bundle import (
    FORMAT_VERSION,
    AlignmentHead,
    Architecture,
    Bundle,
    ClassifierPart,
    DecodingDefaults,
    Framing,
    Limits,
    Manifest,
    MeasuredScore,
    PositionTable,
    PositionTables,
    Provenance,
    SpecialTokens,
    TranslationPart,
)
from xlmcli.bundle.serialization import format_manifest, parse_manifest
from xlmcli.errors import ModelError
from xlmcli.records import Direction

MANIFEST = Manifest(
    task="translate",
    languages={"en": 0, "fr": 1, "de": 2},
    language_input="embedding",
    limits=Limits(60, 512),
    architecture=Architecture(16, 4, 6, 3, 8000, 1_234_567),
    quantization="int8_float16",
    provenance=Provenance(
        source="run 7 é",
        converter="xlmcli 0, ctranslate2 4",
        licence="CC-BY 4.0",
        trained_on=("one", "two"),
        scores=(
            MeasuredScore(Direction("en", "fr"), "news", "BLEU", 31.25, "nrefs:1|case:mixed"),
            MeasuredScore(Direction("de", "en"), "x", "chrF", 5),
        ),
    ),
    translation=TranslationPart(
        directions=(Direction("en", "fr"), Direction("de", "en")),
        max_target_positions=256,
        position_tables=PositionTables(PositionTable(1000, 512, 16, "float16"), PositionTable(10, 256, 16, "bfloat16")),
        decoding=DecodingDefaults(beam_size=5, length_penalty=0.6),
        alignment_head=AlignmentHead(2, 3, True, 0.71),
    ),
    files={"model.bin": "ab", "config.json": "cd"},
)
CLASSIFIER = replace(
    MANIFEST,
    task="classify",
    language_input="token_types",
    tokens=SpecialTokens(bos="<s>"),
    tokenizer="xlm_bpe",
    provenance=Provenance("c", "d", scores=(MeasuredScore(None, "reviews", "macro-F1", 0.7, lang="de"),)),
    translation=None,
    classifier=ClassifierPart(("no", "yes", "perhaps"), "mean", "tanh", True, 1.5, ("en",)),
)
ENCODER = replace(CLASSIFIER, task="encode", language_input="none", classifier=None)
TOLD_BY_TOKENS = replace(
    MANIFEST,
    languages={"en": 0, "fr": 1, "de": 2},
    language_input="token",
    tokens=SpecialTokens(separator=("</s>", "</s>")),
    tokenizer="tokenizer_json",
    translation=TranslationPart(
        directions=(),
        max_target_positions=256,
        sources=("en", "de"),
        targets=("fr", "de"),
        framing=Framing(("{src}",), ("</s>",), ("{tgt}",), {"en": "__en__", "fr": "__fr__", "de": "__de__"}),
    ),
)


@pytest.mark.parametrize(
    "manifest", [MANIFEST, CLASSIFIER, ENCODER, TOLD_BY_TOKENS], ids=lambda manifest: manifest.tokenizer
)
def test_what_is_written_is_read(manifest: Manifest) -> None:
    assert parse_manifest(format_manifest(manifest), "xlm.json") == manifest


def test_that_a_model_protects_spans_is_written_where_it_does() -> None:
    assert "protects_spans" not in json.loads(format_manifest(MANIFEST))["translation"]
    protecting = replace(MANIFEST, translation=replace(MANIFEST.translation, protects_spans=True))
    document = json.loads(format_manifest(protecting))
    assert document["translation"]["protects_spans"] is True
    assert parse_manifest(format_manifest(protecting), "xlm.json") == protecting
    document["translation"]["protects_spans"] = "yes"
    with pytest.raises(ModelError, match="protects_spans should be true or false, found 'yes'"):
        parse_manifest(json.dumps(document), "xlm.json")


def test_only_the_parts_of_its_task_are_written() -> None:
    parts = {manifest.task: set(json.loads(format_manifest(manifest))) for manifest in (MANIFEST, CLASSIFIER, ENCODER)}
    assert parts["translate"] - parts["encode"] == {"translation"}
    assert parts["classify"] - parts["encode"] == {"classifier"}


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


WRONG_VALUES = [
    (["task"], "juggle", "task is 'juggle', expected one of translate, classify, encode"),
    (["languages"], ["en"], "languages should be an object, found a list"),
    (["languages", "en"], -1, "languages: en should be a whole number from 0 to .*, found -1"),
    (["languages", "en"], True, "languages: en should be a whole number from 0 to .*, found True"),
    (["translation", "directions"], "en-fr", "translation: directions should be a list of texts"),
    (["translation", "directions"], ["enfr"], "not a direction: 'enfr'"),
    (["translation", "directions"], ["en-xx"], "direction en-xx names 'xx', which is not among its languages"),
    (["translation", "position_tables", "decoder", "dtype"], "int8", "position_tables: decoder: dtype is 'int8'"),
    (["translation", "decoding", "length_penalty"], None, "decoding: length_penalty should be a number, found null"),
    (
        ["translation", "alignment_head", "layer"],
        0,
        "alignment_head: layer should be a whole number from 1",
    ),
    (
        ["translation", "alignment_head", "head"],
        [3],
        "alignment_head: head should be a whole number from 1",
    ),
    (["translation", "alignment_head", "when_read"], 1, "alignment_head: when_read should be true or false"),
    (["translation", "alignment_head", "agreement"], 1.5, "alignment_head: agreement should be a number from 0 to 1"),
    (["limits", "max_source_positions"], "512", "limits: max_source_positions should be a whole number"),
    (["limits", "max_source_positions"], 2**64, "max_source_positions should be a whole number from 3 to 65536"),
    (["languages", "fr"], 0, "languages: two have the same id"),
    (["languages", "\ud800"], 3, "languages: '.ud800' should be text of whole characters"),
    (["architecture", "num_heads"], 5, "num_heads is 5, which does not divide dim 16"),
    (["architecture", "dim"], 0, "architecture: dim should be a whole number from 1 to"),
    (["translation", "decoding", "beam_size"], 10**9, "beam_size should be a whole number from 1 to 100, found 10"),
    (["translation", "decoding", "length_penalty"], 10**400, "length_penalty should be a number from 0 to 10, found 1"),
    (["translation", "max_target_positions"], 0, "max_target_positions should be a whole number from 2 to"),
    (["limits", "max_source_tokens"], 511, "max_source_tokens 511 does not fit max_source_positions 512"),
    (["provenance", "scores"], [3], r"provenance: scores\[0\] should be an object"),
    (["quantization"], "int4", "quantization is 'int4'"),
    (["language_input"], "token_types", "language_input is 'token_types', expected one of embedding"),
    (["files", "../../secret"], "00", "'../../secret' is not the name of a file beside it"),
    (["files", "xlm.json"], "00", "'xlm.json' is not the name of a file beside it"),
]
WRONG_CLASSIFIERS = [
    (["language_input"], "embedding", "language_input is 'embedding', expected one of token_types, none"),
    (["classifier", "labels"], ["one"], "labels should be two different ones or more"),
    (["classifier", "labels"], ["one", "two", "one"], "labels should be two different ones or more"),
    (["classifier", "pooling"], "max", "classifier: pooling is 'max', expected one of first, mean, last"),
    (["classifier", "activation"], "relu", "classifier: activation is 'relu', expected one of tanh"),
    (["classifier", "multi_label"], 1, "classifier: multi_label should be true or false, found 1"),
    (["classifier", "temperature"], 0, "classifier: temperature should be a number from 0.0001 to 10000, found 0"),
    (["classifier", "temperature"], float("nan"), "not valid JSON .NaN is no number of JSON"),
    (["classifier", "labels"], ["one", "\ud800"], r"labels\[1\] should be text of whole characters, found '.ud800'"),
]


@pytest.mark.parametrize(
    ("manifest", "path", "value", "message"),
    [(MANIFEST, *case) for case in WRONG_VALUES] + [(CLASSIFIER, *case) for case in WRONG_CLASSIFIERS],
)
def test_wrong_values_are_named_with_their_place(
    manifest: Manifest, path: list[str], value: object, message: str
) -> None:
    document = json.loads(format_manifest(manifest))
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


def test_directions_between_any_of_many_languages() -> None:
    part = TOLD_BY_TOKENS.translation
    assert part is not None
    assert [str(direction) for direction in part.find_directions()] == ["en-fr", "en-de", "de-fr"]
    assert [str(direction) for direction in part.find_directions(tgt="fr")] == ["en-fr", "de-fr"]
    assert part.translates(Direction("de", "fr"))
    assert not any(part.translates(Direction(*pair)) for pair in (("de", "de"), ("fr", "en"), ("en", "en")))
    assert [part.language_code(name) for name in ("fr", "__fr__", "it")] == ["fr", "fr", "it"]
    assert part.describe_directions() == "en-fr, en-de, de-fr"
    more = replace(part, sources=("en", "fr", "de"), targets=("en", "fr", "de"))
    assert more.describe_directions() == "between any two of en, fr, de"


def test_named_directions_are_described_in_few_words_where_none_is_missing() -> None:
    names = ("de-en", "de-fr", "en-de", "en-fr", "fr-de", "fr-en")
    part = TranslationPart(tuple(map(Direction.parse, names)), 9)
    assert part.describe_directions() == "between any two of de, en, fr"
    assert replace(part, directions=part.directions[1:]).describe_directions() == ", ".join(names[1:])
    into_one = TranslationPart(tuple(map(Direction.parse, ("de-en", "es-en", "fr-en"))), 9)
    assert into_one.describe_directions() == "de-en, es-en, fr-en"
    across = ("de-es", "de-it", "de-pt", "fr-es", "fr-it", "fr-pt")
    part = TranslationPart(tuple(map(Direction.parse, across)), 9)
    assert part.describe_directions() == "from any of de, fr into any of es, it, pt"


def test_the_pieces_around_a_text(tmp_path: Path) -> None:
    frame = Bundle(tmp_path, TOLD_BY_TOKENS).frame(Direction("en", "de"))
    assert (frame.before, frame.after, frame.target) == (("__en__",), ("</s>",), ("__de__",))
    frame = Bundle(tmp_path, MANIFEST).frame(Direction("en", "fr"))
    assert (frame.before, frame.after, frame.target) == (("</s>",), ("</s>",), ())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"framing": None}, "framing is missing"),
        ({"sources": ["en", "xx"]}, "'xx' is not among its languages"),
        (
            {"framing": {"before": ["{src}"], "after": [], "target": [], "languages": {"en": "e"}}},
            "languages: de is missing",
        ),
        ({"framing": {"before": "{src}", "languages": {}}}, "before should be a list"),
    ],
)
def test_framing_that_does_not_fit_is_an_error(change: dict[str, object], message: str) -> None:
    document = json.loads(format_manifest(TOLD_BY_TOKENS))
    document["translation"] = {
        key: value for key, value in {**document["translation"], **change}.items() if value is not None
    }
    with pytest.raises(ModelError, match=message):
        parse_manifest(json.dumps(document), "xlm.json")


def test_language_vectors_need_position_tables() -> None:
    document = json.loads(format_manifest(MANIFEST))
    del document["translation"]["position_tables"]
    with pytest.raises(ModelError, match="position_tables is missing"):
        parse_manifest(json.dumps(document), "xlm.json")
