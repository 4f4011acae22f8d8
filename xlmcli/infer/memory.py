"""Translation memories: sentences and their translations, as TSV or TMX."""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

from xlmcli.errors import DataError
from xlmcli.lines import MAX_LINE_BYTES, content_suffix, iter_file_lines, open_bytes, reading_errors
from xlmcli.records import Direction
from xlmcli.tables import iter_rows
from xlmcli.text.language_tokens import base_language


def read_memory(path: Path, direction: Direction) -> dict[str, str]:
    """Reads a translation memory; of several translations of a sentence, the last counts.

    Args:
        path: A TMX file by its ending, or TSV with a sentence and its translation in each row.
        direction: From and to; of TMX, languages are compared without their regions.

    Raises:
        DataError: It cannot be read, or has nothing in that direction; where a line is at fault, the message names it.
    """
    pairs = _read_tmx(path, direction) if content_suffix(path) == ".tmx" else _read_tsv(path)
    return {source: target for source, target in pairs if source and target}


def _read_tsv(path: Path) -> list[tuple[str, str]]:
    pairs = []
    for number, row in iter_rows(iter_file_lines(path), path, is_csv=False):
        if len(row) < 2:
            raise DataError(f"{path}:{number}: expected a text, a tab and its translation, found no tab")
        pairs.append((row[0].strip(), row[1].strip()))
    return pairs


def _read_tmx(path: Path, direction: Direction) -> list[tuple[str, str]]:
    reader = _TmxReader(path, direction)
    with open_bytes(path) as file, reading_errors(path):
        try:
            reader.parser.ParseFile(file)
        # What a declared encoding may raise is among them.
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise DataError(f"{path}: not XML: {error}", hint="TMX is XML; other memories are read as TSV") from error
    if not reader.pairs:
        raise DataError(f"{path}: no unit has both languages, {direction.src!r} and {direction.tgt!r}")
    return reader.pairs


class _TmxReader:
    """Collects the units of a TMX file as its parser comes by them; entities of its own are refused."""

    def __init__(self, path: Path, direction: Direction) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._add
        self.parser.EntityDeclHandler = self.parser.SkippedEntityHandler = self._refuse
        self._path = path
        self._langs = base_language(direction.src), base_language(direction.tgt)
        self._lang = ""
        self._texts: dict[str, str] = {}
        self._parts: list[str] | None = None
        self._num_characters = 0

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "tu":
            self._texts = {}
        elif name == "tuv":
            self._lang = attributes.get("xml:lang") or attributes.get("lang", "")
        elif name == "seg":
            self._parts, self._num_characters = [], 0

    def _end(self, name: str) -> None:
        if name == "seg" and self._parts is not None:
            self._texts[base_language(self._lang)] = "".join(self._parts).strip()
            self._parts = None
        elif name == "tu" and self._texts.keys() >= {*self._langs}:
            source, target = (self._texts[lang] for lang in self._langs)
            self.pairs.append((source, target))

    def _add(self, text: str) -> None:
        if self._parts is None:
            return
        self._parts.append(text)
        self._num_characters += len(text)
        if self._num_characters > MAX_LINE_BYTES:
            raise self._fault(f"a text of over {MAX_LINE_BYTES // 10**6} MB")

    def _refuse(self, name: str, *_: object) -> None:
        raise self._fault(f"the entity {name!r}, and TMX needs none of its own")

    def _fault(self, what: str) -> DataError:
        return DataError(f"{self._path}:{self.parser.CurrentLineNumber}: {what}")
