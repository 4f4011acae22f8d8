"""What the tests of several parts stand on: a tiny vocabulary, a random translation model, and its bundle."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import torch
    from torch import nn

    from xlmcli.model.classifier import Classifier
    from xlmcli.model.seq2seq import Seq2Seq
    from xlmcli.model.transformer import XLMShape

# Before anything imports torch or ctranslate2: tests run side by side with other work.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Models that a user has pulled are no business of the tests; where this is not a folder nothing can be written either.
os.environ["XLM_HOME"] = os.devnull
# Started in the background, a run ignores Ctrl-C, and by nohup a lost terminal; what it tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A run judges a change, and so tries the same examples each time.
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

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


Randomise = Callable[["nn.Module", int], None]


@pytest.fixture(scope="session")
def await_first_step() -> Callable[[Path, subprocess.Popen[Any]], None]:
    """Waits until a run, with ``--log-every 1``, has taken a step; before, there is nothing that Ctrl-C could save."""

    def wait(folder: Path, process: subprocess.Popen[Any]) -> None:
        log, deadline = folder / "log.jsonl", time.monotonic() + 240
        while not (log.exists() and b'"train"' in log.read_bytes()):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    return wait


@pytest.fixture(scope="session")
def shape() -> XLMShape:
    """The shape of a tiny XLM of two languages."""
    from xlmcli.model.transformer import XLMShape

    return XLMShape(num_words=60, num_langs=2, dim=16, num_layers=2, num_heads=4, max_positions=24)


@pytest.fixture(scope="session")
def randomise() -> Randomise:
    """Gives every weight of a model a random value, LayerNorms and biases too: ``randomise(model, seed)``."""
    import torch

    def fill(model: nn.Module, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if weight.requires_grad:
                    weight.copy_(0.3 * torch.randn(weight.shape, generator=generator))
                    if "layer_norm" in name and name.endswith("weight"):
                        weight += 1

    return fill


class Done(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def xlm(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Runs ``xlm`` in this process: ``xlm("eval", "classify", …, stdin="…")``."""
    from xlmcli import cli

    def run(*args: object, stdin: str | None = None) -> Done:
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as caught:
            cli.run([str(arg) for arg in args])
        assert isinstance(caught.value.code, int)
        return Done(caught.value.code, *capsys.readouterr())

    return run


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
    from xlmcli.text.sentencepiece_training import TokenizerOptions, train_sentencepiece

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
    from xlmcli.checkpoint.config import CheckpointConfig, save_config
    from xlmcli.checkpoint.weights import save_weights, saved_state
    from xlmcli.model.seq2seq import Seq2Seq
    from xlmcli.model.transformer import XLMShape
    from xlmcli.records import Direction
    from xlmcli.text import load_tokenizer
    from xlmcli.text.special import FIRST_WORD_ID

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

    from xlmcli.model.transformer import Tokens
    from xlmcli.text.special import EOS_ID, FIRST_WORD_ID

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
    from xlmcli.convert.bundling import BundleOptions, write_bundle
    from xlmcli.convert.xlm.translator import open_checkpoint

    path = tmp_path_factory.mktemp("bundle") / "tiny"
    write_bundle(open_checkpoint(tiny_checkpoint), path, BundleOptions(quantization="float32"))
    return path


@dataclass(frozen=True, slots=True)
class ClassifierSizes:
    """A random classifier, or without labels an encoder.

    Attributes:
        num_positions: Rows of the position table.
    """

    labels: tuple[str, ...] = ("negative", "neutral", "positive")
    multi_label: bool = False
    pooling: Literal["first", "mean", "last"] = "first"
    langs: tuple[str, ...] = ("en", "fr")
    num_positions: int = 48


MakeClassifier = Callable[[ClassifierSizes], Path]


@pytest.fixture(scope="session")
def classifier_sizes() -> type[ClassifierSizes]:
    """What ``make_classifier`` takes."""
    return ClassifierSizes


