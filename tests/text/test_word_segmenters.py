"""Libraries that may not be there."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from xlmcli.errors import MissingExtraError, ModelError
from xlmcli.text.word_segmenters import load_segmenter
from xlmcli.text.words import SegmentingSplitter


@pytest.fixture(autouse=True)
def _forget_segmenters() -> None:
    load_segmenter.cache_clear()


@pytest.mark.parametrize(("lang", "module"), [("zh", "rjieba"), ("ja", "Mykytea"), ("th", "pythainlp.tokenize")])
def test_a_missing_library_is_named_with_its_extra(lang: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=module.partition(".")[0]) as error:
        load_segmenter(lang)
    assert error.value.hint == f"pip install 'xlmcli[{lang}]'"


class _Kytea:
    """Cuts into characters, as no model does, and keeps what it was opened with."""

    def __init__(self, options: str) -> None:
        assert options.startswith("-model ")

    def getWS(self, text: str) -> tuple[str, ...]:  # noqa: N802 (the library's name)
        return tuple(text)


def test_japanese_needs_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "Mykytea", SimpleNamespace(Mykytea=_Kytea))
    monkeypatch.setenv("XLM_KYTEA_MODEL", str(tmp_path / "model.bin"))
    with pytest.raises(ModelError, match=r"none at .*model\.bin"):
        load_segmenter("ja")
    (tmp_path / "model.bin").touch()
    assert SegmentingSplitter("ja").split("来た。") == ["来", "た", "."]
