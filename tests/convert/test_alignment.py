"""The head that aligns words is found at conversion, whatever the family."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.bundle import AlignmentHead, Bundle, find_model, open_bundle, seal
from xlmcli.errors import ExitCode
from xlmcli.records import Direction

pytest.importorskip("torch")
pytest.importorskip("ctranslate2")

from xlmcli.convert.alignment import find_alignment_head
from xlmcli.convert.bundling import BundleOptions, write_bundle
from xlmcli.convert.opening import open_convertible


def test_the_embedded_models_is_the_one_that_is_found() -> None:
    bundle = open_bundle(find_model())
    found, said = find_alignment_head(bundle), bundle.translation.alignment_head
    assert found is not None
    assert said is not None
    assert replace(found, agreement=0) == replace(said, agreement=0)
    assert found.agreement == pytest.approx(said.agreement, abs=0.05)  # Processors round differently.


def test_of_a_model_that_does_not_translate_back() -> None:
    """What stands alike on both sides tells as well which head is best."""
    bundle = open_bundle(find_model())
    part = replace(bundle.translation, directions=(Direction("fr", "en"),))
    found = find_alignment_head(Bundle(bundle.path, replace(bundle.manifest, translation=part)))
    assert found is not None
    assert bundle.translation.alignment_head is not None
    assert replace(found, agreement=0) == replace(bundle.translation.alignment_head, agreement=0)


def test_pieces_that_stand_alike_tell_the_head(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, said = ["▁Oslo", "▁7", "▁7", "▁old", "."], ["▁7", "▁vieux", "▁Oslo", "."]
    attention = np.full((2, 2, 4, len(said), len(text)), 0.1)
    attention[0, 0, 1, :, -1] = 1.0  # It rests at the end.
    attention[0, 1, 2, 0, 1:3] = 1.0  # Which of the two it is, is not told.
    attention[1, 1, 3, 2, 0] = 0.7
    monkeypatch.setattr("xlmcli.convert.alignment._translate", lambda *_: ([text, ["▁a"]], [said, ["▁b"]]))
    monkeypatch.setattr("xlmcli.convert.alignment._attention", lambda *_: [attention, np.ones((2, 2, 4, 1, 1))])
    bundle = open_bundle(tiny_bundle)
    part = replace(bundle.translation, directions=(Direction("en", "fr"),))
    found = find_alignment_head(Bundle(bundle.path, replace(bundle.manifest, translation=part)))
    assert found == AlignmentHead(layer=2, head=4, when_read=True, agreement=0.7)


@pytest.mark.parametrize("family", ["Marian", "M2M-100", "NLLB", "mBART-50"])
def test_other_families(tmp_path: Path, published: Any, family: str, xlm: Callable[..., Any]) -> None:
    published.make(family, tmp_path)
    write_bundle(open_convertible(tmp_path), tmp_path / "b", BundleOptions(quantization="float32"))
    manifest = open_bundle(tmp_path / "b").manifest
    assert manifest.translation is not None
    if family == "Marian":  # It translates in one direction, and being random says nothing as it was.
        assert manifest.translation.alignment_head is None
        part = replace(manifest.translation, alignment_head=AlignmentHead(1, 2, False, 0.5))
        (tmp_path / "b" / "xlm.json").unlink()
        seal(tmp_path / "b", replace(manifest, translation=part))
    else:
        assert manifest.translation.alignment_head is not None
        assert 0 < manifest.translation.alignment_head.agreement < 1
    done = xlm("translate", "-m", tmp_path / "b", "--src", "en", "--tgt", "fr", "--alignment", stdin="the old cat\n")
    assert done.code == ExitCode.OK
    links = done.out.rstrip("\n").rpartition(" ||| ")[2].split()
    assert links
    assert all(link.split("-")[0] in ("0", "1", "2") for link in links)


def test_a_model_that_the_engine_cannot_be_told_about(
    tmp_path: Path, tiny_bundle: Path, xlm: Callable[..., Any]
) -> None:
    """Those of old converters lack the settings."""
    shutil.copytree(tiny_bundle, tmp_path / "b")
    path, manifest = tmp_path / "b" / "model.bin", open_bundle(tiny_bundle).manifest
    content = path.read_bytes().replace(b"decoder/alignment_layer", b"decoder/alignment_xxxxx")
    assert content != path.read_bytes()
    path.write_bytes(content)
    assert find_alignment_head(Bundle(tmp_path / "b", manifest)) is None
    (tmp_path / "b" / "xlm.json").unlink()
    seal(tmp_path / "b", replace(manifest, translation=replace(manifest.translation, alignment_head=None)))
    done = xlm("translate", "-m", tmp_path / "b", "--src", "en", "--tgt", "fr", "--alignment", stdin="Good morning.\n")
    assert (done.code, done.out) == (ExitCode.MODEL, "")
    assert "does not say which of its heads aligns words" in done.err
