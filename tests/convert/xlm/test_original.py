"""Checkpoints of the original code as bundles, against torch and against a model that the original trained."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.bundle import Bundle
from xlmcli.errors import ModelError, UsageError
from xlmcli.records import Direction
from xlmcli.text import load_tokenizer

torch = pytest.importorskip("torch")
ctranslate2 = pytest.importorskip("ctranslate2")

from xlmcli.checkpoint.original.file import read_original  # noqa: E402
from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.opening import open_convertible  # noqa: E402
from xlmcli.convert.verify.translations import verify_bundle  # noqa: E402
from xlmcli.convert.xlm.encoder import EncoderCheckpoint  # noqa: E402
from xlmcli.convert.xlm.translator import Checkpoint  # noqa: E402
from xlmcli.infer.decoding import Decoding  # noqa: E402
from xlmcli.infer.engine import EngineOptions, TranslationEngine  # noqa: E402
from xlmcli.model.transformer import Tokens  # noqa: E402

Content = dict[str, Any]
FULL = BundleOptions(quantization="float32")

# A small model that the original code trained, and its outputs; too large to be kept here.
FIXTURE = Path(os.environ.get("XLM_ORIGINAL_FIXTURE", Path(__file__).parents[4] / "shared/fixtures/original-xlm"))
needs_fixture = pytest.mark.skipif(
    not (FIXTURE / "expected.json").exists(), reason="set XLM_ORIGINAL_FIXTURE to the folder of a model of the original"
)

CONFIGURATIONS = {
    "plain": {},
    "sinusoidal": {"sinusoidal_embeddings": True},
    "relu": {"gelu_activation": False},
    "without language embeddings": {"use_lang_emb": False},
    "untied": {"share_inout_emb": False},
    "one language": {"langs": ["en"]},
    "three languages": {"langs": ["de", "en", "fr"], "n_layers": 3},
    "all at once": {
        "sinusoidal_embeddings": True,
        "gelu_activation": False,
        "use_lang_emb": False,
        "share_inout_emb": False,
    },
}


@pytest.fixture
def save(original_codes: str, tmp_path: Path) -> Callable[..., Path]:
    """Saves content beside its codes."""

    def write(content: Content, *, zipped: bool = True) -> Path:
        torch.save(content, tmp_path / "model.pth", _use_new_zipfile_serialization=zipped)
        (tmp_path / "codes").write_text(original_codes, encoding="utf-8")
        return tmp_path / "model.pth"

    return write


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_greedy_translations_equal_those_of_torch_in_every_direction(
    name: str,
    original_content: Callable[..., Content],
    save: Callable[..., Path],
    tmp_path: Path,
    sentences: dict[str, list[str]],
) -> None:
    checkpoint = open_convertible(save(original_content(**CONFIGURATIONS[name]), zipped=name != "relu"))
    assert isinstance(checkpoint, Checkpoint)
    bundle = write_bundle(checkpoint, tmp_path / "bundle", FULL)
    langs = checkpoint.config.langs
    agreements = list(verify_bundle(checkpoint, bundle, dict.fromkeys(langs, sentences["en"])))
    assert len(agreements) == max(1, len(langs) * (len(langs) - 1))
    for agreement in agreements:
        assert agreement.num_equal == agreement.num_sentences == len(sentences["en"])
        assert agreement.max_score_difference < 1e-4


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_encoders_give_the_states_of_torch(
    name: str, original_content: Callable[..., Content], save: Callable[..., Path], tmp_path: Path
) -> None:
    path = save(original_content(has_decoder=False, **CONFIGURATIONS[name]))
    checkpoint = open_convertible(path)
    assert isinstance(checkpoint, EncoderCheckpoint)
    manifest = write_bundle(checkpoint, tmp_path / "bundle", FULL).manifest
    assert manifest.task == "encode"
    tells_languages = manifest.language_input == "token_types"
    assert tells_languages == (checkpoint.config.shape.num_langs > 1)
    last = checkpoint.config.shape.num_langs - 1
    assert difference(tmp_path / "bundle", path, [1, *range(14, 60), 1], last if tells_languages else None) < 1e-4


def difference(bundle: Path, path: Path, ids: list[int], lang: int | None) -> float:
    """Largest difference between the states of a bundle and of the torch model of a .pth file."""
    model = read_original(path).encoder().eval()
    with torch.no_grad():
        wanted = model(Tokens(torch.tensor([ids]), None, torch.full((1, 1), lang or 0)))[0].numpy()
    return float(np.abs(states(bundle, ids, lang) - wanted).max())


def states(bundle: Path, ids: list[int], lang: int | None) -> np.ndarray:
    engine = ctranslate2.Encoder(str(bundle), device="cpu", compute_type="float32")
    token_types = None if lang is None else [[lang + 1] * len(ids)]
    return np.array(engine.forward_batch([ids], token_type_ids=token_types).last_hidden_state)[0]


@pytest.mark.parametrize("beam_size", [1, 4])
def test_translations_may_be_empty_as_they_may_in_the_original(
    beam_size: int, original_content: Callable[..., Content], save: Callable[..., Path], tmp_path: Path
) -> None:
    content = original_content()
    content["decoder"]["pred_layer.proj.bias"][1] += 100
    bundle = write_bundle(open_convertible(save(content)), tmp_path / "bundle", FULL)
    engine = TranslationEngine(
        bundle.folded_files(Direction("en", "fr")),
        load_tokenizer(bundle.path).vocab,
        bundle.manifest.tokens,
        bundle.manifest.limits,
        EngineOptions("cpu", num_threads=1),
        max_target_positions=bundle.translation.max_target_positions,
    )
    (result,) = engine.submit([[20, 21, 22]], Decoding(beam_size, 1.0, with_scores=True)).wait()
    assert result.hypotheses == [[]]
    assert result.scores == pytest.approx([0], abs=1e-3)


def test_codes_may_lie_elsewhere(
    original_content: Callable[..., Content], save: Callable[..., Path], tmp_path: Path
) -> None:
    path = save(original_content())
    wanted = open_convertible(path).tokenizer.encode("the thing on the table")
    (tmp_path / "codes").rename(tmp_path / "elsewhere")
    assert open_convertible(path, tmp_path / "elsewhere").tokenizer.encode("the thing on the table") == wanted
    with pytest.raises(ModelError, match="no BPE codes") as raised:
        open_convertible(path)
    assert "--codes" in str(raised.value.hint)


def test_text_is_cut_as_the_codes_say(original_content: Callable[..., Content], save: Callable[..., Path]) -> None:
    content = original_content()
    tokenizer = open_convertible(save(content)).tokenizer
    ids = tokenizer.encode("The thing, on!")
    pieces = [content["dico_id2word"][index] for index in ids]
    assert pieces == ["the", "th@@", "ing", ",", "on", "<unk>"]
    assert tokenizer.decode(tokenizer.encode("the thing on")) == "the thing on"


def test_a_vocabulary_that_does_not_fit_is_refused(
    original_content: Callable[..., Content], save: Callable[..., Path], tmp_path: Path
) -> None:
    content = original_content()
    path, vocab = save(content), tmp_path / "vocab"
    words = list(content["dico_word2id"])[14:]
    vocab.write_text("".join(f"{word} 9\n" for word in words), encoding="utf-8")
    open_convertible(path, vocab=vocab)
    vocab.write_text("".join(f"{word} 9\n" for word in ["zzz", *words[1:]]), encoding="utf-8")
    with pytest.raises(ModelError, match="vocab:1: found 'zzz' where the dictionary of the model has 'a'"):
        open_convertible(path, vocab=vocab)
    vocab.write_text("a 9\n", encoding="utf-8")
    with pytest.raises(ModelError, match="vocab: 1 words, and the dictionary"):
        open_convertible(path, vocab=vocab)


def test_codes_of_a_folder_are_refused(tiny_checkpoint: Path) -> None:
    with pytest.raises(UsageError, match=r"--codes is for \.pth files"):
        open_convertible(tiny_checkpoint, codes=tiny_checkpoint / "codes")


@pytest.fixture(scope="module")
def expected() -> list[dict[str, Any]]:
    """Outputs of the original: a sentence, a direction."""
    rows: list[dict[str, Any]] = json.loads((FIXTURE / "expected.json").read_text(encoding="utf-8"))
    return rows


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_bundle(
        open_convertible(FIXTURE / "mt_en_fr.pth"), tmp_path_factory.mktemp("original") / "bundle", FULL
    )


@needs_fixture
def test_greedy_translations_equal_those_of_the_original(expected: list[dict[str, Any]], translator: Bundle) -> None:
    words = read_original(FIXTURE / "mt_en_fr.pth").words
    pieces = json.loads((translator.path / "vocab.json").read_text(encoding="utf-8"))
    by_id = {index: piece for piece, index in pieces.items()}
    num_equal = dict.fromkeys(translator.manifest.translation.directions, 0)
    for direction in num_equal:
        rows = [row for row in expected if (row["src"], row["tgt"]) == (direction.src, direction.tgt)]
        engine = ctranslate2.Translator(
            "m", device="cpu", files=translator.folded_files(direction), compute_type="float32"
        )
        sources = [["</s>", *(by_id[words.index(word)] for word in row["source_bpe"]), "</s>"] for row in rows]
        results = engine.translate_batch(sources, beam_size=1, max_input_length=0, max_decoding_length=200)
        outputs = [[words[pieces[piece]] for piece in result.hypotheses[0]] for result in results]
        num_equal[direction] = sum(output == row["greedy"] for output, row in zip(outputs, rows, strict=True))
    assert list(num_equal.values()) == [40, 40]


@needs_fixture
def test_text_is_cut_as_for_the_original(expected: list[dict[str, Any]]) -> None:
    tokenizer = open_convertible(FIXTURE / "mt_en_fr.pth").tokenizer
    words = read_original(FIXTURE / "mt_en_fr.pth").words
    cut = [[words[index] for index in tokenizer.encode(row["text"], row["src"])] for row in expected]
    assert cut == [row["source_bpe"] for row in expected]


@needs_fixture
def test_states_equal_those_of_the_original(expected: list[dict[str, Any]], tmp_path: Path) -> None:
    original = read_original(FIXTURE / "mt_en_fr.pth")
    model = original.encoder().eval()
    for row in expected:
        ids = [1, *(original.words.index(word) for word in row["source_bpe"]), 1]
        with torch.no_grad():
            lang = torch.full((1, 1), original.config.lang2id[row["src"]])
            found = model(Tokens(torch.tensor([ids]), None, lang))[0].numpy()
        assert np.abs(found[0] - row["encoder_first_state"]).max() < 1e-4
        assert np.abs(found.mean(axis=0) - row["encoder_mean_state"]).max() < 1e-4


@needs_fixture
@pytest.mark.parametrize("lang", [0, 1])
def test_the_pretrained_model_of_the_original_becomes_an_encoder(lang: int, tmp_path: Path) -> None:
    path = FIXTURE / "mlm_tlm.pth"
    write_bundle(open_convertible(path), tmp_path / "bundle", FULL)
    assert difference(tmp_path / "bundle", path, [1, *range(14, 90), 1], lang) < 1e-4
