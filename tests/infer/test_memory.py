"""Translation memories: TSV and TMX, whole and hostile."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from xlmcli.errors import DataError
from xlmcli.infer import memory
from xlmcli.infer.memory import read_memory
from xlmcli.records import Direction

FORTH = Direction("en", "fr")
TMX = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header srclang="en"><note>Not a segment</note></header><body>
<tu><tuv xml:lang="EN-us"><prop>x</prop><seg>Press <ph>{key}</ph> &amp;
go.</seg></tuv><tuv xml:lang="fr_FR"><seg> Tapez {key} &#233;. </seg></tuv></tu>
<tu><tuv lang="fr"><seg>Salut</seg></tuv><tuv lang="de"><seg>Hallo</seg></tuv><tuv lang="en"><seg>Hi</seg></tuv></tu>
<tu><tuv xml:lang="de"><seg>Ja</seg></tuv><tuv xml:lang="fr"><seg>Oui</seg></tuv></tu>
<tu><tuv xml:lang="en"><seg>Nothing</seg></tuv><tuv xml:lang="fr"><seg> </seg></tuv></tu>
</body></tmx>
"""


def test_tsv(tmp_path: Path) -> None:
    path = tmp_path / "memory.tsv"
    path.write_text("Hi\tSalut\tnote\n\n Hi \tCoucou \r\nNo\t\n", encoding="utf-8")
    assert read_memory(path, FORTH) == {"Hi": "Coucou"}


def test_tsv_without_a_tab_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "memory.tsv"
    path.write_text("Hi\tSalut\nHi Salut\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"memory\.tsv:2: .*no tab"):
        read_memory(path, FORTH)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_tmx(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "memory.TMX"
    path.write_text(TMX.replace("UTF-8", encoding), encoding=encoding)
    assert read_memory(path, FORTH) == {"Press {key} &\ngo.": "Tapez {key} é.", "Hi": "Salut"}
    assert read_memory(path, FORTH.opposite)["Salut"] == "Hi"
    assert read_memory(path, Direction("de", "fr")) == {"Hallo": "Salut", "Ja": "Oui"}


def test_compressed_tmx(tmp_path: Path) -> None:
    path = tmp_path / "memory.tmx.gz"
    path.write_bytes(gzip.compress(TMX.encode()))
    assert read_memory(path, FORTH)["Hi"] == "Salut"
    path.write_bytes(gzip.compress(TMX.encode())[:-20])
    with pytest.raises(DataError, match=r"cannot read .*memory\.tmx\.gz"):
        read_memory(path, FORTH)


def test_languages_that_no_unit_has(tmp_path: Path) -> None:
    path = tmp_path / "memory.tmx"
    path.write_text(TMX, encoding="utf-8")
    with pytest.raises(DataError, match="no unit has both languages, 'en' and 'es'"):
        read_memory(path, Direction("en", "es"))


BOMB = "".join(f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">' for number in range(1, 10))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f'<!DOCTYPE tmx [<!ENTITY l0 "lol">\n{BOMB}]><tmx>&l9;</tmx>', r":1: the entity 'l0'"),
        ('<!DOCTYPE tmx [\n<!ENTITY x SYSTEM "file:///etc/passwd">]><tmx>&x;</tmx>', r":2: the entity 'x'"),
        ('<!DOCTYPE tmx [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><tmx/>', r":1: the entity 'p'"),
        ('<!DOCTYPE tmx SYSTEM "file:///etc/passwd">\n<tmx>&x;</tmx>', r":2: the entity 'x'"),
        ("<tmx>&x;</tmx>", "not XML: undefined entity"),
        ("<tmx><body><tu>", "not XML: no element found: line 1"),
        ("<tmx>\n<tu></tmx>", "not XML: mismatched tag: line 2"),
        ("Hi\tSalut\n", "not XML: syntax error"),
        ('<?xml version="1.0" encoding="none"?><tmx/>', "not XML: unknown encoding"),
        ('<?xml version="1.0" encoding="shift_jis"?><tmx/>', "not XML: multi-byte"),
        ("", "not XML: no element found"),
        ("<html><p>Hi</p></html>", "no unit has both languages"),
        ("<tmx>" + "<seg>" * 100_000, "not XML"),
    ],
)
def test_hostile_xml_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "memory.tmx"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        read_memory(path, FORTH)
    assert str(path) in caught.value.message


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "memory.tmx"
    path.write_bytes(TMX.encode().replace(b"Salut", b"Sal\xff"))
    with pytest.raises(DataError, match="not XML: not well-formed"):
        read_memory(path, FORTH)


def test_a_text_that_would_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "memory.tmx"
    path.write_text(TMX, encoding="utf-8")
    monkeypatch.setattr(memory, "MAX_LINE_BYTES", 10)
    with pytest.raises(DataError, match=r"memory\.tmx:4: a text of over"):
        read_memory(path, FORTH)
