"""Models that are CTranslate2's already must translate in a bundle as CTranslate2 alone does."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from xlmcli.bundle import Bundle, open_bundle
from xlmcli.errors import ModelError
from xlmcli.records import Direction

pytest.importorskip("torch")
ctranslate2 = pytest.importorskip("ctranslate2")
sentencepiece = pytest.importorskip("sentencepiece")

from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.opening import open_convertible  # noqa: E402
from xlmcli.convert.xlm.translator import open_checkpoint, write_folded  # noqa: E402
from xlmcli.infer.decoding import Decoding  # noqa: E402
from xlmcli.infer.engine import EngineOptions, TranslationEngine, max_translation_len  # noqa: E402
from xlmcli.text import load_tokenizer  # noqa: E402
from xlmcli.text.pieces import read_vocabulary  # noqa: E402

EN_FR = Direction("en", "fr")
METADATA = {"package_version": "1.0", "argos_version": "1.5", "from_code": "en", "to_code": "fr"}


@pytest.fixture(scope="module")
def engine_folder(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    """A folder that CTranslate2 opens, with a SentencePiece model, tokenizer.model."""
    path = tmp_path_factory.mktemp("engine") / "plain"
    write_folded(open_checkpoint(tiny_checkpoint), path, EN_FR, BundleOptions(quantization="float32"))
    return path


@pytest.fixture
def marian_folder(engine_folder: Path, tmp_path: Path) -> Path:
    """The same as converted models of OPUS-MT lie on the hub."""
    folder = Path(shutil.copytree(engine_folder, tmp_path / "opus-mt-eng-fra"))
    shutil.copy(folder / "tokenizer.model", folder / "source.spm")
    (folder / "tokenizer.model").rename(folder / "target.spm")
    return folder


@pytest.fixture
def argos_package(engine_folder: Path, tmp_path: Path) -> Path:
    """The same as a package of Argos Translate, with its vocabulary as a text."""
    path = tmp_path / "translate-en_fr-1_0.argosmodel"
    pieces = json.loads((engine_folder / "shared_vocabulary.json").read_text(encoding="utf-8"))
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("en_fr/metadata.json", json.dumps(METADATA))
        package.write(engine_folder / "tokenizer.model", "en_fr/sentencepiece.model")
        for name in ("model.bin", "config.json"):
            package.write(engine_folder / name, f"en_fr/model/{name}")
        package.writestr("en_fr/model/shared_vocabulary.txt", "".join(f"{piece}\n" for piece in pieces))
    return path


BPE_CODES = "#version: 0.2\nt h\nth e</w>\n"


def cut_by_bpe(text: str) -> list[str]:
    """What the codes above do: ``the`` at the end of a word is a piece, and every ``th`` but at the end."""
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

    words = MosesTokenizer("en").tokenize(MosesPunctNormalizer("en").normalize(text))
    return " ".join("@@ ".join(re.findall("the$|th(?!$)|.", word)) for word in words).split()


@pytest.fixture
def make_bpe_package(engine_folder: Path, tmp_path: Path, sentences: dict[str, list[str]]) -> Callable[..., Path]:
    """Writes the same model with other pieces, as a package whose text is cut by codes: folder ``en_fr``."""

    def make(codes: str = BPE_CODES, **metadata: str) -> Path:
        folder = tmp_path / "en_fr"
        shutil.copytree(engine_folder, folder / "model")
        (folder / "model" / "tokenizer.model").unlink()
        (folder / "metadata.json").write_text(json.dumps({**METADATA, **metadata}))
        (folder / "bpe.model").write_text(codes)
        letters = dict.fromkeys("".join(cut_by_bpe(" ".join(sentences["en"]))) + "&quot;&amp;&#91;&#93;")
        pieces = ["the", "the@@", "th", "th@@", *(piece for letter in letters for piece in (letter, f"{letter}@@"))]
        vocabulary = folder / "model" / "shared_vocabulary.json"
        listed = json.loads(vocabulary.read_text(encoding="utf-8"))
        # In place of the last ones, since those before are bytes, which the model never writes.
        listed[-len(pieces) :] = pieces
        vocabulary.write_text(json.dumps(listed), encoding="utf-8")
        return folder

    return make


def convert(source: Path, path: Path) -> Bundle:
    write_bundle(open_convertible(source), path, BundleOptions())
    return open_bundle(path)


def translate(bundle: Bundle, texts: list[str]) -> list[list[str]]:
    tokenizer = load_tokenizer(bundle.path)
    engine = TranslationEngine(
        bundle.folded_files(EN_FR), tokenizer.vocab, bundle.manifest.tokens, bundle.manifest.limits,
        EngineOptions("cpu", num_workers=1, num_threads=1),
        max_target_positions=bundle.translation.max_target_positions, frame=bundle.frame(EN_FR),
    )  # fmt: skip
    results = engine.submit(tokenizer.encode_batch(texts), Decoding(1, 0)).wait()
    return [[tokenizer.vocab[index] for index in result.hypotheses[0]] for result in results]


def translate_plainly(folder: Path, texts: list[str], after: list[str], prefix: list[str]) -> list[list[str]]:
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    translator = ctranslate2.Translator(str(folder), intra_threads=1)
    outputs = []
    for text in texts:
        pieces = processor.encode(text, out_type=str)
        max_len = min(max_translation_len(len(pieces)), 48 - len(prefix))
        (result,) = translator.translate_batch(
            [pieces + after], beam_size=1, length_penalty=0, max_decoding_length=max_len + len(prefix),
            target_prefix=[prefix] if prefix else None,
        )  # fmt: skip
        outputs.append(result.hypotheses[0][len(prefix) :])
    return outputs


def test_a_folder_of_marian(
    marian_folder: Path, engine_folder: Path, tmp_path: Path, sentences: dict[str, list[str]]
) -> None:
    bundle = convert(marian_folder, tmp_path / "b")
    assert bundle.translation.directions == (EN_FR,)
    assert bundle.manifest.quantization == "float32"
    sizes = bundle.manifest.architecture
    assert (sizes.dim, sizes.num_heads, sizes.encoder_layers, sizes.decoder_layers) == (32, 4, 2, 2)
    assert (bundle.manifest.limits.max_source_positions, bundle.translation.max_target_positions) == (48, 48)
    found = translate(bundle, sentences["en"])
    assert found == translate_plainly(engine_folder, sentences["en"], ["</s>"], [])
    assert len(set(map(tuple, found))) > 10


def test_a_model_that_adds_the_end_itself(marian_folder: Path, tmp_path: Path) -> None:
    config = json.loads((marian_folder / "config.json").read_text())
    (marian_folder / "config.json").write_text(json.dumps(config | {"add_source_eos": True}))
    frame = convert(marian_folder, tmp_path / "b").frame(EN_FR)
    assert (frame.before, frame.after, frame.target) == ((), (), ())


def test_a_package_of_argos(
    argos_package: Path, engine_folder: Path, tmp_path: Path, sentences: dict[str, list[str]]
) -> None:
    bundle = convert(argos_package, tmp_path / "b")
    assert (bundle.translation.directions, bundle.manifest.language_input) == ((EN_FR,), "none")
    assert translate(bundle, sentences["en"]) == translate_plainly(engine_folder, sentences["en"], [], [])


def test_an_unpacked_package_with_a_target_prefix(
    argos_package: Path, engine_folder: Path, tmp_path: Path, sentences: dict[str, list[str]]
) -> None:
    zipfile.ZipFile(argos_package).extractall(tmp_path)
    prefix = read_vocabulary(engine_folder)[100]
    (tmp_path / "en_fr" / "metadata.json").write_text(json.dumps({**METADATA, "target_prefix": prefix}))
    bundle = convert(tmp_path / "en_fr", tmp_path / "b")
    found = translate(bundle, sentences["en"])
    assert found == translate_plainly(engine_folder, sentences["en"], [], [prefix])


def test_a_package_with_bpe_codes(
    make_bpe_package: Callable[..., Path], tmp_path: Path, sentences: dict[str, list[str]]
) -> None:
    package = make_bpe_package()
    bundle = convert(package, tmp_path / "b")
    assert bundle.manifest.tokenizer == "moses_bpe"
    assert (bundle.path / "bpe.codes").read_text() == BPE_CODES
    assert "bpe.codes" in bundle.manifest.files

    texts = [*sentences["en"], 'It\'s "the" path & [bathe] 漢.']
    tokenizer = load_tokenizer(bundle.path)
    cut = [cut_by_bpe(text) for text in texts]
    assert cut[-1] == [
        *["I@@", "t", "&@@", "a@@", "p@@", "o@@", "s@@", ";@@", "s", "&@@", "q@@", "u@@", "o@@", "t@@", ";", "the"],
        *["&@@", "q@@", "u@@", "o@@", "t@@", ";", "p@@", "a@@", "t@@", "h", "&@@", "a@@", "m@@", "p@@", ";"],
        *["&@@", "#@@", "9@@", "1@@", ";", "b@@", "a@@", "the", "&@@", "#@@", "9@@", "3@@", ";", "漢", "."],
    ]
    known = [[piece if piece in tokenizer.vocab else "<unk>" for piece in pieces] for pieces in cut]
    assert known[-1] == ["<unk>" if piece == "漢" else piece for piece in cut[-1]]
    assert [[tokenizer.vocab[index] for index in ids] for ids in tokenizer.encode_batch(texts, "en")] == known

    # Lines of more pieces than the model has positions are not for plain CTranslate2.
    short = [(text, pieces) for text, pieces in zip(texts, cut, strict=True) if len(pieces) < 46]
    found = translate(bundle, [text for text, _ in short])
    translator = ctranslate2.Translator(str(package / "model"), intra_threads=1)
    for (_, pieces), hypothesis in zip(short, found, strict=True):
        max_len = min(max_translation_len(len(pieces) - 2), 48)
        (result,) = translator.translate_batch([pieces], beam_size=1, length_penalty=0, max_decoding_length=max_len)
        assert hypothesis == result.hypotheses[0]
    assert len(set(map(tuple, found))) > 10


def test_a_package_with_both_tokenizers_is_taken_by_sentencepiece(argos_package: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(argos_package, "a") as package:
        package.writestr("en_fr/bpe.model", "of another kind")
    assert convert(argos_package, tmp_path / "b").manifest.tokenizer == "family_sentencepiece"


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ("t h\nth e</w>\n", "en_fr: bpe.model: codes of subword-nmt's version '0.1' are not read, only those of 0.2"),
        ("#version: 0.2\nt h 5\n", "en_fr: bpe.model:2: expected two pieces"),
    ],
)
def test_other_codes_are_refused(
    make_bpe_package: Callable[..., Path], tmp_path: Path, codes: str, message: str
) -> None:
    with pytest.raises(ModelError, match=re.escape(message)):
        open_convertible(make_bpe_package(codes))


@pytest.mark.parametrize("lang", ["zh", "ja"])
def test_codes_for_text_without_spaces_are_refused(
    make_bpe_package: Callable[..., Path], tmp_path: Path, lang: str
) -> None:
    with pytest.raises(ModelError, match=rf"en_fr cannot be converted: it translates from {lang} with bpe\.model"):
        open_convertible(make_bpe_package(from_code=lang))


def test_codes_of_languages_with_control_characters_are_refused(
    make_bpe_package: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="from_code should be a name without control characters"):
        convert(make_bpe_package(from_code="en\x1b[1m"), tmp_path / "b")


def test_a_package_without_a_tokenizer_names_both_kinds(make_bpe_package: Callable[..., Path]) -> None:
    package = make_bpe_package()
    (package / "bpe.model").unlink()
    with pytest.raises(ModelError, match=r"it has no sentencepiece\.model or bpe\.model$"):
        open_convertible(package)


def test_what_is_missing_is_listed(engine_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.copy(engine_folder / "model.bin", folder)
    with pytest.raises(ModelError, match=r"no shared_vocabulary\.json, no source\.spm and target\.spm or"):
        open_convertible(folder)
    (folder / "model.bin").unlink()
    with pytest.raises(ModelError, match=r"it has no model\.bin"):
        open_convertible(folder, of_engine=True)


def test_a_folder_whose_languages_nobody_says(marian_folder: Path, tmp_path: Path) -> None:
    folder = marian_folder.rename(tmp_path / "model")
    with pytest.raises(ModelError, match="nothing says which languages") as caught:
        convert(folder, tmp_path / "b")
    assert caught.value.hint is not None
    assert "source_lang" in caught.value.hint
    assert not (tmp_path / "b").exists()


def test_what_is_no_package(tmp_path: Path) -> None:
    path = tmp_path / "x.argosmodel"
    path.write_bytes(b"no zip")
    with pytest.raises(ModelError, match="not a package of Argos Translate"):
        open_convertible(path)
