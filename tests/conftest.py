"""What the tests of several parts stand on: a tiny vocabulary, a random translation model, and its bundle."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xlmcli.train.seq2seq import Seq2Seq

# Before anything imports torch or ctranslate2: tests run side by side with other work.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SENTENCES = {
    "en": """\
        Good morning.
        How are you today?
        The cat sleeps on the warm roof.
        My sister reads a long book in the garden.
        We would like two cups of coffee, please.
        The train to the coast leaves at seven.
        Nobody knows why the old door is blue.
        They painted the kitchen last summer.
        Rain fell all night on the small village.
        Can you help me carry this table?
        The children are playing behind the school.
        I forgot my keys on the bus.
        It is too late to call him now.
        This street leads to the river.
        She speaks slowly so that everyone understands.
        The doctor will see you in an hour.
        Turn left after the second bridge.
        Fresh bread smells wonderful.
        He has never seen the sea.
        Where did you buy that green coat?""",
    "fr": """\
        Bonjour.
        Comment vas-tu aujourd'hui ?
        Le chat dort sur le toit chaud.
        Ma sœur lit un long livre dans le jardin.
        Nous voudrions deux tasses de café, s'il vous plaît.
        Le train pour la côte part à sept heures.
        Personne ne sait pourquoi la vieille porte est bleue.
        Ils ont peint la cuisine l'été dernier.
        La pluie est tombée toute la nuit sur le petit village.
        Peux-tu m'aider à porter cette table ?
        Les enfants jouent derrière l'école.
        J'ai oublié mes clés dans le bus.
        Il est trop tard pour l'appeler maintenant.
        Cette rue mène à la rivière.
        Elle parle lentement pour que tout le monde comprenne.
        Le médecin vous verra dans une heure.
        Tournez à gauche après le deuxième pont.
        Le pain frais sent très bon.
        Il n'a jamais vu la mer.
        Où as-tu acheté ce manteau vert ?""",
}


@dataclass(frozen=True, slots=True)
class ModelSizes:
    """Sizes of a random model.

    Attributes:
        tells_languages: Whether the model has language embeddings.
        num_positions: Rows of the position tables.
    """

    dim: int = 32
    num_heads: int = 4
    encoder_layers: int = 2
    decoder_layers: int = 2
    num_positions: int = 48
    gelu: bool = True
    sinusoidal: bool = False
    langs: tuple[str, ...] = ("en", "fr")
    directions: tuple[str, ...] = ("en-fr", "fr-en")
    tells_languages: bool = True


NUM_BYTES = 256

MakeCheckpoint = Callable[[ModelSizes, int], Path]


@pytest.fixture(scope="session")
def sentences() -> dict[str, list[str]]:
    """A few dozen short sentences by language."""
    return {lang: [line.strip() for line in text.splitlines()] for lang, text in SENTENCES.items()}


@pytest.fixture(scope="session")
def model_sizes() -> type[ModelSizes]:
    """The sizes that ``make_checkpoint`` takes."""
    return ModelSizes


@pytest.fixture(scope="session")
def tiny_tokenizer(tmp_path_factory: pytest.TempPathFactory, sentences: dict[str, list[str]]) -> Path:
    """Folder of a SentencePiece vocabulary of 420 pieces."""
    from xlmcli.sources import Source
    from xlmcli.text.sentencepiece import TokenizerOptions, train_sentencepiece

    folder = tmp_path_factory.mktemp("tokenizer")
    for lang, lines in sentences.items():
        (folder / f"{lang}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    sources = tuple(Source((lang,), folder / f"{lang}.txt") for lang in sentences)
    vocabulary = folder / "vocabulary"
    train_sentencepiece(TokenizerOptions(sources, vocab_size=420), vocabulary)
    return vocabulary


@pytest.fixture(scope="session")
def make_checkpoint(tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer: Path) -> MakeCheckpoint:
    """Makes the checkpoint of a random translation model: ``make_checkpoint(ModelSizes(…), seed)``.

    Every weight is random, LayerNorms and biases too, and scaled so that outputs vary with the input and the position.
    Special tokens and bytes are suppressed, so that outputs read as text; ``</s>`` comes about every 24 words.
    """
    torch = pytest.importorskip("torch")
    from xlmcli.records import Direction
    from xlmcli.text import load_tokenizer
    from xlmcli.text.special import FIRST_WORD_ID
    from xlmcli.train.checkpoint import CheckpointConfig, save_config, save_weights, saved_state
    from xlmcli.train.model import XLMShape
    from xlmcli.train.seq2seq import Seq2Seq

    tokenizer = load_tokenizer(tiny_tokenizer)

    def make(sizes: ModelSizes, seed: int) -> Path:
        shape = XLMShape(
            num_words=tokenizer.vocab_size,
            num_langs=len(sizes.langs) if sizes.tells_languages else 1,
            dim=sizes.dim,
            num_layers=sizes.encoder_layers,
            num_heads=sizes.num_heads,
            max_positions=sizes.num_positions,
            gelu=sizes.gelu,
            sinusoidal=sizes.sinusoidal,
        )
        directions = tuple(map(Direction.parse, sizes.directions))
        config = CheckpointConfig(sizes.langs, shape, sizes.decoder_layers, directions)
        generator = torch.Generator().manual_seed(seed)
        model = Seq2Seq(config.shape, config.decoder_shape)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if not (sizes.sinusoidal and "position_embeddings" in name):
                    noise = torch.randn(weight.shape, generator=generator)
                    weight.copy_(_scale(name, sizes.dim) * noise + (name.endswith("weight") and "layer_norm" in name))
            model.decoder.pred_layer.proj.bias[: FIRST_WORD_ID + NUM_BYTES] -= 100
        _let_sentences_end(model.eval())
        folder: Path = tmp_path_factory.mktemp("checkpoint")
        save_config(config, folder)
        save_weights(saved_state(model), folder / "model.safetensors")
        tokenizer.save(folder)
        return folder

    return make


def _let_sentences_end(model: Seq2Seq) -> None:
    """Raises the bias of ``</s>`` until it is the likeliest word at one position in 24."""
    import torch

    from xlmcli.text.special import EOS_ID, FIRST_WORD_ID
    from xlmcli.train.model import Tokens

    shape, generator = model.decoder.shape, torch.Generator().manual_seed(0)
    words = torch.randint(FIRST_WORD_ID + NUM_BYTES, shape.num_words, (32, shape.max_positions), generator=generator)
    words[:, 0] = EOS_ID
    tokens = Tokens(words, None, torch.zeros(1, 1, dtype=torch.int64))
    with torch.no_grad():
        logits = model(tokens, tokens)
        lead = logits.max(dim=1).values - logits[:, EOS_ID]
        model.decoder.pred_layer.proj.bias[EOS_ID] += lead.quantile(1 / 24)


def _scale(name: str, dim: int) -> float:
    """Standard deviation of a random weight."""
    if name.endswith("bias") or "layer_norm" in name:
        return 0.3
    gains = {"position_embeddings": 2.0, "embeddings": 1.0, "out_lin": 0.5, "v_lin": 1.0, "lin2": 1.5, "lin1": 3.0}
    gain = next((gain for part, gain in gains.items() if part in name), 3.0)
    return gain if "embeddings" in name else float(gain / dim**0.5)


@pytest.fixture(scope="session")
def tiny_checkpoint(make_checkpoint: MakeCheckpoint) -> Path:
    """Folder of a random English-French translation checkpoint, 32 wide, 48 positions."""
    return make_checkpoint(ModelSizes(), 2)


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    """The float32 bundle of ``tiny_checkpoint``."""
    from xlmcli.convert.conversion import BundleOptions, open_checkpoint, write_bundle

    path = tmp_path_factory.mktemp("bundle") / "tiny"
    write_bundle(open_checkpoint(tiny_checkpoint), path, BundleOptions(quantization="float32"))
    return path
