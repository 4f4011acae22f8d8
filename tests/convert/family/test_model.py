"""Models of other families must translate as in transformers: same pieces in, same pieces out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xlmcli.bundle import Bundle, open_bundle
from xlmcli.errors import ModelError
from xlmcli.records import Direction

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")
from safetensors.torch import save_file  # noqa: E402

sentencepiece = pytest.importorskip("sentencepiece")

from xlmcli.checkpoint.pretrained import open_pretrained  # noqa: E402
from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.opening import open_convertible  # noqa: E402
from xlmcli.infer.decoding import Decoding  # noqa: E402
from xlmcli.infer.engine import EngineOptions, TranslationEngine, max_translation_len  # noqa: E402
from xlmcli.text import Tokenizer, load_tokenizer  # noqa: E402

GREEDY = Decoding(beam_size=1, length_penalty=0)


def convert(folder: Path, path: Path, quantization: Any = "float32") -> Bundle:
    write_bundle(open_convertible(folder), path, BundleOptions(quantization=quantization))
    return open_bundle(path)


def open_engine(bundle: Bundle, direction: Direction) -> tuple[TranslationEngine, Tokenizer]:
    tokenizer = load_tokenizer(bundle.path)
    engine = TranslationEngine(
        bundle.folded_files(direction), tokenizer.vocab, bundle.manifest.tokens, bundle.manifest.limits,
        EngineOptions("cpu", num_workers=1, num_threads=1),
        max_target_positions=bundle.translation.max_target_positions, frame=bundle.frame(direction),
    )  # fmt: skip
    return engine, tokenizer


def check_translations(
    published: Any, bundle: Bundle, texts: Sequence[str], direction: Direction,
    src: str | None = None, tgt: str | None = None, prefix: str = "",
) -> None:  # fmt: skip
    engine, tokenizer = open_engine(bundle, direction)
    all_ids = tokenizer.encode_batch(texts)
    assert [tokenizer.encode(text) for text in texts] == all_ids
    results = engine.submit(all_ids, GREEDY).wait()
    frame = bundle.frame(direction)
    outputs = []
    for text, ids, result in zip(texts, all_ids, results, strict=True):
        expected_ids = published.source_ids(text, src, prefix)
        fed = [*frame.before, *(tokenizer.vocab[index] for index in ids), *frame.after]
        assert fed == published.source_pieces(expected_ids)
        max_len = max_translation_len(len(ids))
        output = [tokenizer.vocab[index] for index in result.hypotheses[0]]
        assert output == published.target_pieces(published.greedy(expected_ids, tgt, max_len))
        outputs.append(tuple(output))
    assert len(set(outputs)) > len(texts) // 2, "translations hardly differ: nothing to compare"


def test_marian(tmp_path: Path, published: Any, sentences: dict[str, list[str]]) -> None:
    model = published.marian(tmp_path, source_lang="eng", target_lang="fra")
    bundle = convert(tmp_path, tmp_path / "b")
    manifest = bundle.manifest
    assert (manifest.task, manifest.language_input, list(manifest.languages)) == ("translate", "none", ["en", "fr"])
    assert bundle.translation.directions == (Direction("en", "fr"),)
    check_translations(model, bundle, sentences["en"][:14], Direction("en", "fr"))


@pytest.mark.parametrize("make", ["marian", "marian_of_two_vocabularies"])
def test_marian_of_many_targets(tmp_path: Path, published: Any, sentences: dict[str, list[str]], make: str) -> None:
    tokens = [">>fra<<", ">>cmn_Hans<<", ">>ast<<"]
    model = getattr(published, make)(tmp_path, tokens, source_lang="en", target_lang="mul")
    bundle = convert(tmp_path, tmp_path / "b")
    assert bundle.manifest.language_input == "token"
    assert set(bundle.translation.targets) == {"fr", "zh", "ast"}
    for code, token in (("fr", ">>fra<<"), ("zh", ">>cmn_Hans<<")):
        check_translations(model, bundle, sentences["en"][:12], Direction("en", code), prefix=token)
    with pytest.raises(ModelError, match="does not translate from 'fr' to 'ast'"):
        bundle.check_direction(Direction("fr", "ast"))


@pytest.mark.parametrize(
    ("make", "tokens", "num_languages"),
    [
        ("m2m", {"en": "__en__", "fr": "__fr__", "zh": "__zh__"}, 100),
        ("nllb", {"en": "eng_Latn", "fr": "fra_Latn", "zh_Hant": "zho_Hant"}, 202),
        ("mbart", {"en": "en_XX", "fr": "fr_XX", "zh": "zh_CN"}, 52),
    ],
    ids=["M2M-100", "NLLB", "mBART-50"],
)
def test_many_to_many(
    tmp_path: Path,
    published: Any,
    sentences: dict[str, list[str]],
    make: str,
    tokens: dict[str, str],
    num_languages: int,
) -> None:
    model = getattr(published, make)(tmp_path)
    bundle = convert(tmp_path, tmp_path / "b")
    assert len(bundle.manifest.languages) == num_languages
    for src, tgt in (("en", "fr"), ("fr", "en"), ("en", [*tokens][2])):
        names = {"M2M100Tokenizer": src}.get(type(model.tokenizer).__name__, tokens[src])
        direction = Direction(src, tgt)
        assert bundle.translation.language_code(tokens[tgt]) == tgt
        check_translations(model, bundle, sentences[src][:12], direction, names, tokens[tgt])


def test_nllb_by_its_sentencepiece_model_alone(tmp_path: Path, published: Any, sentences: dict[str, list[str]]) -> None:
    """A folder without tokenizer.json, which transformers opens only with more libraries: ids from fairseq's order."""
    languages = published.nllb(tmp_path).tokenizer.extra_special_tokens
    for name in ("tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        (tmp_path / name).unlink()
    prefix = tmp_path / "sentencepiece.bpe"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences["en"] + sentences["fr"]), model_prefix=str(prefix), vocab_size=120,
        model_type="bpe", minloglevel=3, character_coverage=1.0,
    )  # fmt: skip
    processor = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    first_language = 120 + 1
    model = published.nllb_weights(tmp_path, first_language + 202 + 1 + 2)
    bundle = convert(tmp_path, tmp_path / "b")
    assert bundle.manifest.tokenizer == "family_sentencepiece"
    engine, tokenizer = open_engine(bundle, Direction("en", "fr"))
    english, french = (first_language + languages.index(token) for token in ("eng_Latn", "fra_Latn"))
    for text in sentences["en"][:8]:
        ids = tokenizer.encode(text)
        fairseq_ids = [processor.piece_to_id(piece) + 1 for piece in processor.encode(text, out_type=str)]
        assert ids == fairseq_ids
        max_len = max_translation_len(len(ids))
        with torch.no_grad():
            output = model.generate(
                torch.tensor([[english, *fairseq_ids, 2]]), num_beams=1, do_sample=False, max_length=max_len + 4,
                forced_bos_token_id=french,
            )[0].tolist()[2:]  # fmt: skip
        expected = output[: output.index(2)] if 2 in output else output
        assert engine.submit([ids], GREEDY).wait()[0].hypotheses[0] == expected[:max_len]


