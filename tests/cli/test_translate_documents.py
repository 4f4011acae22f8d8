"""``xlm translate`` of documents, by the embedded model: what other parsers find in them but prose is as it was."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from xlmcli.errors import ExitCode

pytest.importorskip("ctranslate2")

Run = Callable[..., Any]

DOCUMENTS = {
    "a.po": """\
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

# a comment
#, c-format
msgid "Open the &door, %s"
msgstr ""

msgid "Done"
msgstr "Fini"
""",
    "a.xlf": """\
<xliff version="1.2"><file source-language="en"><body>
<trans-unit id="1"><source>The <g id="1">red car</g> is <x id="2"/> here &amp; there.</source></trans-unit>
</body></file></xliff>
""",
    "a.srt": """\
1
00:00:01,000 --> 00:00:03,000
<i>Good morning, my friend.</i>

2
00:00:03,500 --> 00:00:05,000
I think that the old man

3
00:00:05,000 --> 00:00:08,000
was waiting for you in the car.
""",
    "a.vtt": "WEBVTT\n\n00:01.000 --> 00:03.000 align:start\n<v Ann>Where is the station?\n",
    "a.html": """\
<!DOCTYPE html>
<html lang="en"><head><title>The cat</title><script>if (a < b) no();</script></head><body>
<p>The <a href="x?a=1&b=2" title="A dog">red car</a> is <b>very <i>fast</i></b>, and <code>x = 1</code> too.</p>
<!-- a comment --><img src=a.png alt="The sea">
</body></html>
""",
    "a.md": """\
# The cat

