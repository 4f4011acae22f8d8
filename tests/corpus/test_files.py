"""Which files a corpus is, and what outputs are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlmcli.corpus.files import find_files
from xlmcli.errors import DataError, UsageError, XlmError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("in/b.txt", "in/a.txt", "in/sub/a.txt", "in/.hidden", "in/.git/x", "in/out/old.txt", "other/a.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["in"], ["a.txt", "b.txt", "sub/a.txt"]),
        (["in/b.txt", "other"], ["b.txt", "a.txt"]),
        (["in/*.txt"], ["a.txt", "b.txt"]),
        (["in/**/a.txt"], ["a.txt", "sub/a.txt"]),
        (["i*/b.txt"], ["in/b.txt"]),
        (["in/b.txt", "in/b.txt"], ["b.txt"]),
    ],
)
def test_names(folder: Path, arguments: list[str], names: list[str]) -> None:
    files = find_files([Path(argument) for argument in arguments], Path("in/out"))
    assert [file.name for file in files] == names
    assert all(file.path.is_absolute() and file.num_bytes == file.path.stat().st_size for file in files)


@pytest.mark.parametrize("output", ["in/out", "other/../in/out", "link"])
@pytest.mark.parametrize("argument", ["in", "in/**/*.txt", "other/../in"])
def test_outputs_are_not_read_however_they_are_named(folder: Path, argument: str, output: str) -> None:
    (folder / "link").symlink_to(folder / "in/out")
    assert [file.name for file in find_files([Path(argument)], Path(output))] == ["a.txt", "b.txt", "sub/a.txt"]


def test_a_suffix_is_added(folder: Path) -> None:
    assert [file.name for file in find_files([Path("in/a.txt")], Path("out"), ".npy")] == ["a.txt.npy"]


def test_a_file_may_have_the_name_of_a_pattern(folder: Path) -> None:
    (folder / "in/[x].txt").write_text("")
    assert [file.name for file in find_files([Path("in/[x].txt")], Path("out"))] == ["[x].txt"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["in/a.txt", "other/a.txt"], UsageError, "in/a.txt and other/a.txt would both be written to out/a.txt"),
        (["missing"], DataError, "no such file: missing"),
        (["in/*.csv"], DataError, "no files match in/*.csv"),
        (["empty"], DataError, "no files in empty"),
        (["/dev/null"], DataError, "/dev/null is no regular file"),
        (["-"], UsageError, "a corpus is files, not standard input"),
        (["in", "odd/sub"], UsageError, "out/sub would be a file and a folder"),
    ],
)
def test_what_cannot_be_read(folder: Path, arguments: list[str], error: type[XlmError], message: str) -> None:
    (folder / "empty").mkdir()
    (folder / "odd").mkdir()
    (folder / "odd/sub").write_text("")
    with pytest.raises(error) as caught:
        find_files([Path(argument) for argument in arguments], Path("out"))
    assert caught.value.message.replace(f"{folder}/", "") == message
