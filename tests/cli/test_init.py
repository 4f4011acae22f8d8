"""``--init`` of the training commands takes every XLM checkpoint there is, and what comes out is converted and runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli import cli
from xlmcli.bundle import embedded_models
from xlmcli.bundle.reading import read_manifest
from xlmcli.cli.training.options import model_folder
from xlmcli.errors import ExitCode, ModelError
from xlmcli.text.special import RESERVED_PIECES

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from safetensors.torch import load_file  # noqa: E402

from xlmcli.checkpoint.pretrained import open_pretrained  # noqa: E402

NUM_SPARE = 5
SIDES = ("encoder", "decoder")
LETTERS = [*"abcdefghijklmnopqrstuvwxyz'", *(f"{char}</w>" for char in "abcdefghijklmnopqrstuvwxyz.,?'")]
PIECES = [*RESERVED_PIECES, *LETTERS, "th", "the</w>", "in", "ing</w>"]
MERGES = "t h 5\nth e</w> 4\ni n 3\nin g</w> 2\n"
SIZES: dict[str, Any] = {
    "vocab_size": len(PIECES) + NUM_SPARE, "emb_dim": 32, "n_layers": 2, "n_heads": 4, "max_position_embeddings": 128,
    "n_langs": 2, "lang2id": {"en": 0, "fr": 1}, "id2label": {0: "other", 1: "question"},
    "label2id": {"other": 0, "question": 1},
}  # fmt: skip
RUN = ("--warmup", 0, "--max-steps", 2, "--device", "cpu", "--precision", "fp32", "--quiet")
# So small that the weights stay what they were, as far as 32 bits can tell.
STILL = "1e-12"
TEXTS = ("--batch-tokens", 400, "--lr", STILL, *RUN)

# What transformers saved, and how.
CHECKPOINTS = {
    "encoder, safetensors": ("XLMModel", "model.safetensors"),
    "language model, bin": ("XLMWithLMHeadModel", "pytorch_model.bin"),
    "language model, several bins": ("XLMWithLMHeadModel", "pytorch_model.bin.index.json"),
    "classifier, several safetensors": ("XLMForSequenceClassification", "model.safetensors.index.json"),
    "original": ("", "model.pth"),
}

Run = Callable[..., str]


@pytest.fixture
def run(xlm: Callable[..., Any]) -> Run:
    """Runs ``xlm`` in this process, which must go well; returns stdout."""

    def run_well(*args: object) -> str:
        done = xlm(*args)
        assert done.code == 0, done.err
        return str(done.out)

    return run_well


@pytest.fixture(params=CHECKPOINTS)
def checkpoint(
    request: pytest.FixtureRequest, original_content: Callable[..., Any], original_codes: str, tmp_path: Path
) -> Path:
    """A random checkpoint of the kind, with its vocabulary."""
    kind, weights = CHECKPOINTS[request.param]
    folder = tmp_path / "published"
    folder.mkdir()
    if not kind:
        torch.save(original_content(has_decoder=False), folder / weights)
        (folder / "codes").write_text(original_codes, encoding="utf-8")
        return folder / weights
    save_published(folder, kind, weights)
    return folder


def save_published(folder: Path, kind: str, weights: str, **changes: Any) -> None:
    """Writes a folder as transformers does, or did; its vocabulary is smaller than its table."""
    torch.manual_seed(1)
    model = getattr(transformers, kind)(transformers.XLMConfig(**SIZES | changes))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder, max_shard_size="60KB" if "index" in weights else "1GB")
    if ".bin" in weights:
        for file in folder.glob("*.safetensors*"):
            file.unlink()
        save_bins(model.state_dict(), folder / weights)
    assert (folder / weights).is_file()
    (folder / "vocab.json").write_text(json.dumps({piece: index for index, piece in enumerate(PIECES)}))
    (folder / "merges.txt").write_text(MERGES)
    (folder / "tokenizer_config.json").write_text('{"do_lowercase_and_remove_accent": true}')


def save_bins(state: dict[str, Any], path: Path) -> None:
    if path.suffix == ".bin":
        torch.save(state, path)
        return
    places = {name: f"pytorch_model-0000{index % 2 + 1}-of-00002.bin" for index, name in enumerate(state)}
    for file in set(places.values()):
        torch.save({name: state[name] for name in state if places[name] == file}, path.with_name(file))
    path.write_text(json.dumps({"metadata": {}, "weight_map": places}))


def is_unmoved(folder: Path, names: Callable[[str], str], wanted: dict[str, Any]) -> bool:
    found = load_file(folder / "model.safetensors")
    return all(torch.allclose(found[names(name)], weight, atol=1e-6) for name, weight in wanted.items())


@pytest.fixture
def pairs_option(pairs: Path) -> tuple[object, ...]:
    return ("--parallel", f"en-fr={pairs}", "--valid", f"en-fr={pairs}")


def test_pretraining_goes_on(
    checkpoint: Path, run: Run, pairs_option: tuple[object, ...], sentences: dict[str, list[str]], tmp_path: Path
) -> None:
    folder, bundle, text = tmp_path / "run", tmp_path / "bundle", tmp_path / "text"
    run("pretrain", "--init", checkpoint, *pairs_option, "--block-len", 64, *TEXTS, folder)
    source = open_pretrained(checkpoint)
    model, loaded = transformers.XLMWithLMHeadModel.from_pretrained(folder, output_loading_info=True)
    assert not loaded["missing_keys"] | loaded["unexpected_keys"]
    wanted = source.language_model().state_dict()
    assert all(torch.allclose(weight, wanted[name], atol=1e-6) for name, weight in model.state_dict().items())
    tokenizer = transformers.XLMTokenizer.from_pretrained(folder)
    assert len(tokenizer) == source.config.shape.num_words == model.config.vocab_size
    assert tokenizer.encode("The king", add_special_tokens=False) == source.tokenizer().encode("The king")
    run("convert", folder, bundle)
    text.write_text("".join(f"{line}\n" for line in sentences["en"][:3]), encoding="utf-8")
    assert len(run("encode", "-m", bundle, text).splitlines()) == 3


def test_an_encoder_becomes_both_sides_of_a_translator(
    checkpoint: Path, run: Run, pairs_option: tuple[object, ...], sentences: dict[str, list[str]], tmp_path: Path
) -> None:
    folder, bundle, text = tmp_path / "run", tmp_path / "bundle", tmp_path / "text"
    run("train", "translate", "--init", checkpoint, *pairs_option, *TEXTS, folder)
    source = open_pretrained(checkpoint)
    encoder = source.encoder().state_dict()
    assert is_unmoved(folder, lambda name: f"encoder.{name}", encoder)
    assert is_unmoved(folder, lambda name: f"decoder.{name}", encoder)
    bias = {"proj.bias": source.language_model().pred_layer.proj.bias}
    assert is_unmoved(folder, lambda name: f"decoder.pred_layer.{name}", bias)
    run("convert", folder, bundle, "--quantization", "float32", "--verify")
    # Untrained, it may well say words that the vocabulary has not got.
    text.write_text("".join(f"{line}\n" for line in sentences["en"][:3]), encoding="utf-8")
    assert len(run("translate", "-m", bundle, "--src", "en", "--tgt", "fr", text).splitlines()) == 3


def test_a_translator_of_ours_is_trained_further(
    tiny_checkpoint: Path, run: Run, pairs_option: tuple[object, ...], tmp_path: Path
) -> None:
    wanted = load_file(tiny_checkpoint / "model.safetensors")
    further, pretrained = tmp_path / "further", tmp_path / "pretrained"
    run("train", "translate", "--init", tiny_checkpoint, *pairs_option, *TEXTS, "--max-len", 30, further)
    assert is_unmoved(further, lambda name: name, wanted)
    run("pretrain", "--init", tiny_checkpoint, *pairs_option, "--block-len", 24, *TEXTS, "--max-len", 30, pretrained)
    encoder = {name.removeprefix("encoder."): value for name, value in wanted.items() if name.startswith("encoder.")}
    assert is_unmoved(pretrained, lambda name: f"transformer.{name}", encoder)


def test_a_bundle_is_trained_further(
    tiny_bundle: Path,
    tiny_classifier: Path,
    run: Run,
    pairs_option: tuple[object, ...],
    sentences: dict[str, list[str]],
    tmp_path: Path,
) -> None:
    """As the checkpoint is that it was converted from, with its vocabulary."""
    folder, again, rows = (tmp_path / name for name in ("run", "bundle", "rows.tsv"))
    run("train", "translate", "--init", tiny_bundle, *pairs_option, *TEXTS, "--max-len", 30, folder)
    run("convert", folder, again, "--quantization", "float32")
    text = tmp_path / "text"
    text.write_text("".join(f"{line}\n" for line in sentences["en"][:3]), encoding="utf-8")
    wanted, found = (run("translate", "-m", path, "--src", "en", "--tgt", "fr", text) for path in (tiny_bundle, again))
    assert found == wanted
    labels = zip(("negative", "neutral", "positive"), sentences["en"], strict=False)
    rows.write_text("".join(f"{label}\t{line}\n" for label, line in labels))
    data = ("--train", f"en={rows}", "--valid", f"en={rows}", "--batch-size", 3)
    rates = ("--encoder-lr", STILL, "--head-lr", STILL)
    classifier = tmp_path / "classifier"
    run("train", "classify", "--init", tiny_classifier, *data, *rates, *RUN, classifier)
    wanted = open_pretrained(tiny_classifier).classifier().state_dict()
    assert is_unmoved(classifier, lambda name: name, wanted)


def test_a_model_is_found_by_its_name(
    run: Run, pairs_option: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("train", "translate", "--init", "en-fr", *pairs_option, *TEXTS, "further")
    wanted = open_pretrained(embedded_models()["en-fr"]).encoder().state_dict()
    assert is_unmoved(tmp_path / "further", lambda name: f"encoder.{name}", wanted)
    # A folder of that name is none of a model's, until one lies in it.
    (tmp_path / "sentiment").mkdir()
    assert model_folder("sentiment") == embedded_models()["sentiment"]
    shutil.copytree(tmp_path / "further", tmp_path / "sentiment", dirs_exist_ok=True)
    assert model_folder("sentiment") == Path("sentiment")
    with pytest.raises(ModelError, match="no model named 'sentimnt'") as caught:
        model_folder("sentimnt")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("did you mean sentiment? ")


SIZES_OF_NEW = [
    *(("--dim", 16), ("--layers", 1), ("--heads", 2), ("--max-positions", 64), ("--activation", "relu")),
    ("--sinusoidal",),
]
COMMANDS = {"pretrain": "--init", "train translate": "--init-encoder", "train classify": "--init"}
OF_NEW = [
    *((command, size) for command in COMMANDS for size in SIZES_OF_NEW),
    ("pretrain", ("--no-language-embeddings",)),
]


@pytest.mark.parametrize(("command", "option"), OF_NEW, ids=lambda value: value if isinstance(value, str) else value[0])
def test_what_is_for_a_new_model_is_no_option_of_another(
    xlm: Callable[..., Any],
    tiny_checkpoint: Path,
    pairs_option: tuple[object, ...],
    tmp_path: Path,
    command: str,
    option: tuple[object, ...],
) -> None:
    rows, settings = tmp_path / "rows.tsv", tmp_path / "settings.toml"
    rows.write_text("good\tGood.\nbad\tBad.\n", encoding="utf-8")
    text: tuple[object, ...] = (*pairs_option, "--max-len", 20)
    if command == "pretrain":
        text = (*text, "--block-len", 24)
    elif command == "train classify":
        text = ("--train", f"en={rows}", "--valid", f"en={rows}")
    run = (*command.split(), COMMANDS[command], tiny_checkpoint, *text, *RUN)
    done = xlm(*run, *option, tmp_path / "run")
    message = f"error: {option[0]} is for a new model, and {COMMANDS[command]} has one\n\nhint: leave out {option[0]}\n"
    assert (done.code, done.err) == (ExitCode.USAGE, message)
    # A settings file may serve a new model, too.
    name, value = str(option[0]).removeprefix("--"), "true" if len(option) == 1 else json.dumps(option[1])
    settings.write_text(f"[{command.replace(' ', '.')}]\n{name} = {value}\n", encoding="utf-8")
    done = xlm(*run, "--config", settings, tmp_path / "run")
    assert done.code == 0, done.err


def test_what_was_learned_of_spans_is_kept_and_the_licence(
    run: Run, pairs_option: tuple[object, ...], tmp_path: Path
) -> None:
    further, bundle, text, rows = (tmp_path / name for name in ("further", "bundle", "text", "rows.tsv"))
    run("train", "translate", "--init", "en-fr", *pairs_option, *TEXTS, further)
    run("convert", further, bundle)
    text.write_text("Please see https://example.com/a?b=c, {name}.\n", encoding="utf-8")
    translation = run("translate", "-m", bundle, "--src", "en", "--tgt", "fr", text)
    assert "https://example.com/a?b=c" in translation
    assert "{name}" in translation
    rows.write_text("good\tGood.\nbad\tBad.\n", encoding="utf-8")
    data = ("--train", f"en={rows}", "--valid", f"en={rows}", "--batch-size", 2)
    run("train", "classify", "--init", "en-fr", *data, *RUN, tmp_path / "classifier")
    assert not open_pretrained(tmp_path / "classifier").config.protects_spans
    run("pretrain", "--init", "en-fr", *pairs_option, *TEXTS, tmp_path / "encoder")
    licences = {"classifier": (), "encoder": (), "translator": ("--licence", "ours")}
    for name, options in licences.items():
        run("convert", *options, further if name == "translator" else tmp_path / name, tmp_path / f"{name}.bundle")
    found = [read_manifest(tmp_path / f"{name}.bundle").provenance.licence for name in licences]
    theirs = read_manifest(embedded_models()["en-fr"]).provenance.licence
    assert [read_manifest(bundle).provenance.licence, *found] == [theirs, theirs, theirs, "ours"]


def test_an_encoder_becomes_a_classifier(
    checkpoint: Path, run: Run, sentences: dict[str, list[str]], tmp_path: Path
) -> None:
    folder, bundle, text, rows = (tmp_path / name for name in ("run", "bundle", "text", "rows.tsv"))
    labels = ["question" if line.endswith("?") else "other" for line in sentences["en"]]
    rows.write_text("".join(f"{label}\t{line}\n" for label, line in zip(labels, sentences["en"], strict=True)))
    data = ("--train", f"en={rows}", "--valid", f"en={rows}", "--batch-size", 8)
    run("train", "classify", "--init", checkpoint, *data, "--encoder-lr", STILL, "--head-lr", STILL, *RUN, folder)
    source = open_pretrained(checkpoint)
    assert is_unmoved(folder, lambda name: f"transformer.{name}", source.encoder().state_dict())
    if (classifier := source.classifier()) is not None:
        assert is_unmoved(folder, lambda name: name, classifier.state_dict())
    transformers.XLMForSequenceClassification.from_pretrained(folder)
    run("convert", folder, bundle)
    text.write_text("".join(f"{line}\n" for line in sentences["en"][:3]), encoding="utf-8")
    answers = run("classify", "-m", bundle, text).splitlines()
    assert {answer.split("\t")[0] for answer in answers} <= {"other", "question"}
    assert len(answers) == 3
    for path in [folder, *([checkpoint] if checkpoint.is_dir() else [])]:
        assert json.loads(run("info", "--format", "json", path))["vocab_size"] == source.config.shape.num_words


def test_a_name_on_the_hub_is_to_be_downloaded_first(
    pairs_option: tuple[object, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.run(["pretrain", "--init", "FacebookAI/xlm-mlm-en-2048", *map(str, pairs_option), str(tmp_path)])
    assert caught.value.code == ExitCode.MODEL
    assert capsys.readouterr().err == (
        "error: --init FacebookAI/xlm-mlm-en-2048: no such folder\n\n"
        "hint: get it from the hub: hf download FacebookAI/xlm-mlm-en-2048 --local-dir xlm-mlm-en-2048\n"
    )


def test_a_translator_learns_to_tell_languages_that_its_start_does_not(
    run: Run, pairs_option: tuple[object, ...], sentences: dict[str, list[str]], tmp_path: Path
) -> None:
    """As XLM-17 and XLM-100 do not; other languages than theirs make no difference to them."""
    (tmp_path / "published").mkdir()
    changes = {"use_lang_emb": False, "n_langs": 3, "lang2id": {"de": 0, "en": 1, "es": 2}}
    save_published(tmp_path / "published", "XLMWithLMHeadModel", "model.safetensors", **changes)
    folder, bundle, german = tmp_path / "run", tmp_path / "bundle", tmp_path / "german.tsv"
    german.write_text("".join(f"{line}\tmann {line.lower()}\n" for line in sentences["en"]), encoding="utf-8")
    texts = (*pairs_option, "--parallel", f"en-de={german}", *TEXTS, "--lr", "1e-2", "--max-steps", 10)
    run("train", "translate", "--init", tmp_path / "published", *texts, folder)
    run("convert", folder, bundle)
    described = json.loads(run("info", "--format", "json", bundle))
    assert (list(described["languages"]), described["language_input"]) == (["de", "en", "es", "fr"], "embedding")
    tables = [load_file(folder / "model.safetensors")[f"{side}.lang_embeddings.weight"] for side in SIDES]
    assert all(len({tuple(row) for row in table[[0, 1, 3]].tolist()}) == 3 for table in tables)
    run("pretrain", "--init", tmp_path / "published", *pairs_option, "--block-len", 64, *TEXTS, tmp_path / "further")
    further = open_pretrained(tmp_path / "further").config
    assert (list(further.lang2id), further.shape.num_langs) == (["de", "en", "es", "fr"], 1)
