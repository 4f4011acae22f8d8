"""N lines in, N lines out, whatever is in them, for labels and vectors."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlmcli.bundle import open_bundle
from xlmcli.infer.classification import Classification
from xlmcli.infer.encoders import TextEncoder
from xlmcli.infer.encoding import Encoding
from xlmcli.infer.engine import EngineOptions
from xlmcli.infer.labels import LabelOptions
from xlmcli.infer.pipeline import Pipeline, PipelineOptions
from xlmcli.infer.reading import Input, LineCounter
from xlmcli.infer.records.formats import iter_records
from xlmcli.infer.records.protocols import Added, FormatOptions
from xlmcli.infer.sinks import SELECTED, RawSink, SelectionSink, TextSink
from xlmcli.infer.vectors import VectorArraySink
from xlmcli.text import load_tokenizer

CPU = EngineOptions("cpu", num_threads=1, num_workers=1)
LINE = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \t\r\0.é"), max_size=60).map(
    lambda text: text.replace("\n", " ").replace("\ufeff", "")
)
LINES = st.lists(LINE, max_size=12)


class NoProgress:
    def advance(self, num_lines: int, num_tokens: int, num_bytes: int) -> None:
        pass


def run(work: Any, sink: Any, content: str, formats: FormatOptions | None = None, added: Added | None = None) -> None:
    source = Input("in", lambda: io.BytesIO(content.encode()), None)
    records = iter_records([source], formats or FormatOptions(), "strict", LineCounter(), added or Added())
    Pipeline(work, sink, PipelineOptions(64), NoProgress()).run(records)


@pytest.fixture(scope="module")
def has_text(tiny_tokenizer: Path) -> Callable[[str], bool]:
    """Whether anything is left of a line for the model: control characters are not."""
    tokenizer = load_tokenizer(tiny_tokenizer)
    return lambda line: bool(line.strip() and tokenizer.encode(line))


@pytest.fixture(scope="module")
def classification(tiny_classifier: Path) -> Classification:
    return Classification(open_bundle(tiny_classifier), None, LabelOptions(), CPU)


@pytest.fixture(scope="module")
def encoding(tiny_encoder: Path) -> Encoding:
    return Encoding(TextEncoder(open_bundle(tiny_encoder), CPU), None, "mean")


@given(LINES)
@settings(deadline=None, max_examples=40)
def test_every_line_gets_a_line(
    classification: Classification, has_text: Callable[[str], bool], lines: list[str]
) -> None:
    file = io.BytesIO()
    run(classification, TextSink(file), "".join(f"{line}\n" for line in lines))
    output = file.getvalue().decode().split("\n")
    assert output.pop() == ""
    for line, result in zip(lines, output, strict=True):
        ending = "\r" if line.endswith("\r") else ""
        assert result.endswith(ending)
        label, _, probability = result.removesuffix(ending).partition("\t")
        if has_text(line):
            assert label in ("negative", "neutral", "positive")
            assert 1 / 3 <= float(probability) <= 1
        else:
            assert result == ending


@given(LINES)
@settings(deadline=None, max_examples=40)
def test_only_and_not_share_the_lines_out(classification: Classification, lines: list[str]) -> None:
    content = "".join(f"{line}\n" for line in lines)
    outputs = []
    for is_inverted in (False, True):
        file, counts = io.BytesIO(), Counter[str]()
        sink = SelectionSink(RawSink(file), frozenset({"negative", "neutral"}), is_inverted, counts)
        run(classification, sink, content)
        outputs.append(file.getvalue().decode().split("\n")[:-1])
        assert counts[SELECTED] == len(outputs[-1])
    assert sorted([*outputs[0], *outputs[1]]) == sorted(lines)
    for output in outputs:
        places = iter(lines)
        assert all(line in places for line in output), "the order is kept"


@given(st.lists(st.dictionaries(LINE, LINE | st.integers()), max_size=6), st.lists(LINE, min_size=6, max_size=6))
@settings(deadline=None, max_examples=40)
def test_objects_gain_labels_and_lose_nothing(
    classification: Classification,
    has_text: Callable[[str], bool],
    objects: list[dict[str, Any]],
    texts: list[str],
) -> None:
    objects = [{**values, "text": text} for values, text in zip(objects, texts, strict=False)]
    file = io.BytesIO()
    content = "".join(f"{json.dumps(values)}\n" for values in objects)
    run(classification, TextSink(file), content, FormatOptions("jsonl"), classification.added)
    output = [json.loads(line) for line in file.getvalue().decode().split("\n")[:-1]]
    for values, result in zip(objects, output, strict=True):
        assert {key: result[key] for key in values} == values
        assert (result["label"] is None) == (not has_text(values["text"]))


@given(LINES)
@settings(deadline=None, max_examples=40)
def test_every_line_gets_a_row(encoding: Encoding, has_text: Callable[[str], bool], lines: list[str]) -> None:
    file = io.BytesIO()
    sink = VectorArraySink(file, 32)
    run(encoding, sink, "".join(f"{line}\n" for line in lines))
    sink.finish()
    file.seek(0)
    array = np.load(file)
    assert array.shape == (len(lines), 32)
    assert [bool(row.any()) for row in array] == [has_text(line) for line in lines]
