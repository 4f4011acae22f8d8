"""Models of other families must translate as in transformers: same pieces in, same pieces out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from xlmcli.bundle import Bundle, open_bundle
from xlmcli.errors import ModelError
from xlmcli.records import Direction

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")
sentencepiece = pytest.importorskip("sentencepiece")

from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.opening import open_model  # noqa: E402
from xlmcli.infer.engine import Decoding, EngineOptions, TranslationEngine  # noqa: E402
from xlmcli.text import Tokenizer, load_tokenizer  # noqa: E402

GREEDY = Decoding(beam_size=1, length_penalty=0)
NUM_POSITIONS = 160
SIZES: dict[str, Any] = {
    "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
    "max_position_embeddings": NUM_POSITIONS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Published:
    """A folder of transformers and what its tokenizer is told."""

    folder: Path
    tokenizer: Any
    model: Any

    def source_ids(self, text: str, lang: str | None, prefix: str = "") -> list[int]:
        if lang is not None:
            self.tokenizer.src_lang = lang
        ids: list[int] = self.tokenizer(prefix + text).input_ids
        return ids

    @torch.no_grad()
    def greedy(self, ids: Sequence[int], forced: str | None, max_len: int) -> list[str]:
        """The pieces of a translation, without special ones at its ends."""
        forced_id = None if forced is None else self.tokenizer.convert_tokens_to_ids(forced)
        output = self.model.generate(
            torch.tensor([ids]), num_beams=1, do_sample=False, max_length=max_len + 4, forced_bos_token_id=forced_id
        )[0].tolist()[1 if forced is None else 2 :]
        eos = self.model.config.eos_token_id
        kept = output[: output.index(eos)] if eos in output else output
        return self.pieces(kept[:max_len])

    def pieces(self, ids: Sequence[int]) -> list[str]:
        pieces: list[str] = self.tokenizer.convert_ids_to_tokens(ids)
        return pieces


def learn(lines: Sequence[str], vocab_size: int, kind: str = "unigram") -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=vocab_size, model_type=kind, minloglevel=3,
        character_coverage=1.0,
    )  # fmt: skip
    return model.getvalue()


def text_pieces(model: bytes) -> list[tuple[str, float]]:
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [(processor.id_to_piece(index), processor.get_score(index)) for index in range(3, len(processor))]


def randomise(model: Any) -> Any:
    """Makes every weight random, and large enough for outputs that vary; padding stays zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "embed_positions" in name and model.config.model_type == "marian":
                continue
            noise = torch.randn(weight.shape, generator=generator)
            is_gain = "norm" in name and name.endswith("weight")
            weight.copy_((0.5 if weight.dim() > 1 else 0.2) * noise + is_gain)
            if weight.shape[0] == model.config.vocab_size:
                weight[model.config.pad_token_id] = 0
        if hasattr(model, "final_logits_bias"):
            model.final_logits_bias.copy_(torch.randn(model.final_logits_bias.shape, generator=generator))
    return model.eval()


def save(model: Any, tokenizer: Any, folder: Path) -> Published:
    randomise(model).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Published(folder, tokenizer, type(model).from_pretrained(folder).eval())


def make_marian(folder: Path, sentences: dict[str, list[str]], tokens: Sequence[str] = (), **names: str) -> Published:
    sides = {lang: learn(sentences[lang], 110) for lang in ("en", "fr")}
    pieces = ["</s>", "<unk>", *(piece for side in sides.values() for piece, _ in text_pieces(side)), *tokens, "<pad>"]
    vocab = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    for name, content in (("s", sides["en"]), ("t", sides["fr"]), ("v", json.dumps(vocab).encode())):
        (folder / name).write_bytes(content)
    tokenizer = transformers.MarianTokenizer(str(folder / "s"), str(folder / "t"), str(folder / "v"), **names)
    pad = vocab["<pad>"]
    config = transformers.MarianConfig(
        vocab_size=len(vocab), pad_token_id=pad, decoder_start_token_id=pad, eos_token_id=0, bos_token_id=0,
        forced_eos_token_id=0, activation_function="swish", scale_embedding=True, **SIZES,
    )  # fmt: skip
    model = transformers.MarianMTModel(config)
    model.generation_config.bad_words_ids = [[pad]]
    return save(model, tokenizer, folder)


def make_m2m(folder: Path, sentences: dict[str, list[str]]) -> Published:
    model = learn(sentences["en"] + sentences["fr"], 200)
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *(piece for piece, _ in text_pieces(model))]
    (folder / "spm").write_bytes(model)
    (folder / "v").write_text(json.dumps({piece: index for index, piece in enumerate(pieces)}))
    tokenizer = transformers.M2M100Tokenizer(str(folder / "v"), str(folder / "spm"))
    config = transformers.M2M100Config(vocab_size=len(pieces) + 100 + 8, scale_embedding=True, **SIZES)
    return save(transformers.M2M100ForConditionalGeneration(config), tokenizer, folder)


