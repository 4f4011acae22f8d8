from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest
import zstandard

from xlmcli.errors import DataError, UsageError
from xlmcli.sources import Source, iter_chunks, iter_rows, parse_source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("en=mono.txt", Source(("en",), Path("mono.txt"))),
        ("en-fr=pairs.tsv.xz", Source(("en", "fr"), Path("pairs.tsv.xz"))),
        ("en-fr=corpus.{}", Source(("en", "fr"), Path("corpus.{}"))),
        ("en-fr=p.tsv,only=tatoeba*", Source(("en", "fr"), Path("p.tsv"), "tatoeba*")),
        ("en-fr=p.tsv,only=a*|b,repeat=0.2", Source(("en", "fr"), Path("p.tsv"), "a*|b", 0.2)),
        ("en-fr=p.tsv,repeat=3,only=a", Source(("en", "fr"), Path("p.tsv"), "a", 3.0)),
        ("en=odd,na me=1.txt,repeat=2", Source(("en",), Path("odd,na me=1.txt"), None, 2.0)),
        ("de=t.tsv,column=2,repeat=6", Source(("de",), Path("t.tsv"), None, 6.0, 2)),
        ("en-fr=p.{},max-words=4,repeat=2", Source(("en", "fr"), Path("p.{}"), None, 2.0, None, 4)),
        ("en-fr=p.tsv,synthetic=fr,repeat=2", Source(("en", "fr"), Path("p.tsv"), repeat=2.0, synthetic="fr")),
        ("en-fr=t.{}.tsv,column=2", Source(("en", "fr"), Path("t.{}.tsv"), column=2)),
    ],
)
def test_parse_and_format(text: str, source: Source) -> None:
    assert parse_source(text) == source
    assert parse_source(str(source)) == source


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pairs.tsv", "not a source"),
        ("en=", "not a source"),
        ("en=,repeat=2", "not a source"),
        ("=file", "not one or two language codes"),
        ("en-en=file", "not one or two language codes"),
        ("en-fr-de=file", "not one or two language codes"),
        ("en-=file", "not one or two language codes"),
        ("en fr=file", "not one or two language codes"),
        ("en-fr=file,weight=2", "unknown option 'weight'"),
        ("en=file,only=a", "third column"),
        ("en-fr=file.{},only=a", "third column"),
        ("en-fr=file,column=2", "a table of two"),
        ("en=file,column=0", "not a whole number from 1"),
        ("en=file,column=text", "not a whole number from 1"),
        ("en=file,repeat=0", "not a number above 0"),
        ("en=file,repeat=nan", "not a number above 0"),
        ("en=file,repeat=1e-60", "not a number above 0"),
        ("en=file,repeat=1e60", "not a number above 0"),
        ("en=file,repeat=1e7", "not a number above 0 and up to 1,000,000"),
        ("en=file,repeat=2,column=1,repeat=3", "repeat= stands twice in 'en=file,repeat=2,column=1,repeat=3'"),
        ("en=file,max-words=0", "max-words=0 in 'en=file,max-words=0' is not a whole number from 1"),
        ("en=file,repeat=often", "not a number above 0"),
        ("en-fr=file,synthetic=de", "names one of the two languages"),
        ("en=file,synthetic=en", "names one of the two languages"),
    ],
)
def test_what_is_no_source_is_said(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_source(text)


def test_monolingual_rows_are_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "mono"
    path.write_bytes(b"a\tb\n\nc\rd\nlast")
    assert list(iter_rows(Source(("en",), path))) == [("a\tb",), ("",), ("c\rd",), ("last",)]


def test_a_column_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "labelled.tsv"
    path.write_text("good\tYes.\nbad\t\tmore\n")
    assert list(iter_rows(Source(("en",), path, column=2))) == [("Yes.",), ("",)]
    with pytest.raises(DataError, match=r"labelled\.tsv:1: expected 3 columns, found 2"):
        list(iter_rows(Source(("en",), path, column=3)))


COMPRESS = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_table_rows(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"pairs.tsv{suffix}"
    path.write_bytes(COMPRESS[suffix]("one\tun\tx\ttwo\n\tœuf\n".encode()))
    assert list(iter_rows(Source(("en", "fr"), path))) == [("one", "un"), ("", "œuf")]


def test_only_keeps_matching_rows(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("a\tb\ttatoeba\nc\td\tlaws\ne\tf\ttatoeba-x\ng\th\tdocs\ni\tj\tTatoeba\n")
    assert list(iter_rows(Source(("en", "fr"), path, "tatoeba*"))) == [("a", "b"), ("e", "f")]
    assert list(iter_rows(Source(("en", "fr"), path, "laws|d?cs"))) == [("c", "d"), ("g", "h")]


def test_rows_of_few_words(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("a b\tc\tx\na\tb  c d\tx\n\t\tx\na b\tc d\ty\n")
    assert list(iter_rows(Source(("en", "fr"), path, max_words=2))) == [("a b", "c"), ("", ""), ("a b", "c d")]
    assert list(iter_rows(Source(("en", "fr"), path, "x", max_words=1))) == [("", "")]
    (tmp_path / "mono").write_text("a b c\nd\n")
    assert list(iter_rows(Source(("en",), tmp_path / "mono", max_words=1))) == [("d",)]


@pytest.mark.parametrize(
    ("only", "content", "message"),
    [
        (None, "a\tb\nc\n", r"pairs\.tsv:2: expected 2 columns, found 1"),
        (None, "a\tb\n\n", r"pairs\.tsv:2: expected 2 columns, found 1"),
        ("x", "a\tb\n", r"pairs\.tsv:1: expected 3 columns, found 2"),
    ],
)
def test_missing_columns_name_the_line(tmp_path: Path, only: str | None, content: str, message: str) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        list(iter_rows(Source(("en", "fr"), path, only)))


def test_paired_files(tmp_path: Path) -> None:
    (tmp_path / "c.en").write_text("one\n\nthree\n")
    (tmp_path / "c.fr").write_text("un\ndeux\ntrois\n")
    source = parse_source(f"en-fr={tmp_path}/c.{{}}")
    assert list(iter_rows(source)) == [("one", "un"), ("", "deux"), ("three", "trois")]


def test_columns_of_paired_files(tmp_path: Path) -> None:
    (tmp_path / "topics.en.tsv").write_text("food\tBread\nhome\tA house\n")
    (tmp_path / "topics.fr.tsv").write_text("food\tPain\nhome\tUne maison\n")
    source = Source(("en", "fr"), tmp_path / "topics.{}.tsv", column=2)
    assert list(iter_rows(source)) == [("Bread", "Pain"), ("A house", "Une maison")]
    (tmp_path / "topics.fr.tsv").write_text("food\tPain\nhome\n")
    with pytest.raises(DataError, match=r"topics\.fr\.tsv:2: expected 2 columns, found 1"):
        list(iter_rows(source))


@pytest.mark.parametrize(("short", "long"), [("en", "fr"), ("fr", "en")])
def test_paired_files_of_different_length_are_an_error(tmp_path: Path, short: str, long: str) -> None:
    (tmp_path / f"c.{short}").write_text("1\n")
    (tmp_path / f"c.{long}").write_text("1\n2\n")
    with pytest.raises(DataError, match=rf"c\.{short}:2: the file ends, and .*c\.{long} goes on"):
        list(iter_rows(Source(("en", "fr"), tmp_path / "c.{}")))


def test_a_byte_order_mark_and_line_ends_of_windows_are_no_text(tmp_path: Path) -> None:
    table = tmp_path / "pairs.tsv"
    table.write_bytes("\ufeffa\tb\ttatoeba\r\nc\td\tlaws\r\n".encode())
    assert list(iter_rows(parse_source(f"en-fr={table},only=tatoeba"))) == [("a", "b")]
    assert list(iter_rows(parse_source(f"en-fr={table}"))) == [("a", "b"), ("c", "d")]
    assert list(iter_rows(parse_source(f"en={table},column=3"))) == [("tatoeba",), ("laws",)]
    for lang, text in (("en", "\ufeffa\r\nc\r\n"), ("fr", "b\r\nd\r\n")):
        (tmp_path / f"text.{lang}").write_bytes(text.encode())
    assert list(iter_rows(parse_source(f"en-fr={tmp_path}/text.{{}}"))) == [("a", "b"), ("c", "d")]


def test_rows_come_many_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xlmcli.sources._CHUNK_ROWS", 2)
    (tmp_path / "a").write_text("1\n2\n\n4\n5\n")
    source = Source(("en",), tmp_path / "a")
    assert list(iter_chunks(source)) == [[("1",), ("2",)], [("",), ("4",)], [("5",)]]
    (tmp_path / "a").write_text("")
    assert list(iter_chunks(source)) == []
