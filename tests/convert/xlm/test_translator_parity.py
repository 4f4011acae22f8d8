"""A converted model must be the torch model: same greedy words and log-probabilities, in every shape and direction."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from xlmcli.bundle import Bundle, open_bundle
from xlmcli.records import Direction

torch = pytest.importorskip("torch")
ctranslate2 = pytest.importorskip("ctranslate2")

from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.xlm.translator import Checkpoint, open_checkpoint, write_folded  # noqa: E402
from xlmcli.model.seq2seq import pad  # noqa: E402
from xlmcli.model.transformer import Tokens  # noqa: E402
from xlmcli.text.special import EOS_ID, FIRST_WORD_ID  # noqa: E402

NUM_SENTENCES = 50
SEEDS = {"wide, deep encoder, ReLU": 1, "sinusoidal, deep decoder": 1, "sinusoidal, ReLU, one head": 1}
"""Random models whose translations are of many lengths; 2 for all others."""

SIZES: dict[str, dict[str, Any]] = {
    "plain": {},
    "wide, deep encoder, ReLU": {"dim": 64, "encoder_layers": 4, "gelu": False},
    "sinusoidal, deep decoder": {"dim": 40, "encoder_layers": 1, "decoder_layers": 3, "sinusoidal": True},
    "sinusoidal, ReLU, one head": {"num_heads": 1, "sinusoidal": True, "gelu": False},
    "three languages": {"langs": ("de", "en", "fr"), "directions": ("en-fr", "fr-de", "de-en", "fr-en")},
    "no language embeddings": {"tells_languages": False, "directions": ("en-fr",)},
}


@dataclass(frozen=True, slots=True)
class Output:
    """A greedy translation: ids without ``</s>``, and its log-probability a token, ``</s>`` counted if reached."""

    ids: list[int]
    score: float


@pytest.fixture(scope="module", params=list(SIZES))
def checkpoint(
    request: pytest.FixtureRequest, make_checkpoint: Callable[[Any, int], Path], model_sizes: type
) -> Checkpoint:
    sizes = model_sizes(**SIZES[request.param])
    return open_checkpoint(make_checkpoint(sizes, SEEDS.get(request.param, 2)))


@pytest.fixture(scope="module")
def bundle(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("parity") / "bundle"
    write_bundle(checkpoint, path, BundleOptions(quantization="float32"))
    return open_bundle(path)


@pytest.fixture(scope="module")
def torch_outputs(checkpoint: Checkpoint) -> dict[Direction, list[Output]]:
    return {direction: _torch_outputs(checkpoint, direction) for direction in checkpoint.config.directions}


def test_greedy_words_and_scores_equal_torchs(
    checkpoint: Checkpoint, bundle: Bundle, torch_outputs: dict[Direction, list[Output]]
) -> None:
    assert bundle.translation.directions
    for direction in bundle.translation.directions:
        translator = ctranslate2.Translator("m", device="cpu", files=bundle.folded_files(direction))
        expected, outputs = torch_outputs[direction], _engine_outputs(checkpoint, translator)
        assert [output.ids for output in outputs] == [output.ids for output in expected]
        assert [output.score for output in outputs] == pytest.approx([o.score for o in expected], abs=1e-5)


def test_the_outputs_compared_are_worth_comparing(
    checkpoint: Checkpoint, torch_outputs: dict[Direction, list[Output]]
) -> None:
    outputs = torch_outputs[checkpoint.config.directions[0]]
    assert len({tuple(output.ids) for output in outputs}) > NUM_SENTENCES // 2
    ended = [output for output in outputs if len(output.ids) < checkpoint.config.shape.max_positions]
    assert len(ended) > NUM_SENTENCES // 4
    assert len({len(output.ids) for output in ended}) > 3


def test_directions_differ(torch_outputs: dict[Direction, list[Output]]) -> None:
    translations = {str([output.ids for output in outputs]) for outputs in torch_outputs.values()}
    assert len(translations) == len(torch_outputs)


def test_a_folded_folder_equals_the_bundle(checkpoint: Checkpoint, bundle: Bundle, tmp_path: Path) -> None:
    for direction in bundle.translation.directions:
        path = tmp_path / str(direction)
        write_folded(checkpoint, path, direction, BundleOptions(quantization="float32"))
        names = {"model.bin", "config.json", "shared_vocabulary.json", "tokenizer.model"}
        assert {entry.name for entry in path.iterdir()} == names
        folded = _engine_outputs(checkpoint, ctranslate2.Translator(str(path), device="cpu"))
        # With the head that aligns put first, which changes the order of sums.
        from_bundle = ctranslate2.Translator("m", device="cpu", files=bundle.folded_files(direction, aligns=True))
        assert folded == _engine_outputs(checkpoint, from_bundle)


def _sources(checkpoint: Checkpoint) -> list[list[int]]:
    """Random sentences ``</s> w … </s>``, from one word to all positions. (The engine never computes an empty one.)"""
    rng = random.Random(7)
    shape = checkpoint.config.shape
    lengths = [1, shape.max_positions - 2, *(rng.randint(1, shape.max_positions - 2) for _ in range(NUM_SENTENCES - 2))]
    words = range(FIRST_WORD_ID, shape.num_words)
    return [[EOS_ID, *rng.choices(words, k=length), EOS_ID] for length in lengths]


def _torch_outputs(checkpoint: Checkpoint, direction: Direction) -> list[Output]:
    model, lang2id = checkpoint.model, checkpoint.config.lang2id
    src, tgt = lang2id[direction.src], lang2id[direction.tgt]
    max_len = checkpoint.config.shape.max_positions
    sources, outputs = _sources(checkpoint), []
    for source, words in zip(sources, model.greedy(*pad(sources), src, tgt, max_len), strict=True):
        target = [*words, EOS_ID][:max_len]
        with torch.no_grad():
            logits = model(_tokens(source, src), _tokens([EOS_ID, *target[:-1]], tgt))
        chosen = logits.double().log_softmax(-1)[range(len(target)), target]
        outputs.append(Output(words, float(chosen.mean())))
    return outputs


def _tokens(ids: list[int], lang: int) -> Tokens:
    return Tokens(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.bool), torch.tensor([[lang]]))


def _engine_outputs(checkpoint: Checkpoint, translator: Any) -> list[Output]:
    vocab = checkpoint.tokenizer.vocab
    results = translator.translate_batch(
        [[vocab[index] for index in source] for source in _sources(checkpoint)],
        beam_size=1,
        length_penalty=0,
        return_scores=True,
        max_batch_size=7,
        max_input_length=0,
        max_decoding_length=checkpoint.config.shape.max_positions,
        min_decoding_length=0,
    )
    ids, max_len = {piece: index for index, piece in enumerate(vocab)}, checkpoint.config.shape.max_positions
    outputs = []
    for result in results:
        words = [ids[piece] for piece in result.hypotheses[0]]
        outputs.append(Output(words, result.scores[0] / min(len(words) + 1, max_len)))
    return outputs