def make_nllb(folder: Path, sentences: dict[str, list[str]]) -> Published:
    letters = sorted(set("".join(sentences["en"] + sentences["fr"]).replace(" ", "▁")))
    merges = [("▁", "t"), ("▁t", "h"), ("▁th", "e"), ("o", "u"), ("l", "e"), ("▁", "a")]
    joined = ["".join(pair) for pair in merges]
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *dict.fromkeys([*letters, "▁", "t", *joined])]
    vocab = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = transformers.NllbTokenizer(vocab=vocab, merges=merges)
    config = transformers.M2M100Config(vocab_size=len(tokenizer) + 2, scale_embedding=True, **SIZES)
    return save(transformers.M2M100ForConditionalGeneration(config), tokenizer, folder)


def make_mbart(folder: Path, sentences: dict[str, list[str]]) -> Published:
    pieces = text_pieces(learn(sentences["en"] + sentences["fr"], 200))
    tokenizer = transformers.MBart50Tokenizer(vocab=[("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), *pieces])
    config = transformers.MBartConfig(
        vocab_size=len(tokenizer), decoder_start_token_id=2, scale_embedding=True, activation_function="relu", **SIZES
    )
    return save(transformers.MBartForConditionalGeneration(config), tokenizer, folder)


def convert(folder: Path, path: Path, quantization: Any = "float32") -> Bundle:
    write_bundle(open_model(folder), path, BundleOptions(quantization=quantization))
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
    published: Published, bundle: Bundle, texts: Sequence[str], direction: Direction,
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
        assert fed == published.pieces(expected_ids)
        max_len = int(1.5 * (len(ids) + 2) + 10)
        output = [tokenizer.vocab[index] for index in result.hypotheses[0]]
        assert output == published.greedy(expected_ids, tgt, max_len)
        outputs.append(tuple(output))
    assert len(set(outputs)) > len(texts) // 2, "translations hardly differ: nothing to compare"


def test_marian(tmp_path: Path, sentences: dict[str, list[str]]) -> None:
    published = make_marian(tmp_path, sentences, source_lang="eng", target_lang="fra")
    bundle = convert(tmp_path, tmp_path / "b")
    manifest = bundle.manifest
    assert (manifest.task, manifest.language_input, list(manifest.languages)) == ("translate", "none", ["en", "fr"])
    assert bundle.translation.directions == (Direction("en", "fr"),)
    check_translations(published, bundle, sentences["en"][:14], Direction("en", "fr"))


def test_marian_of_many_targets(tmp_path: Path, sentences: dict[str, list[str]]) -> None:
    tokens = [">>fra<<", ">>cmn_Hans<<", ">>ast<<"]
    published = make_marian(tmp_path, sentences, tokens, source_lang="en", target_lang="mul")
    bundle = convert(tmp_path, tmp_path / "b")
    assert bundle.manifest.language_input == "token"
    assert set(bundle.translation.targets) == {"fr", "zh", "ast"}
    for code, token in (("fr", ">>fra<<"), ("zh", ">>cmn_Hans<<")):
        check_translations(published, bundle, sentences["en"][:12], Direction("en", code), prefix=token)
    with pytest.raises(ModelError, match="does not translate from 'fr' to 'ast'"):
        bundle.check_direction(Direction("fr", "ast"))


MakePublished = Callable[[Path, dict[str, list[str]]], Published]


@pytest.mark.parametrize(
    ("make", "tokens", "num_languages"),
    [
        (make_m2m, {"en": "__en__", "fr": "__fr__", "zh": "__zh__"}, 100),
        (make_nllb, {"en": "eng_Latn", "fr": "fra_Latn", "zh_Hant": "zho_Hant"}, 202),
        (make_mbart, {"en": "en_XX", "fr": "fr_XX", "zh": "zh_CN"}, 52),
    ],
    ids=["M2M-100", "NLLB", "mBART-50"],
)
def test_many_to_many(
    tmp_path: Path,
    sentences: dict[str, list[str]],
    make: MakePublished,
    tokens: dict[str, str],
    num_languages: int,
) -> None:
    published = make(tmp_path, sentences)
    bundle = convert(tmp_path, tmp_path / "b")
    assert len(bundle.manifest.languages) == num_languages
    for src, tgt in (("en", "fr"), ("fr", "en"), ("en", [*tokens][2])):
        names = {"M2M100Tokenizer": src}.get(type(published.tokenizer).__name__, tokens[src])
        direction = Direction(src, tgt)
        assert bundle.translation.language_code(tokens[tgt]) == tgt
        check_translations(published, bundle, sentences[src][:12], direction, names, tokens[tgt])


def test_nllb_by_its_sentencepiece_model_alone(tmp_path: Path, sentences: dict[str, list[str]]) -> None:
    """A folder without tokenizer.json, which transformers opens only with more libraries: ids from fairseq's order."""
    published = make_nllb(tmp_path, sentences)
    for name in ("tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        (tmp_path / name).unlink()
    spm = learn(sentences["en"] + sentences["fr"], 120, "bpe")
    (tmp_path / "sentencepiece.bpe.model").write_bytes(spm)
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *(piece for piece, _ in text_pieces(spm))]
    first_language = len(pieces)
    config = transformers.M2M100Config(vocab_size=first_language + 202 + 1 + 2, scale_embedding=True, **SIZES)
    model = randomise(transformers.M2M100ForConditionalGeneration(config))
    model.save_pretrained(tmp_path)
    bundle = convert(tmp_path, tmp_path / "b")
    assert bundle.manifest.tokenizer == "published_sentencepiece"
    engine, tokenizer = open_engine(bundle, Direction("en", "fr"))
    languages = published.tokenizer.extra_special_tokens
    english, french = (first_language + languages.index(token) for token in ("eng_Latn", "fra_Latn"))
    processor = sentencepiece.SentencePieceProcessor(model_proto=spm)
    for text in sentences["en"][:8]:
        ids = tokenizer.encode(text)
        fairseq_ids = [processor.piece_to_id(piece) + 1 for piece in processor.encode(text, out_type=str)]
        assert ids == fairseq_ids
        max_len = int(1.5 * (len(ids) + 2) + 10)
        with torch.no_grad():
            output = model.generate(
                torch.tensor([[english, *fairseq_ids, 2]]), num_beams=1, do_sample=False, max_length=max_len + 4,
                forced_bos_token_id=french,
            )[0].tolist()[2:]  # fmt: skip
        expected = output[: output.index(2)] if 2 in output else output
        assert engine.submit([ids], GREEDY).wait()[0].hypotheses[0] == expected[:max_len]


def test_older_nllb_has_its_language_last(tmp_path: Path, sentences: dict[str, list[str]]) -> None:
    make_nllb(tmp_path, sentences)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config | {"legacy_behaviour": True}))
    frame = convert(tmp_path, tmp_path / "b").frame(Direction("en", "fr"))
    assert (frame.before, frame.after, frame.target) == ((), ("</s>", "eng_Latn"), ("fra_Latn",))


def test_a_model_that_writes_one_language_only(tmp_path: Path, sentences: dict[str, list[str]]) -> None:
    published = make_mbart(tmp_path, sentences)
    config = json.loads((tmp_path / "config.json").read_text())
    forced = published.tokenizer.convert_tokens_to_ids("en_XX")
    (tmp_path / "config.json").write_text(json.dumps(config | {"forced_bos_token_id": forced}))
    part = convert(tmp_path, tmp_path / "b").translation
    assert part.targets == ("en",)
    assert not part.translates(Direction("en", "fr"))
    assert [str(direction) for direction in part.find_directions("fr")] == ["fr-en"]


def test_what_cannot_be_converted_is_said(tmp_path: Path, sentences: dict[str, list[str]]) -> None:
    marian, mbart = tmp_path / "marian", tmp_path / "mbart"
    for folder, make in ((marian, make_marian), (mbart, make_mbart)):
        folder.mkdir()
        make(folder, sentences)
    with pytest.raises(ModelError, match="nothing says which languages"):
        open_model(marian)
    (marian / "target_vocab.json").write_text("{}")
    with pytest.raises(ModelError, match="two vocabularies"):
        open_model(marian)
    config = json.loads((mbart / "tokenizer_config.json").read_text())
    (mbart / "tokenizer_config.json").write_text(json.dumps(config | {"tokenizer_class": "MBartTokenizer"}))
    with pytest.raises(ModelError, match="tokenizer_class: MBartTokenizer"):
        open_model(mbart)
    (mbart / "tokenizer.json").unlink()
    (mbart / "tokenizer_config.json").unlink()
    with pytest.raises(ModelError, match=r"no tokenizer, neither tokenizer\.json nor sentencepiece\.bpe\.model"):
        open_model(mbart)


def test_settings_that_the_engine_has_not_got_are_listed_at_once(
    tmp_path: Path, sentences: dict[str, list[str]]
) -> None:
    make_m2m(tmp_path, sentences)
    config = json.loads((tmp_path / "config.json").read_text())
    changes = {"activation_function": "mish", "share_encoder_decoder_embeddings": False, "decoder_attention_heads": 4}
    (tmp_path / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(
        ModelError, match=r"activation_function: mish .*; share_.*: false.*; decoder_attention_heads: should"
    ):
        open_model(tmp_path)


def test_a_damaged_weight_is_named(tmp_path: Path, sentences: dict[str, list[str]]) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    folder.mkdir()
    make_marian(folder, sentences, source_lang="en", target_lang="fr")
    state = load_file(folder / "model.safetensors")
    del state["model.decoder.layers.1.fc1.weight"]
    state["model.encoder.layers.0.fc1.bias"] = torch.zeros(5)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    wanted = (
        r"decoder\.layers\.1\.fc1\.weight: missing; .*encoder\.layers\.0\.fc1\.bias: has shape \(5,\), expected \(32"
    )
    with pytest.raises(ModelError, match=wanted):
        convert(folder, tmp_path / "b")
    assert not (tmp_path / "b").exists()
