from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from xlmcli.bundle import open_bundle
from xlmcli.errors import ExitCode, ModelError
from xlmcli.records import Direction


@pytest.fixture
def copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A bundle that a test may damage."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))


def test_a_bundle_opens(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    assert bundle.path == tiny_bundle
    assert bundle.manifest.languages == {"en": 0, "fr": 1}
    assert set(bundle.read_files()) == {"model.bin", "config.json", "shared_vocabulary.json"}
    assert bundle.read_files()["model.bin"] == (tiny_bundle / "model.bin").read_bytes()


@pytest.mark.parametrize("name", ["model.bin", "config.json", "languages.safetensors", "tokenizer.model"])
def test_an_altered_file_is_named(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"{name} was altered") as caught:
        open_bundle(copy)
    assert caught.value.exit_code == ExitCode.MODEL


def test_a_shortened_file_is_named(copy: Path) -> None:
    content = (copy / "model.bin").read_bytes()
    (copy / "model.bin").write_bytes(content[:-100])
    with pytest.raises(ModelError, match=r"model\.bin was altered or cut short"):
        open_bundle(copy)


def test_a_classifier_that_does_not_list_its_layer_is_an_error(tiny_classifier: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_classifier, tmp_path / "copy"))
    document = json.loads((copy / "xlm.json").read_text())
    del document["files"]["classifier.safetensors"]
    (copy / "xlm.json").write_text(json.dumps(document))
    with pytest.raises(ModelError, match=r"classifier\.safetensors not listed"):
        open_bundle(copy)


def test_what_a_bundle_was_not_made_for_names_what_it_was_made_for(tiny_bundle: Path, tiny_classifier: Path) -> None:
    translator, classifier = open_bundle(tiny_bundle), open_bundle(tiny_classifier)
    with pytest.raises(ModelError, match="does not classify, it was made to translate") as caught:
        _ = translator.classifier
    assert caught.value.hint == f"xlm translate -m {tiny_bundle}"
    with pytest.raises(ModelError, match="does not translate, it was made to classify") as caught:
        classifier.check_direction(Direction("en", "fr"))
    assert caught.value.hint == f"xlm classify -m {tiny_classifier}"
    assert classifier.classifier.labels == ("negative", "neutral", "positive")


def test_all_missing_files_are_named_at_once(copy: Path) -> None:
    (copy / "model.bin").unlink()
    (copy / "tokenizer.model").unlink()
    with pytest.raises(ModelError, match=r"model\.bin, tokenizer\.model are missing"):
        open_bundle(copy)


def test_a_manifest_that_does_not_list_the_model_is_an_error(copy: Path) -> None:
    document = json.loads((copy / "xlm.json").read_text())
    del document["files"]["model.bin"]
    (copy / "xlm.json").write_text(json.dumps(document))
    with pytest.raises(ModelError, match=r"model\.bin not listed"):
        open_bundle(copy)


def test_files_that_the_manifest_does_not_list_do_no_harm(copy: Path) -> None:
    (copy / "notes_vocabulary.json").write_text("mine")
    assert "notes_vocabulary.json" not in open_bundle(copy).read_files()


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is not a bundle: it has no xlm\.json"):
        open_bundle(tmp_path)


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        open_bundle(tmp_path / "none")


def test_a_checkpoint_is_told_how_to_become_a_bundle(tiny_checkpoint: Path) -> None:
    with pytest.raises(ModelError, match="is a checkpoint, not a bundle") as caught:
        open_bundle(tiny_checkpoint)
    assert "xlm convert" in (caught.value.hint or "")


def test_an_impossible_direction_lists_the_possible_ones(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    bundle.check_direction(Direction("fr", "en"))
    with pytest.raises(ModelError, match="does not translate from 'en' to 'de'") as caught:
        bundle.folded_files(Direction("en", "de"))
    assert "en-fr, fr-en" in (caught.value.hint or "")


def test_reading_imports_nothing_heavy(tiny_bundle: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from xlmcli.bundle import open_bundle\n"
        "from xlmcli.records import Direction\n"
        f"open_bundle(Path({str(tiny_bundle)!r}))\n"
        "print(sorted({'torch', 'ctranslate2', 'rich', 'numpy', 'safetensors', 'transformers'} & set(sys.modules)))\n"
        f"open_bundle(Path({str(tiny_bundle)!r})).folded_files(Direction('en', 'fr'))\n"
        "print(sorted({'torch', 'ctranslate2', 'rich', 'transformers'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]"]
