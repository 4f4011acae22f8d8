"""Checkpoints of the hub, which are converted when they are pulled."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli.bundle import open_bundle
from xlmcli.errors import ExitCode
from xlmcli.store import pulling
from xlmcli.store.origin import Origin, write_origin

Run = Callable[..., tuple[int, str, str]]
NAME = "team/XLM-mt"


@pytest.fixture
def served(hub: Any, repository: Any, tiny_checkpoint: Path) -> Any:
    """The hub with one checkpoint, ``NAME``, and the other things that such repositories hold."""
    files = {path.name: path.read_bytes() for path in tiny_checkpoint.iterdir()}
    others = {"README.md": b"# Card\n", "LICENSE": b"As you like\n", "pytorch_model.bin": b"old " * 500}
    strange = {"tf_model.h5": b"h5", "rust_model.ot": b"ot", "run.py": b"print()", "onnx/model.safetensors": b"x"}
    hub.repositories[NAME] = repository({**files, **others, **strange}, card={"license": "cc-by-nc-4.0"})
    return hub


def test_a_checkpoint_becomes_a_bundle(xlm: Run, served: Any, home: Path) -> None:
    code, out, err = xlm("models", "pull", NAME)
    assert (code, out) == (ExitCode.OK, "XLM-mt\n")
    assert f"{NAME} is a checkpoint" in err
    assert "note: licence: cc-by-nc-4.0" in err
    bundle = open_bundle(home / "models/XLM-mt")
    assert bundle.manifest.task == "translate"
    assert bundle.manifest.quantization == "int8"
    assert bundle.manifest.provenance.licence == "cc-by-nc-4.0"
    assert bundle.manifest.provenance.source == f"team--XLM-mt@{served.repositories[NAME].commit}"
    assert (bundle.path / "MODEL_CARD.md").read_bytes() == b"# Card\n"
    assert not any((home / "downloads").iterdir())
    assert [path.name for path in (home / "models").iterdir()] == ["XLM-mt"]


def test_another_process_leaves_what_is_being_converted_alone(
    xlm: Run, served: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_beside(origin: Origin, folder: Path) -> None:
        script = "import sys; from pathlib import Path; from xlmcli.bundle import new_bundle\n"
        script += "with new_bundle(Path(sys.argv[1])) as folder: (folder / 'xlm.json').touch()"
        subprocess.run([sys.executable, "-c", script, home / "models/another"], check=True)
        write_origin(origin, folder)

    monkeypatch.setattr(pulling, "write_origin", write_beside)
    code, out, err = xlm("models", "pull", NAME)
    assert (code, out) == (ExitCode.OK, "XLM-mt\n"), err
    assert xlm("models", "verify", "XLM-mt")[0] == ExitCode.OK
    assert {path.name for path in (home / "models").iterdir()} == {"XLM-mt", "another"}


@pytest.mark.parametrize(
    ("fixture", "task"),
    [("tiny_encoder", "encode"), ("tiny_classifier", "classify"), ("published_classifier", "classify")],
)
def test_encoders_and_classifiers_can_be_pulled(
    xlm: Run, served: Any, repository: Any, home: Path, request: pytest.FixtureRequest, fixture: str, task: str
) -> None:
    folder = request.getfixturevalue(fixture)
    served.repositories[NAME] = repository({path.name: path.read_bytes() for path in folder.iterdir()})
    code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.OK, err
    assert open_bundle(home / "models/XLM-mt").manifest.task == task
    [row] = [line for line in xlm("models", "list")[1].splitlines() if line.startswith("XLM-mt")]
    assert row.split()[1:3] == [task, "en,fr"]


def test_only_allowed_files_are_downloaded_and_safetensors_rather_than_bin(xlm: Run, served: Any) -> None:
    xlm("models", "pull", NAME)
    asked = {request.path.partition("/resolve/")[2].partition("/")[2] for request in served.requests} - {""}
    assert asked == {"config.json", "tokenizer.model", "model.safetensors", "README.md", "LICENSE"}


def test_another_quantization_is_another_conversion(xlm: Run, served: Any, home: Path) -> None:
    xlm("models", "pull", NAME)
    assert xlm("models", "pull", NAME, "--quantization", "float32")[0] == ExitCode.OK
    assert open_bundle(home / "models/XLM-mt").manifest.quantization == "float32"
    served.requests.clear()
    xlm("models", "pull", NAME)
    assert not any("/resolve/" in request.path for request in served.requests)


def test_convert_takes_a_name_of_the_hub(
    xlm: Run, served: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = xlm("convert", NAME, "mt.bundle")
    assert (code, out) == (ExitCode.OK, "")
    assert "note: licence: cc-by-nc-4.0" in err
    assert open_bundle(tmp_path / "mt.bundle").manifest.provenance.licence == "cc-by-nc-4.0"
    assert not any((home / "downloads").iterdir())


def test_convert_keeps_what_it_downloaded_if_it_fails(
    xlm: Run, served: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    served.repositories[NAME].files["model.safetensors"] = b"no weights"
    assert xlm("convert", NAME, "mt.bundle")[0] == ExitCode.MODEL
    assert list(home.rglob("model.safetensors"))
    assert not (tmp_path / "mt.bundle").exists()


def test_convert_takes_what_lies_in_a_folder_for_a_path(
    xlm: Run, served: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "team").mkdir()
    assert xlm("convert", NAME, "mt.bundle")[0] == ExitCode.MODEL
    assert served.requests == []


def test_convert_downloads_nothing_offline(
    xlm: Run, served: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = xlm("convert", NAME, "mt.bundle", "--offline")
    assert code == ExitCode.USAGE
    assert "the network is not to be used" in err
    assert served.requests == []


def test_a_licence_that_nobody_says(xlm: Run, served: Any) -> None:
    served.repositories[NAME].card = {}
    assert "note: licence: not said; look at the page" in xlm("models", "pull", NAME)[2]


def test_convert_has_nothing_to_do_for_a_bundle(
    xlm: Run,
    served: Any,
    bundle_files: dict[str, bytes],
    repository: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    served.repositories[NAME] = repository(bundle_files)
    code, _, err = xlm("convert", NAME, "mt.bundle")
    assert code == ExitCode.USAGE
    assert f"xlm models pull {NAME} gets it" in err
    assert served.downloads("model.bin") == []
