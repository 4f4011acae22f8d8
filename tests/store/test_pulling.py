"""Pulling from a real server on loopback, through the real client."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmcli.bundle import embedded_models, find_model, open_bundle, seal
from xlmcli.errors import ExitCode

Run = Callable[..., tuple[int, str, str]]
NAME = "team/mt-en-fr"


@pytest.fixture
def served(hub: Any, repository: Any, bundle_files: dict[str, bytes]) -> Any:
    """The hub with one bundle, ``NAME``."""
    hub.repositories[NAME] = repository(dict(bundle_files), card={"license": "cc-by-4.0"}, revisions=("main", "v1"))
    return hub


def names(xlm: Run) -> list[str]:
    """Names of the pulled models, as list tells them."""
    code, out, _ = xlm("models", "list", "--format", "json")
    assert code == ExitCode.OK
    return [model["name"] for model in json.loads(out) if not model["embedded"]]


def test_a_bundle_is_taken_as_it_is(xlm: Run, served: Any, home: Path, bundle_files: dict[str, bytes]) -> None:
    code, out, err = xlm("models", "pull", NAME)
    assert (code, out) == (ExitCode.OK, "mt-en-fr\n")
    assert "note: licence: cc-by-4.0\n" in err
    assert find_model("mt-en-fr") == home / "models/mt-en-fr"
    bundle = open_bundle(home / "models/mt-en-fr")
    assert {path.name for path in bundle.path.iterdir()} == {*bundle.manifest.files, "xlm.json", "origin.json"}
    assert all((bundle.path / name).read_bytes() == bundle_files[name] for name in bundle.manifest.files)
    assert not any((home / "downloads").iterdir())


def test_only_what_the_manifest_names_is_downloaded(xlm: Run, served: Any) -> None:
    xlm("models", "pull", NAME)
    asked = {request.path.rpartition("/")[2] for request in served.requests if "/resolve/" in request.path}
    assert "model.bin" in asked
    assert not asked & {"README.md", "train.py", ".gitattributes"}


def test_a_pulled_bundle_translates_without_torch(xlm: Run, served: Any) -> None:
    xlm("models", "pull", NAME)
    script = (
        "import atexit, sys\n"
        "atexit.register(lambda: print({'torch', 'huggingface_hub'} & set(sys.modules), file=sys.stderr))\n"
        "from xlmcli.cli import run\n"
        "run(['translate', '-q', '-m', 'mt-en-fr', '--src', 'en', '--tgt', 'fr', '--text', 'Good morning.'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip()
    assert done.stderr.splitlines()[-1] == "set()"


def test_pulling_once_more_downloads_nothing(xlm: Run, served: Any) -> None:
    xlm("models", "pull", NAME)
    served.requests.clear()
    code, out, _ = xlm("models", "pull", NAME)
    assert (code, out) == (ExitCode.OK, "mt-en-fr\n")
    assert [request.path for request in served.requests] == [f"/api/models/{NAME}/revision/main"]


def test_a_damaged_model_is_pulled_anew(xlm: Run, served: Any, home: Path) -> None:
    xlm("models", "pull", NAME)
    (home / "models/mt-en-fr/model.bin").write_bytes(b"not it")
    assert xlm("models", "verify", "mt-en-fr")[0] == ExitCode.MODEL
    assert xlm("models", "pull", NAME)[0] == ExitCode.OK
    assert xlm("models", "verify", "mt-en-fr")[0] == ExitCode.OK


def test_a_newer_commit_replaces_the_model(xlm: Run, served: Any, repository: Any) -> None:
    xlm("models", "pull", NAME)
    files = dict(served.repositories[NAME].files)
    served.repositories[NAME] = repository({**files, "README.md": b"# Better\n"})
    code, out, _ = xlm("models", "pull", NAME, "--format", "json")
    [model] = json.loads(out)
    assert code == ExitCode.OK
    assert model["origin"]["commit"] == served.repositories[NAME].commit
    assert names(xlm) == ["mt-en-fr"]


def test_a_bundle_with_further_files_is_replaced_too(xlm: Run, served: Any, home: Path, tmp_path: Path) -> None:
    files = served.repositories[NAME].files
    for notice in (b"As it was", b"As it is"):
        folder = tmp_path / notice.decode()
        folder.mkdir()
        for name in open_bundle(embedded_models()["en-fr"]).manifest.files:
            (folder / name).write_bytes(files[name])
        (folder / "NOTICE").write_bytes(notice)
        seal(folder, open_bundle(embedded_models()["en-fr"]).manifest)
        files.update({path.name: path.read_bytes() for path in folder.iterdir()})
        assert xlm("models", "pull", NAME)[0] == ExitCode.OK
        assert (home / "models/mt-en-fr/NOTICE").read_bytes() == notice


def test_a_revision_and_a_name_can_be_given(xlm: Run, served: Any) -> None:
    code, out, _ = xlm("models", "pull", NAME, "--revision", "v1", "--name", "mine")
    assert (code, out) == (ExitCode.OK, "mine\n")
    assert f"/api/models/{NAME}/revision/v1" in [request.path for request in served.requests]
    assert json.loads(xlm("models", "show", "mine", "--format", "json")[1])["origin"]["revision"] == "v1"


def test_another_model_does_not_take_a_name(xlm: Run, served: Any) -> None:
    served.repositories["others/mt-en-fr"] = served.repositories[NAME]
    xlm("models", "pull", NAME)
    code, out, err = xlm("models", "pull", "others/mt-en-fr")
    assert (code, out) == (ExitCode.USAGE, "")
    assert "is taken: that model is team/mt-en-fr" in err
    assert "--name" in err


def test_the_name_of_an_embedded_model_is_refused(xlm: Run, served: Any) -> None:
    code, _, err = xlm("models", "pull", NAME, "--name", "en-fr")
    assert code == ExitCode.USAGE
    assert "an embedded model is named 'en-fr' already" in err
    assert served.requests == []


@pytest.mark.parametrize("name", ["../escape", ".hidden", "a b", ""])
def test_a_name_is_no_path(xlm: Run, served: Any, home: Path, name: str) -> None:
    code, _, err = xlm("models", "pull", "team/..", "--name", name)
    assert code == ExitCode.USAGE
    assert "not a name for a model" in err
    assert not home.exists()


def test_a_download_that_is_cut_goes_on_where_it_stopped(xlm: Run, served: Any) -> None:
    served.cut_after["model.bin"] = 300_000
    assert xlm("models", "pull", NAME)[0] == ExitCode.OK
    first, second = served.downloads("model.bin")
    assert first is None
    assert second is not None
    assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= 300_000


def test_a_server_that_knows_no_ranges_will_do(xlm: Run, served: Any) -> None:
    served.cut_after["model.bin"] = 300_000
    served.ignores_ranges = True
    assert xlm("models", "pull", NAME)[0] == ExitCode.OK
    assert len(served.downloads("model.bin")) == 2
    assert xlm("models", "verify", "mt-en-fr")[0] == ExitCode.OK


def test_a_killed_pull_leaves_no_model_and_the_next_one_goes_on(xlm: Run, served: Any, home: Path) -> None:
    num_bytes = 4_000_000
    served.stall_after["model.bin"] = num_bytes
    process = subprocess.Popen(
        [sys.executable, "-m", "xlmcli", "models", "pull", NAME], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while sum(path.stat().st_size for path in home.rglob("model.bin.partial")) < num_bytes - 100_000:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.stderr.read() if process.stderr else None
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert names(xlm) == []
    served.stall_after.clear()
    served.resume.set()
    assert xlm("models", "pull", NAME)[0] == ExitCode.OK
    _, second = served.downloads("model.bin")
    assert int(second.removeprefix("bytes=").removesuffix("-")) >= num_bytes - 100_000
    assert names(xlm) == ["mt-en-fr"]


def test_ctrl_c_ends_a_pull(xlm: Run, served: Any, home: Path) -> None:
    served.stall_after["model.bin"] = 1_000_000
    process = subprocess.Popen(
        [sys.executable, "-m", "xlmcli", "models", "pull", NAME], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not any(home.rglob("model.bin.partial")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (ExitCode.INTERRUPTED, b"")
    assert names(xlm) == []


def test_a_hub_that_goes_down_is_an_error_and_the_next_pull_goes_on(xlm: Run, served: Any, home: Path) -> None:
    def go_down(name: str, num_bytes: int) -> None:
        served.is_down = served.is_down or name == "model.bin"

    from xlmcli.errors import ModelError
    from xlmcli.store.hub import Hub
    from xlmcli.store.pulling import PullRequest, pull_model

    class Watcher:
        expect = staticmethod(lambda num_bytes: None)
        advance = staticmethod(go_down)

    served.cut_after["model.bin"] = 500_000
    with pytest.raises(ModelError, match="cannot be reached or hung up") as caught:
        pull_model(Hub(), PullRequest(NAME), Watcher(), lambda found: None)
    assert "goes on from there" in (caught.value.hint or "")
    assert names(xlm) == []
    [partial] = home.rglob("model.bin.partial")
    done = partial.stat().st_size
    assert 0 < done <= 500_000
    served.is_down = False
    served.requests.clear()
    assert xlm("models", "pull", NAME)[0] == ExitCode.OK
    assert served.downloads("model.bin") == [f"bytes={done}-"]


def test_an_altered_file_is_refused_and_thrown_away(xlm: Run, served: Any, home: Path) -> None:
    for name in ("config.json", "model.bin"):  # Checked by git's hash and by sha256.
        served.altered = {name}
        code, out, err = xlm("models", "pull", NAME)
        assert (code, out) == (ExitCode.MODEL, "")
        assert f"{name} came altered" in err
        assert not any(home.rglob(f"{name}*"))
        assert names(xlm) == []
    served.altered = set()
    assert xlm("models", "pull", NAME)[0] == ExitCode.OK


def test_a_bundle_that_was_altered_before_it_was_uploaded_is_refused(xlm: Run, served: Any) -> None:
    served.repositories[NAME].files["config.json"] = b"{}"
    code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.MODEL
    assert "is damaged on the hub" in err
    assert "config.json was altered" in err
    assert names(xlm) == []


def test_a_bundle_without_one_of_its_files_is_refused(xlm: Run, served: Any) -> None:
    del served.repositories[NAME].files["tokenizer.model"]
    code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.MODEL
    assert f"{NAME} is incomplete: it has no tokenizer.model" in err


@pytest.mark.parametrize("name", ["a/b/c", "team/--", "team/x..y"])
def test_what_cannot_be_a_name(xlm: Run, served: Any, name: str) -> None:
    code, _, err = xlm("models", "pull", name, "--name", "mine")
    assert code == ExitCode.USAGE
    assert "not the name of a model on the hub" in err
    assert served.requests == []


def test_a_commit_is_no_path(xlm: Run, served: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(served.repositories[NAME]), "commit", "../../elsewhere")
    code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.MODEL
    assert "does not say which commit" in err
    assert not home.exists()


def test_what_an_older_commit_left_is_removed(xlm: Run, served: Any, home: Path) -> None:
    left = home / f"downloads/team--mt-en-fr@{'0' * 40}/model.bin.partial"
    left.parent.mkdir(parents=True)
    left.touch()
    assert xlm("models", "pull", NAME)[0] == ExitCode.OK
    assert not any((home / "downloads").iterdir())


def test_where_the_hub_names_no_licence_the_bundle_does(xlm: Run, served: Any) -> None:
    served.repositories[NAME].card = {}
    assert "note: licence: CC-BY-SA 4.0" in xlm("models", "pull", NAME)[2]


@pytest.mark.parametrize(
    ("card", "told"),
    [({"license": ["mit", "cc0-1.0"]}, "mit, cc0-1.0"), ({"license": "other", "license_name": "house rules"}, "house")],
)
def test_licences_of_all_shapes(xlm: Run, served: Any, card: dict[str, Any], told: str) -> None:
    served.repositories[NAME].card = card
    assert f"note: licence: {told}" in xlm("models", "pull", NAME)[2]


def test_quiet_says_nothing(xlm: Run, served: Any) -> None:
    assert xlm("models", "pull", "-q", NAME) == (ExitCode.OK, "mt-en-fr\n", "")


def test_a_bundle_cannot_be_quantised_again(xlm: Run, served: Any) -> None:
    code, _, err = xlm("models", "pull", NAME, "--quantization", "float32")
    assert code == ExitCode.USAGE
    assert "is a bundle: its weights are taken as they are" in err
