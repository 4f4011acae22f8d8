"""Models of other families and in other formats are pulled under a short name, and translate."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli.errors import ExitCode

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

Run = Callable[..., tuple[int, str, str]]
SIZES: dict[str, Any] = {
    "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_position_embeddings": 64,
}  # fmt: skip


@pytest.fixture
def engine_files(xlm: Run, tiny_checkpoint: Path, tmp_path: Path) -> dict[str, bytes]:
    """A model of CTranslate2 from English to French, and its tokenizer as tokenizer.model."""
    folder = tmp_path / "engine"
    assert xlm("convert", tiny_checkpoint, folder, "--direction", "en-fr")[0] == ExitCode.OK
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def spm(tiny_tokenizer: Path) -> bytes:
    return (tiny_tokenizer / "tokenizer.model").read_bytes()


def files_of(model: Any, folder: Path, pieces: list[str]) -> dict[str, bytes]:
    """What transformers writes of a model, and a vocabulary."""
    transformers.utils.logging.disable_progress_bar()
    model.save_pretrained(folder)
    vocab = {piece: index for index, piece in enumerate(pieces)}
    return {"vocab.json": json.dumps(vocab).encode(), **{path.name: path.read_bytes() for path in folder.iterdir()}}


def text_pieces(model: bytes) -> list[str]:
    from sentencepiece import SentencePieceProcessor

    processor = SentencePieceProcessor(model_proto=model)
    return [processor.id_to_piece(index) for index in range(14, len(processor))]  # Without XLM's special ones.


def pull(xlm: Run, hub: Any, name: str) -> dict[str, Any]:
    """Pulls a model; returns what list says of it."""
    code, out, err = xlm("models", "pull", name)
    assert code == ExitCode.OK, err
    [model] = [item for item in json.loads(xlm("models", "list", "--format", "json")[1]) if item["name"] == out.strip()]
    document: dict[str, Any] = model
    return document


def row(xlm: Run, name: str) -> str:
    [line] = [line for line in xlm("models", "list")[1].splitlines() if line.startswith(f"{name} ")]
    return line


def check_translates(xlm: Run, name: str) -> None:
    code, out, err = xlm("translate", "-q", "-m", name, "--src", "en", "--tgt", "fr", "--text", "Good morning.")
    assert (code, out.count("\n")) == (ExitCode.OK, 1), err


def test_marian_knows_its_languages_by_its_name(
    xlm: Run, hub: Any, repository: Any, tmp_path: Path, spm: bytes
) -> None:
    pieces = ["</s>", "<unk>", *text_pieces(spm), "<pad>"]
    pad = len(pieces) - 1
    config = transformers.MarianConfig(
        vocab_size=len(pieces), pad_token_id=pad, decoder_start_token_id=pad, eos_token_id=0, bos_token_id=0,
        forced_eos_token_id=0, **SIZES,
    )  # fmt: skip
    files = files_of(transformers.MarianMTModel(config), tmp_path / "marian", pieces)
    name = "Helsinki/opus-mt-en-fr"
    hub.repositories[name] = repository({**files, "source.spm": spm, "target.spm": spm, "tf_model.h5": b"x"})
    model = pull(xlm, hub, name)
    assert (model["task"], model["directions"], model["sources"], model["targets"]) == ("translate", ["en-fr"], [], [])
    assert "  en-fr  " in row(xlm, "opus-mt-en-fr")
    check_translates(xlm, "opus-mt-en-fr")


def test_m2m_translates_between_all_its_languages(
    xlm: Run, hub: Any, repository: Any, tmp_path: Path, spm: bytes
) -> None:
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *text_pieces(spm)]
    config = transformers.M2M100Config(vocab_size=len(pieces) + 100 + 8, **SIZES)
    files = files_of(transformers.M2M100ForConditionalGeneration(config), tmp_path / "m2m", pieces)
    hub.repositories["team/m2m"] = repository({**files, "sentencepiece.bpe.model": spm}, card={"license": "mit"})
    model = pull(xlm, hub, "team/m2m")
    assert model["directions"] == []
    assert model["sources"] == model["targets"] == model["languages"]
    assert len(model["languages"]) == 100
    assert model["licence"] == "mit"
    assert "  translate  between 100 languages  " in row(xlm, "m2m")
    check_translates(xlm, "m2m")


def test_a_folder_of_ctranslate2(xlm: Run, hub: Any, repository: Any, engine_files: dict[str, bytes]) -> None:
    spm = engine_files.pop("tokenizer.model")
    pieces = json.loads(engine_files.pop("shared_vocabulary.json"))
    engine_files["shared_vocabulary.txt"] = "".join(f"{piece}\n" for piece in pieces).encode()
    name = "team/opus-mt-en-fr-ctranslate2"
    hub.repositories[name] = repository({**engine_files, "source.spm": spm, "target.spm": spm})
    assert pull(xlm, hub, name)["directions"] == ["en-fr"]
    check_translates(xlm, "opus-mt-en-fr-ctranslate2")
    hub.requests.clear()
    pull(xlm, hub, name)
    code, _, err = xlm("models", "pull", name, "--quantization", "float32")
    assert code == ExitCode.USAGE
    assert f"{name} is a model of CTranslate2: its weights are taken as they are" in err
    assert hub.downloads("model.bin") == []


def test_a_package_of_argos(
    xlm: Run, hub: Any, repository: Any, engine_files: dict[str, bytes], tmp_path: Path
) -> None:
    package = tmp_path / "translate-en_fr-1_0.argosmodel"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("en_fr/metadata.json", json.dumps({"from_code": "en", "to_code": "fr"}))
        archive.writestr("en_fr/sentencepiece.model", engine_files.pop("tokenizer.model"))
        for name, content in engine_files.items():
            archive.writestr(f"en_fr/model/{name}", content)
    hub.repositories["team/argos"] = repository({package.name: package.read_bytes(), "README.md": b"# Card\n"})
    model = pull(xlm, hub, "team/argos")
    assert model["directions"] == ["en-fr"]
    assert (Path(model["path"]) / "MODEL_CARD.md").read_bytes() == b"# Card\n"
    check_translates(xlm, "argos")


@pytest.mark.parametrize("codes", ["codes", "codes_enfr"])
def test_a_file_of_the_original_code(
    xlm: Run,
    hub: Any,
    repository: Any,
    original_content: Callable[..., Any],
    original_codes: str,
    tmp_path: Path,
    codes: str,
) -> None:
    torch.save(original_content(), tmp_path / "mt.pth")
    files = {"mt_enfr.pth": (tmp_path / "mt.pth").read_bytes(), codes: original_codes.encode()}
    hub.repositories["team/original"] = repository({**files, "vocab": b"the 9\n"})
    assert pull(xlm, hub, "team/original")["directions"] == ["en-fr", "fr-en"]
    check_translates(xlm, "original")
