"""Where a name finds a model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from xlmcli.bundle import embedded_models, find_model, finding
from xlmcli.errors import ModelError


def test_models_are_found_by_path_and_by_embedded_name(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrained = tmp_path / "pretrained"
    for name in ("en-fr", "other"):
        shutil.copytree(tiny_bundle, pretrained / name)
    (pretrained / "empty").mkdir()
    work = tmp_path / "work"
    (work / "en-fr").mkdir(parents=True)
    monkeypatch.setattr(finding, "_PRETRAINED", pretrained)
    monkeypatch.chdir(work)
    assert list(embedded_models()) == ["en-fr", "other"]
    assert find_model() == pretrained / "en-fr"
    assert find_model("other") == pretrained / "other"
    assert find_model(str(tiny_bundle)) == tiny_bundle
    # A folder that merely has the name of an embedded model does not hide it; a bundle does.
    assert find_model("en-fr") == pretrained / "en-fr"
    shutil.copytree(tiny_bundle, work / "other")
    assert find_model("other") == Path("other")
    assert find_model(None, "other") == pretrained / "other"
    with pytest.raises(ModelError, match="no model named 'nothing'") as caught:
        find_model("nothing")
    assert "embedded models: en-fr, other" in (caught.value.hint or "")
