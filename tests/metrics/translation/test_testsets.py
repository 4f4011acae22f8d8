from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest
from sacrebleu.dataset import DATASETS

from xlmcli.errors import DataError, UsageError
from xlmcli.metrics.translation.testsets import load_testset
from xlmcli.records import Direction

EN_FR = Direction("en", "fr")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for the test set wmt14, and no network."""
    dataset = DATASETS["wmt14"]
    monkeypatch.setattr(dataset, "_outdir", str(tmp_path / "wmt14"))
    monkeypatch.setattr(dataset, "_rawdir", str(tmp_path / "wmt14" / "raw"))

    def refuse(*_: object) -> None:
        raise OSError("no network here")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    return tmp_path / "wmt14"


def fill(cache: Path, source: str, reference: str) -> None:
    cache.mkdir()
    (cache / "wmt14.en-fr.src").write_text(source)
    (cache / "wmt14.en-fr.ref").write_text(reference)
    for field in DATASETS["wmt14"].fieldnames("en-fr"):
        (cache / f"wmt14.en-fr.{field}").touch()


def test_what_is_in_the_cache_is_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLM_OFFLINE", "1")
    fill(cache, "Hello.\nGoodbye.\n", "Bonjour.\nAu revoir.\n")
    source, references = load_testset("wmt14", EN_FR)
    assert source.lines == ["Hello.", "Goodbye."]
    assert [side.lines for side in references] == [["Bonjour.", "Au revoir."]]


def test_what_is_cut_short_in_the_cache_is_said(cache: Path) -> None:
    fill(cache, "Hello.\nGoodbye.\n", "Bonjour.\n")
    with pytest.raises(DataError, match=r"different numbers of lines: .*\.src 2, .*\.ref 1") as caught:
        load_testset("wmt14", EN_FR)
    assert str(cache) in str(caught.value.hint)


def test_what_cannot_be_downloaded_is_said(cache: Path) -> None:
    with pytest.raises(
        DataError, match=r"wmt14 \(en-fr\) is not in .* cannot be downloaded: no network here"
    ) as caught:
        load_testset("wmt14", EN_FR)
    assert "sacrebleu --download wmt14 -l en-fr" in str(caught.value.hint)


def test_nothing_is_downloaded_where_the_network_is_forbidden(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLM_OFFLINE", "1")
    with pytest.raises(UsageError, match=r"not to be used \(XLM_OFFLINE=1\)") as caught:
        load_testset("wmt14", EN_FR)
    assert "to download the test set wmt14 (en-fr)" in str(caught.value.hint)
    assert not cache.exists()


@pytest.mark.parametrize(
    ("name", "direction", "message", "hint"),
    [("wmt14x", EN_FR, "knows no such test set", "wmt14"), ("wmt14", Direction("fr", "ja"), "from fr to ja", "en-fr")],
)
def test_what_does_not_exist_is_a_usage_error(name: str, direction: Direction, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_testset(name, direction)
    assert hint in str(caught.value.hint)