The [red car](https://example.org/x) is **very** fast, `code` too.

* Where is the station?

```
code
```
""",
    "a.json": '{"a": {"b": "Good morning, {name}!", "n": 1.50}, "c": ["The cat", null]}',
    "a.properties": "# a comment\na.title = The red car\nb: It is {0} o''clock.\n",
}


@pytest.fixture
def translate(xlm: Run, tmp_path: Path) -> Run:
    """Translates a document into another file, and returns what that holds."""

    def run(name: str, content: str, *options: object) -> str:
        source, target = tmp_path / name, tmp_path / f"fr.{name}"
        source.write_bytes(content.encode())
        done = xlm("translate", "--src", "en", "--tgt", "fr", source, "-o", target, *options)
        assert done.code == ExitCode.OK, done.err
        return target.read_bytes().decode()

    return run


def read_gettext(document: str) -> object:
    polib = pytest.importorskip("polib")
    return [
        (entry.msgid, entry.comment, entry.tcomment, bool(entry.msgstr) or None) for entry in polib.pofile(document)
    ]


def read_subtitles(document: str) -> object:
    pysubs2 = pytest.importorskip("pysubs2")
    return [(event.start, event.end) for event in pysubs2.SSAFile.from_string(document)]


def read_html(document: str) -> object:
    found: Counter[str] = Counter()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            others = [item for item in attrs if item[0] not in ("alt", "title", "lang")]
            found[f"{tag} {others}"] += 1

        def handle_endtag(self, tag: str) -> None:
            found[f"/{tag}"] += 1

    Reader().feed(document)
    return found


def read_markdown(document: str) -> object:
    tokens = MarkdownIt().parse(document)
    inner = [child for token in tokens for child in token.children or []]
    kept = ("fence", "code_inline")
    return Counter(
        (token.type, str(token.attrs), token.content if token.type in kept else "")
        for token in [*tokens, *inner]
        if token.type not in ("text", "inline")
    )


def read_json(document: str) -> object:
    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(item) for key, item in value.items()}
        return list(map(shape, value)) if isinstance(value, list) else isinstance(value, str) or value

    return shape(json.loads(document))


def read_xliff(document: str) -> object:
    root = ElementTree.fromstring(document)
    return [[(child.tag, child.attrib) for child in source] for source in root.iter("source")]


READERS: dict[str, Callable[[str], object]] = {
    "a.po": read_gettext,
    "a.xlf": read_xliff,
    "a.srt": read_subtitles,
    "a.vtt": read_subtitles,
    "a.html": read_html,
    "a.md": read_markdown,
    "a.json": read_json,
    "a.properties": lambda document: re.findall(r"^(.*? ?[=:]|#.*)|\{\d\}", document, re.MULTILINE),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_all_but_prose_is_as_it_was(translate: Run, name: str) -> None:
    before = DOCUMENTS[name]
    after = translate(name, before)
    assert after != before
    if name != "a.po":
        assert READERS[name](after) == READERS[name](before)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.po", '"X-Generator: xlm\\n"'),
        ("a.po", "#, fuzzy, c-format\n"),
        ("a.xlf", '<target state="needs-review-translation">La <g id="1">voiture rouge</g> '),
        ("a.srt", "<i>Bonjour, mon ami.</i>\n"),
        ("a.vtt", "<v Ann>Où est la gare ?\n"),
        ("a.html", 'La <a href="x?a=1&b=2" title="Un chien">voiture rouge</a> est'),
        ("a.html", '<html lang="fr">'),
        ("a.md", "La [voiture rouge](https://example.org/x) est"),
        ("a.json", "{name}"),
        ("a.properties", "a.title = La voiture rouge\n"),
    ],
)
def test_tags_follow_their_words(translate: Run, name: str, expected: str) -> None:
    assert expected in translate(name, DOCUMENTS[name])


def test_catalogues_that_others_read(translate: Run) -> None:
    assert read_gettext(translate("a.po", DOCUMENTS["a.po"], "--no-fuzzy")) == [
        ("Open the &door, %s", "", "a comment", True),
        ("Done", "", "", True),
    ]


def test_a_document_from_a_pipe_is_named_by_its_format(xlm: Run) -> None:
    done = xlm("translate", "--src", "en", "--tgt", "fr", "--format", "md", stdin="# The cat\n")
    assert (done.code, done.out) == (ExitCode.OK, "# Le chat\n")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.po", 'msgid "The %s car"\nmsgstr ""\n\nmsgid "It rains."\nmsgstr ""\n', "%s"),
        ("a.xlf", "<xliff><trans-unit><source>The <g>red</g> car. It rains.</source></trans-unit></xliff>", "<g>"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:03,000\nThe <i>red</i> car.\nIt rains.\n", "<i>"),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:03.000\n<v Ann>The red car.\nIt rains.\n", "<v Ann>"),
        ("a.html", "<p>The <b>red</b> car.</p><p>It rains.</p>", "<b>"),
        ("a.md", "The **red** car.\n\n- It rains.\n", "**"),
        ("a.json", '{"a": "The {red} car.", "b": "It rains."}', "{red}"),
        ("a.properties", "a=The {0} car.\nb=It rains.\n", "{0}"),
    ],
)  # fmt: skip
def test_documents_have_terms_and_what_is_remembered(
    translate: Run, tmp_path: Path, name: str, content: str, expected: str
) -> None:
    terms, memory = tmp_path / "terms.tsv", tmp_path / "memory.tsv"
    terms.write_text("car\tbagnole\nrains\tneige\n")
    memory.write_text("It rains.\tIl tombe des cordes.\n")
    converted = translate(name, content, "--terms", terms, "--translate-memory", memory)
    assert converted.count("bagnole") == converted.count("Il tombe des cordes.") == 1
    assert "neige" not in converted
    assert converted.count(expected) == content.count(expected) * (2 if name in ("a.po", "a.xlf") else 1)


def test_only_what_is_missing_is_translated(translate: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"c": ["Le vieux chat"]}')
    converted = translate("a.json", DOCUMENTS["a.json"], "--only-missing", other)
    assert json.loads(converted)["c"] == ["Le vieux chat", None]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["a.md", "b.md"], "several documents at once"),
        (["a.md", "--n-best", "2"], "--format md holds a translation of each text and no more"),
        (["a.md", "--alignment"], "--format md holds a translation of each text and no more"),
        (["a.md", "--all"], "--all is for po and xliff"),
        (["a.po", "--only-missing", "b.json"], "--only-missing is for json and properties"),
        (["a.txt", "--max-line-length", "30"], "--max-line-length is for srt and vtt"),
        (["a.md", "-o", "b.html"], "-o b.html: .html is a format that is not written from md"),
        (["a.txt", "-o", "b.srt"], "-o b.srt: .srt is a format that is not written from text"),
        (["a.md", "--column", "2"], "--column is for tables"),
    ],
)
def test_options_that_contradict_each_other(xlm: Run, args: list[str], message: str) -> None:
    done = xlm("translate", *args)
    assert done.code == ExitCode.USAGE
    assert f"error: {message}" in done.err


@pytest.mark.parametrize("command", ["classify", "encode"])
def test_other_commands_write_no_documents(xlm: Run, command: str) -> None:
    done = xlm(command, "a.txt", "-m", "sentiment", "-o", "b.po")
    assert done.code == ExitCode.USAGE
    assert "-o b.po: .po is a format that is not written from text" in done.err
    assert xlm(command, "a.txt", "--format", "md").code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b'{"a": "one"', ":1: not JSON"),
        ("a.json", b'{"a": "\xff"}', ":1: invalid UTF-8"),
        ("a.xlf", b'<xliff version="1.2"><file>', ":1: not XML"),
        ("a.po", b'msgid "a"\nmsgstr ""\n\nmsgid "a"\nmsgstr ""\n', ":4: the same msgid as in line 1"),
    ],
)
def test_nothing_is_written_of_a_broken_one(xlm: Run, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    source, target = tmp_path / name, tmp_path / f"fr.{name}"
    source.write_bytes(content)
    done = xlm("translate", "--src", "en", "--tgt", "fr", source, "-o", target)
    assert done.code == ExitCode.DATA
    assert f"error: {source}{message}" in done.err
    assert list(tmp_path.iterdir()) == [source]
