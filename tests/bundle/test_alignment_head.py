"""A head that is put first is the one whose attention the engine tells, and the translation stays what it was."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlmcli.bundle import AlignmentHead, Bundle, open_bundle
from xlmcli.bundle.alignment_head import put_head_first
from xlmcli.bundle.layout import read_weights
from xlmcli.errors import ModelError
from xlmcli.records import Direction

torch = pytest.importorskip("torch")
ctranslate2 = pytest.importorskip("ctranslate2")

from xlmcli.convert.bundling import BundleOptions, write_bundle  # noqa: E402
from xlmcli.convert.xlm.translator import open_checkpoint  # noqa: E402
from xlmcli.infer.decoding import Decoding, Translated  # noqa: E402
from xlmcli.infer.engine import EngineOptions, TranslationEngine  # noqa: E402
from xlmcli.model.network import Network  # noqa: E402
from xlmcli.text.special import EOS_ID  # noqa: E402

TEXTS = [[300, 17, 350, 401], [*range(290, 325)], [410]]
DIRECTION = Direction("en", "fr")


def translate(bundle: Bundle, head: AlignmentHead | None, beam_size: int = 2, num_best: int = 2) -> list[Translated]:
    part = replace(bundle.translation, alignment_head=head)
    aimed = Bundle(bundle.path, replace(bundle.manifest, translation=part))
    engine = TranslationEngine(
        aimed.folded_files(DIRECTION, aligns=True), bundle.open_tokenizer().vocab, bundle.manifest.tokens,
        bundle.manifest.limits, EngineOptions("cpu", "float32", num_workers=1, num_threads=1),
        max_target_positions=part.max_target_positions, alignment_head=head,
    )  # fmt: skip
    return engine.submit(TEXTS, Decoding(beam_size, 1.0, num_best, with_attention=True, with_scores=True)).wait()


@pytest.mark.parametrize("when_read", [False, True])
@pytest.mark.parametrize("layer", [1, 2])
@pytest.mark.parametrize("head", [1, 2, 4])
def test_the_engine_tells_the_attention_of_the_head(tiny_bundle: Path, layer: int, head: int, when_read: bool) -> None:
    bundle = open_bundle(tiny_bundle)
    plain = translate(bundle, None)
    told = translate(bundle, AlignmentHead(layer, head, when_read, 1.0))
    network = Network(bundle.folded_files(DIRECTION))
    texts = network.encode([[EOS_ID, *ids, EOS_ID] for ids in TEXTS])
    for text, ids, before, result in zip(texts, TEXTS, plain, told, strict=True):
        assert result.hypotheses == before.hypotheses
        assert np.allclose(result.scores, before.scores, atol=1e-5)
        for hypothesis, attention in zip(result.hypotheses, result.attention, strict=True):
            (forced,) = network.decode([[EOS_ID, *hypothesis]], [text])
            wanted = forced.weights[layer - 1, head - 1, int(when_read) :, 1:-1][: len(hypothesis)]
            assert attention.shape == (len(hypothesis), len(ids))
            is_stopped = when_read and not attention[-1].any()  # The last piece was never read.
            assert np.abs(attention - wanted)[: len(hypothesis) - is_stopped].max() < 1e-4
    assert max(np.ptp(result.attention[0]) for result in told) > 0.1


@pytest.mark.parametrize("quantization", ["int8", "int8_float16", "int16", "float16", "bfloat16"])
def test_however_weights_are_stored(tiny_checkpoint: Path, tmp_path: Path, quantization: Any) -> None:
    write_bundle(open_checkpoint(tiny_checkpoint), tmp_path / "b", BundleOptions(quantization=quantization))
    files = open_bundle(tmp_path / "b").folded_files(DIRECTION)
    moved = {**files, "model.bin": put_head_first(files["model.bin"], AlignmentHead(2, 3, False, 1.0))}
    first, second = (
        network.decode([[EOS_ID, 280, 310]], network.encode([[EOS_ID, *TEXTS[0], EOS_ID]]))[0]
        for network in map(Network, (files, moved))
    )
    assert np.abs(first.states - second.states).max() < 1e-5
    assert np.abs(first.weights[1][[2, 0, 1, 3]] - second.weights[1]).max() < 1e-5
    assert np.abs(first.weights[1] - second.weights[1]).max() > 0.1


def test_a_translation_that_was_stopped(tiny_bundle: Path) -> None:
    """Its last piece was never read."""
    bundle = open_bundle(tiny_bundle)
    part = replace(bundle.translation, max_target_positions=6)
    short = Bundle(bundle.path, replace(bundle.manifest, translation=part))
    stopped = [result for result in translate(short, AlignmentHead(1, 1, True, 1.0)) if result.is_unfinished]
    assert stopped
    for result in stopped:
        assert result.attention[0].shape[0] == len(result.hypotheses[0])
        assert not result.attention[0][-1].any()
        assert result.attention[0][:-1].sum(axis=1).min() > 0


@pytest.mark.parametrize(("layer", "head"), [(3, 1), (1, 5)])
def test_a_head_that_is_not_there(tiny_bundle: Path, layer: int, head: int) -> None:
    content = open_bundle(tiny_bundle).read_files()["model.bin"]
    with pytest.raises(ModelError, match=f"cannot tell the attention of layer {layer}, head {head}"):
        put_head_first(content, AlignmentHead(layer, head, False, 1.0))


def test_layers_that_share_weights_keep_their_heads(tiny_bundle: Path) -> None:
    """In others' files one weight may stand for several: to move its rows here would move them there."""
    content = open_bundle(tiny_bundle).read_files()["model.bin"]
    alias, name = b"decoder/layer_9/attention/linear_0/weight", b"decoder/layer_0/attention/linear_0/weight"
    entry = b"".join(len(part + b"\0").to_bytes(2, "little") + part + b"\0" for part in (alias, name))
    end = max(weight.offset + weight.num_bytes for weight in read_weights(BytesIO(content)).values())
    num_aliases = int.from_bytes(content[end : end + 4], "little")
    shared = content[:end] + (num_aliases + 1).to_bytes(4, "little") + content[end + 4 :] + entry
    with pytest.raises(ModelError, match="linear_0/weight is decoder/layer_9"):
        put_head_first(shared, AlignmentHead(1, 2, False, 1.0))