@pytest.fixture(scope="session")
def make_classifier(tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer: Path) -> MakeClassifier:
    """Makes the float32 bundle of a random classifier or encoder, 32 wide: ``make_classifier(ClassifierSizes(…))``."""
    torch = pytest.importorskip("torch")
    from xlmcli.checkpoint.config import CheckpointConfig, save_config
    from xlmcli.checkpoint.weights import save_weights, saved_state
    from xlmcli.convert.bundling import BundleOptions, write_bundle
    from xlmcli.convert.xlm.encoder import open_encoder
    from xlmcli.model.classifier import Classifier
    from xlmcli.model.classifier_config import ClassifierConfig
    from xlmcli.model.transformer import XLMLanguageModel, XLMShape
    from xlmcli.text import load_tokenizer

    tokenizer = load_tokenizer(tiny_tokenizer)

    def make(sizes: ClassifierSizes) -> Path:
        shape = XLMShape(
            num_words=tokenizer.vocab_size,
            num_langs=len(sizes.langs),
            dim=32,
            num_layers=2,
            num_heads=4,
            max_positions=sizes.num_positions,
        )
        head = ClassifierConfig(sizes.labels, sizes.multi_label, sizes.pooling) if sizes.labels else None
        model = XLMLanguageModel(shape) if head is None else Classifier(shape, head)
        generator = torch.Generator().manual_seed(4)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                noise = torch.randn(weight.shape, generator=generator)
                weight.copy_(_scale(name, shape.dim) * noise + (name.endswith("weight") and "layer_norm" in name))
        if isinstance(model, Classifier):
            _balance(model.eval(), shape)
        folder: Path = tmp_path_factory.mktemp("classifier")
        save_config(CheckpointConfig(sizes.langs, shape, classifier=head), folder)
        save_weights(saved_state(model), folder / "model.safetensors")
        tokenizer.save(folder)
        path = tmp_path_factory.mktemp("bundle") / ("classifier" if sizes.labels else "encoder")
        write_bundle(open_encoder(folder), path, BundleOptions(quantization="float32"))
        return path

    return make


def _balance(model: Classifier, shape: XLMShape) -> None:
    """Moves and scales the logits so that every label is likeliest for about as many texts."""
    import torch

    from xlmcli.model.transformer import Tokens
    from xlmcli.text.special import EOS_ID, FIRST_WORD_ID

    generator = torch.Generator().manual_seed(0)
    words = torch.randint(FIRST_WORD_ID + NUM_BYTES, shape.num_words, (64, 16), generator=generator)
    words[:, [0, -1]] = EOS_ID
    layer = model.sequence_summary.summary
    with torch.no_grad():
        logits = model(Tokens(words, None, torch.zeros(1, 1, dtype=torch.int64)))
        layer.weight /= logits.std(dim=0, keepdim=True).T
        layer.bias.copy_((layer.bias - logits.mean(dim=0)) / logits.std(dim=0))


@pytest.fixture(scope="session")
def tiny_classifier(make_classifier: MakeClassifier) -> Path:
    """The bundle of a random classifier: negative, neutral, positive in English and French, 48 positions."""
    return make_classifier(ClassifierSizes())


@pytest.fixture(scope="session")
def tiny_encoder(make_classifier: MakeClassifier) -> Path:
    """The bundle of a random encoder of English and French, 48 positions."""
    return make_classifier(ClassifierSizes(labels=()))


@pytest.fixture(scope="session")
def make_published(tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer: Path) -> Callable[..., Path]:
    """Makes a folder as transformers writes it: ``make_published("XLMModel", n_langs=15, …)``.

    Settings are those of ``transformers.XLMConfig``. Every weight is random, LayerNorms and biases too; ``scale`` is
    the standard deviation of all but the embeddings.
    """
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    transformers.utils.logging.disable_progress_bar()

    def make(class_name: str, *, scale: float = 0.3, **settings: Any) -> Path:
        sizes = {"vocab_size": 420, "emb_dim": 32, "n_layers": 2, "n_heads": 4, "max_position_embeddings": 48}
        config = transformers.XLMConfig(**{**sizes, **settings})
        model = getattr(transformers, class_name)(config)
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if not (config.sinusoidal_embeddings and "position_embeddings" in name):
                    is_gain = "layer_norm" in name and name.endswith("weight")
                    deviation = 1.0 if "embeddings" in name else scale
                    weight.copy_(deviation * torch.randn(weight.shape, generator=generator) + is_gain)
        folder: Path = tmp_path_factory.mktemp("published")
        model.save_pretrained(folder)
        shutil.copy(tiny_tokenizer / "tokenizer.model", folder)
        return folder

    return make


@pytest.fixture(scope="session")
def published_classifier(make_published: Callable[..., Path]) -> Path:
    """A random classifier of three labels and two languages."""
    return make_published(
        "XLMForSequenceClassification",
        n_langs=2,
        lang2id={"en": 0, "fr": 1},
        id2label={0: "bad", 1: "fair", 2: "good"},
        label2id={"bad": 0, "fair": 1, "good": 2},
    )


