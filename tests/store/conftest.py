"""A hub on loopback, a store in a temporary folder, and ``xlm`` in this process."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from xlmcli.bundle import embedded_models

Run = Callable[..., tuple[int, str, str]]


def _load_local_hub() -> ModuleType:
    path = Path(__file__).with_name("local_hub.py")
    spec = importlib.util.spec_from_file_location("tests_store_local_hub", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


LOCAL_HUB = _load_local_hub()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store's folder; nothing outside the temporary folder is written, and nobody's token is read."""
    from huggingface_hub import constants

    folder = tmp_path / "home"
    for name in ("XLM_OFFLINE", "HF_HUB_OFFLINE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("XLM_HOME", str(folder))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    # Read from the environment when huggingface_hub is imported, which may be long ago.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "hf/token"))
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A hub without repositories; see local_hub.py."""
    from huggingface_hub import close_session

    from xlmcli.store import download

    state = LOCAL_HUB.LocalHub()
    server = LOCAL_HUB.HubServer(state)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", state.endpoint)
    monkeypatch.setattr(download, "_SECONDS_BETWEEN_ATTEMPTS", 0.0)
    yield state
    state.resume.set()
    close_session()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def repository() -> type:
    """What makes a repository: ``repository(files, card={…}, …)``."""
    return LOCAL_HUB.Repository


@pytest.fixture(scope="session")
def bundle_files() -> dict[str, bytes]:
    """A bundle as a repository holds it: the embedded model, and what hubs put beside."""
    files = {path.name: path.read_bytes() for path in embedded_models()["en-fr"].iterdir()}
    return {**files, ".gitattributes": b"*.bin filter=lfs\n", "README.md": b"# A model\n", "train.py": b"print()\n"}


@pytest.fixture
def served(hub: Any, repository: Any, bundle_files: dict[str, bytes]) -> Any:
    """The hub with one bundle, ``team/mt-en-fr``."""
    hub.repositories["team/mt-en-fr"] = repository(dict(bundle_files))
    return hub
