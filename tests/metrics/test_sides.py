from __future__ import annotations

import io
from pathlib import Path

import pytest

from xlmcli.errors import DataError
from xlmcli.lines import MAX_LINE_BYTES, STDIN
from xlmcli.metrics.sides import Side, check_aligned, read_side

Texts = dict[str, list[str]]


def test_lines_are_read_as_sacrebleu_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("one \n two\rthree\r\n\n\u2028four".encode())
    assert read_side(path) == Side(str(path), ["one", " two\rthree", "", "\u2028four"])


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"a\n\xff\n", ":2: invalid UTF-8")])
def test_unusable_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_side(path)
    assert str(path) in caught.value.message


@pytest.mark.parametrize("content", [b"a\n\xff\n", b"a\n" + b"x" * (MAX_LINE_BYTES + 1)])
def test_standard_input_has_one_name(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(DataError, match=r"^stdin:2: "):
        read_side(STDIN)


def hint_of(short: list[str], long: list[str]) -> str:
    with pytest.raises(DataError) as caught:
        check_aligned(Side("short", short), Side("long", long))
    assert caught.value.hint is not None
    return caught.value.hint


@pytest.mark.parametrize("position", [0, 7, 58])
@pytest.mark.parametrize("count", [1, 3])
def test_missing_lines_are_found(texts: Texts, position: int, count: int) -> None:
    for whole, long in ((texts["good"], texts["ref"]), (texts["ref"], texts["good"])):
        hint = hint_of(whole[:position] + whole[position + count :], long)
        if position + count >= len(whole):
            assert "cut short" in hint
        else:
            assert f"is short:{position + 1} (" in hint
            assert f"fits long:{position + count + 1} (" in hint


def test_words_without_spaces_are_compared_by_character() -> None:
    long = ["今日は天気がいい", "猫が屋根で寝る", "電車は七時に出る", "鍵をバスに忘れた"]
    assert "is short:2 (" in hint_of([long[0], *long[2:]], long)


def test_other_texts_have_no_such_line() -> None:
    assert "too little in common" in hint_of(["abc def", "ghi jkl"], ["mno pqr", "stu vwx", "yz 12"])


def test_the_error_has_both_counts_and_the_line(texts: Texts) -> None:
    reference = Side("ref.fr", texts["ref"])
    with pytest.raises(DataError) as caught:
        check_aligned(Side("out.fr", texts["good"][:4] + texts["good"][5:]), reference)
    assert caught.value.message == "out.fr has 59 lines and ref.fr 60 lines"
    hint = str(caught.value.hint)
    assert "out.fr:5 (" in hint
    assert "fits ref.fr:6 (" in hint
    with pytest.raises(DataError) as caught:
        check_aligned(Side("out.fr", texts["good"][:-1]), reference)
    assert "cut short" in str(caught.value.hint)
    with pytest.raises(DataError) as caught:
        check_aligned(Side("out.fr", ["0123"]), reference)
    assert caught.value.message.startswith("out.fr has 1 line and")
    assert "too little in common" in str(caught.value.hint)
    check_aligned(Side("out.fr", texts["bad"]), reference)