def test_older_nllb_has_its_language_last(tmp_path: Path, published: Any) -> None:
    published.nllb(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config | {"legacy_behaviour": True}))
    frame = convert(tmp_path, tmp_path / "b").frame(Direction("en", "fr"))
    assert (frame.before, frame.after, frame.target) == ((), ("</s>", "eng_Latn"), ("fra_Latn",))


def test_a_model_that_writes_one_language_only(tmp_path: Path, published: Any) -> None:
    model = published.mbart(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    forced = model.tokenizer.convert_tokens_to_ids("en_XX")
    (tmp_path / "config.json").write_text(json.dumps(config | {"forced_bos_token_id": forced}))
    part = convert(tmp_path, tmp_path / "b").translation
    assert part.targets == ("en",)
    assert not part.translates(Direction("en", "fr"))
    assert [str(direction) for direction in part.find_directions("fr")] == ["fr-en"]


def test_heads_may_differ_between_encoder_and_decoder(
    tmp_path: Path, published: Any, sentences: dict[str, list[str]]
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    model = published.m2m(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"decoder_attention_heads": 4}))
    model = replace(model, model=type(model.model).from_pretrained(folder).eval())
    check_translations(
        model, convert(folder, tmp_path / "b"), sentences["en"][:8], Direction("en", "fr"), "en", "__fr__"
    )


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
@pytest.mark.parametrize("family", ["marian", "xlm_roberta"])
def test_weights_in_several_files(tmp_path: Path, published: Any, family: str, suffix: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    if family == "marian":
        model = published.marian(folder, source_lang="en", target_lang="fr").model
    else:
        model = published.xlm_roberta(folder, "XLMRobertaForSequenceClassification").model
    convert(folder, tmp_path / "whole")
    (folder / "model.safetensors").unlink()
    shards = save_shards(model.state_dict(), folder, suffix)
    convert(folder, tmp_path / "parts")
    assert (tmp_path / "parts" / "model.bin").read_bytes() == (tmp_path / "whole" / "model.bin").read_bytes()
    for shard in shards[1:]:
        (folder / shard).unlink()
    with pytest.raises(ModelError, match=f"there is no file '{shards[1]}' and no '{shards[2]}' beside it"):
        open_convertible(folder)


def save_shards(state: dict[str, Any], folder: Path, suffix: str) -> list[str]:
    """Saves weights in three files, as transformers does with large models."""
    stem = "model" if suffix == "safetensors" else "pytorch_model"
    shards = [f"{stem}-0000{number}-of-00003.{suffix}" for number in (1, 2, 3)]
    places = {name: shards[index % 3] for index, name in enumerate(state)}
    for shard in shards:
        part = {name: state[name].clone() for name, place in places.items() if place == shard}
        save = save_file if suffix == "safetensors" else torch.save
        save(part, folder / shard)
    (folder / f"{stem}.{suffix}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return shards


@pytest.mark.parametrize("family", ["Marian", "M2M-100", "NLLB", "mBART-50"])
def test_they_are_not_trained_further(tmp_path: Path, published: Any, family: str) -> None:
    published.make(family, tmp_path)
    bundle = convert(tmp_path, tmp_path / "bundle")
    with pytest.raises(ModelError, match="bundle: not an XLM, and training goes on with XLMs alone") as caught:
        open_pretrained(bundle.path)
    assert caught.value.hint == "what it was converted from is trained with the tools that made it"