@pytest.fixture(scope="session")
def original_content() -> Callable[..., dict[str, Any]]:
    """Makes what the original code saves, with random weights: ``original_content(has_decoder=True, **params)``.

    Names, order and shapes are those of ``xlm/model/transformer.py`` (facebookresearch/XLM cd281d3), the rest of the
    content that of ``save_checkpoint`` in ``xlm/trainer.py``.
    """
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(5)

    def make(*, has_decoder: bool = True, **changes: Any) -> dict[str, Any]:
        words = [*_RESERVED, *original_words()]
        langs = changes.pop("langs", ["en", "fr"])
        params = {
            "emb_dim": 32, "n_layers": 2, "n_heads": 4, "dropout": 0.1, "attention_dropout": 0.1,
            "gelu_activation": True, "sinusoidal_embeddings": False, "share_inout_emb": True, "use_lang_emb": True,
            "use_memory": False, "asm": False, "encoder_only": not has_decoder, "langs": langs, "n_langs": len(langs),
            "lang2id": {lang: index for index, lang in enumerate(langs)}, "id2lang": dict(enumerate(langs)),
            "n_words": len(words), "bos_index": 0, "eos_index": 1, "pad_index": 2, "unk_index": 3, "mask_index": 5,
        } | changes  # fmt: skip
        sides = {"encoder": False, "decoder": True} if has_decoder else {"model": False}
        return {
            "epoch": 3,
            "n_total_iter": 1000,
            "best_metrics": {"valid_en-fr_mt_bleu": 12.5},
            "best_stopping_criterion": None,
            **{name: _original_state(params, is_decoder, generator) for name, is_decoder in sides.items()},
            "dico_id2word": dict(enumerate(words)),
            "dico_word2id": {word: index for index, word in enumerate(words)},
            "dico_counts": dict.fromkeys(words, 1),
            "params": params,
        }

    return make


@pytest.fixture(scope="session")
def original_codes() -> str:
    """fastBPE's codes of the dictionary of ``original_content``."""
    return "".join(f"{left} {right} 9\n" for left, right in ORIGINAL_MERGES)


_RESERVED = ["<s>", "</s>", "<pad>", "<unk>", *(f"<special{number}>" for number in range(10))]
ORIGINAL_MERGES = [("t", "h"), ("th", "e</w>"), ("i", "n"), ("in", "g</w>"), ("o", "n</w>"), ("l", "e</w>"), ("e", "r")]


def original_words() -> list[str]:
    """Every letter, at the end of a word and before it, and what the merges make."""
    ends = [*"abcdefghijklmnopqrstuvwxyz.,?'", *(left + right[:-4] for left, right in ORIGINAL_MERGES if "<" in right)]
    starts = [*"abcdefghijklmnopqrstuvwxyz'", *(left + right for left, right in ORIGINAL_MERGES if "<" not in right)]
    return [*ends, *(f"{start}@@" for start in starts)]


def _original_state(params: dict[str, Any], is_decoder: bool, generator: torch.Generator) -> dict[str, torch.Tensor]:
    import torch

    shapes = _original_shapes(params, is_decoder)
    state: dict[str, torch.Tensor] = OrderedDict()
    for name, shape in shapes.items():
        noise = _scale(name, params["emb_dim"]) * torch.randn(shape, generator=generator)
        state[name] = noise + (name.endswith("weight") and "layer_norm" in name)
    if params["sinusoidal_embeddings"]:
        columns = torch.arange(params["emb_dim"]) // 2 * 2
        angles = torch.arange(512.0)[:, None] / 10000 ** (columns / params["emb_dim"])
        is_even = torch.arange(len(columns)) % 2 == 0
        state["position_embeddings.weight"] = torch.where(is_even, angles.sin(), angles.cos())
    if params["share_inout_emb"]:
        state["pred_layer.proj.weight"] = state["embeddings.weight"]
    state["pred_layer.proj.bias"][: len(_RESERVED)] -= 100
    state["pred_layer.proj.bias"][1] += 106
    return state


def _original_shapes(params: dict[str, Any], is_decoder: bool) -> dict[str, tuple[int, ...]]:
    dim, layers = params["emb_dim"], range(params["n_layers"])

    def linear(name: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
        return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}

    def norm(name: str) -> dict[str, tuple[int, ...]]:
        return {f"{name}.weight": (dim,), f"{name}.bias": (dim,)}

    shapes: dict[str, tuple[int, ...]] = {"position_embeddings.weight": (512, dim)}
    if params["n_langs"] > 1 and params["use_lang_emb"]:
        shapes["lang_embeddings.weight"] = (params["n_langs"], dim)
    shapes["embeddings.weight"] = (params["n_words"], dim)
    shapes |= norm("layer_norm_emb")
    attentions = ("attentions", "encoder_attn") if is_decoder else ("attentions",)
    for layer in layers:
        for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
            for attention in attentions:
                shapes |= linear(f"{attention}.{layer}.{part}", dim, dim)
        for name in ("layer_norm1", "layer_norm15", "layer_norm2") if is_decoder else ("layer_norm1", "layer_norm2"):
            shapes |= norm(f"{name}.{layer}")
        shapes |= linear(f"ffns.{layer}.lin1", 4 * dim, dim) | linear(f"ffns.{layer}.lin2", dim, 4 * dim)
    return shapes | linear("pred_layer.proj", params["n_words"], dim)
