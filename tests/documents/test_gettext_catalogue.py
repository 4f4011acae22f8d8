from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.errors import DataError

Convert = Callable[..., str]

HEADER = """\
# A title
msgid ""
msgstr ""
"Project-Id-Version: x\\n"
"Language: de\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 ? 1 : 2);\\n"
"""
ENTRIES = """\

#. A hint
#: file.c:1
#, c-format
msgid "Open %s with {name}"
msgstr ""

msgctxt "menu"
msgid "&Done here"
msgstr ""

#, fuzzy, no-wrap
#| msgid "Old one"
msgid "New \\"one\\"\\n"
msgstr "Neu\\n"
msgid "Translated"
msgstr "fertig"

msgid "One cat"
msgid_plural "%d cats"
msgstr[0] ""
msgstr[1] ""

msgid ""
"A text of two lines\\n"
"with more"
msgstr ""

msgid "%s"
msgstr ""

#~ msgid "gone"
#~ msgstr ""
"""


def test_what_lacks_is_filled_in(convert: Convert) -> None:
    assert (
        convert("po", HEADER + ENTRIES, str.upper)
        == HEADER
        + """\

#. A hint
#: file.c:1
#, fuzzy, c-format
msgid "Open %s with {name}"
msgstr "OPEN %s WITH {name}"

#, fuzzy
msgctxt "menu"
msgid "&Done here"
msgstr "&DONE HERE"

#, fuzzy, no-wrap
#| msgid "Old one"
msgid "New \\"one\\"\\n"
msgstr "NEW \\"ONE\\"\\n"
msgid "Translated"
msgstr "fertig"

#, fuzzy
msgid "One cat"
msgid_plural "%d cats"
msgstr[0] "ONE CAT"
msgstr[1] "%d CATS"
msgstr[2] "%d CATS"

#, fuzzy
msgid ""
"A text of two lines\\n"
"with more"
msgstr ""
"A TEXT OF TWO LINES\\n"
"WITH MORE"

#, fuzzy
msgid "%s"
msgstr "%s"

#~ msgid "gone"
#~ msgstr ""
"""
    )


@pytest.mark.parametrize(
    ("escaped", "said"),
    [(r"caf\303\251", "CAFÉ"), (r"caf\xC3\xA9 \101", "CAFÉ A"), (r"\377\tx", "\N{REPLACEMENT CHARACTER}\\tX")],
)
def test_numbers_of_bytes_are_utf8(convert: Convert, escaped: str, said: str) -> None:
    entry = f'msgid "{escaped}"\nmsgstr '
    assert convert("po", f'{entry}""\n', str.upper, marks_fuzzy=False) == f'{entry}"{said}"\n'


def test_without_marks_and_all_anew(convert: Convert) -> None:
    converted = convert("po", HEADER + ENTRIES, str.upper, marks_fuzzy=False, redoes=True)
    assert "fuzzy" not in converted
    assert "#, no-wrap\n#| msgid" in converted
    assert 'msgstr "TRANSLATED"' in converted


def test_flags_that_are_none_become_one(convert: Convert) -> None:
    assert convert("po", '#,\nmsgid "a"\nmsgstr ""\n', str.upper) == '#, fuzzy\nmsgid "a"\nmsgstr "A"\n'


def test_the_header_tells_the_language(convert: Convert) -> None:
    converted = convert("po", HEADER.replace("UTF-8", "CHARSET"), target_lang="fr")
    assert converted == HEADER.replace("de\\n", "fr\\n") + '"X-Generator: xlm\\n"\n'
    assert convert("po", 'msgid ""\nmsgstr "A: b\\nLanguage: x\\n"', target_lang="fr").endswith(
        'msgstr "A: b\\nLanguage: fr\\n"\n"X-Generator: xlm\\n"'
    )


def test_a_catalogue_of_another_language_keeps_its_translations_from_being_called_so(convert: Convert) -> None:
    catalogue = 'msgid ""\nmsgstr "Language: de_AT\\n"\n\nmsgid "a"\nmsgstr ""\n\nmsgid "b"\nmsgstr "c"\n'
    with pytest.raises(DataError, match="FILE:7: translated into 'de_AT', as the document says, not into 'fr'"):
        convert("po", catalogue, str.upper, target_lang="fr")
    assert "Language: de_AT" in convert("po", catalogue, str.upper, target_lang="de")
    for others in ({"redoes": True}, {"target_lang": "fra_Latn"}):
        assert "Language: fr" in convert("po", catalogue, str.upper, **{"target_lang": "fr", **others})
    assert "Language: fr" in convert("po", catalogue.replace("c", ""), str.upper, target_lang="fr")


def test_the_last_field_of_a_header_is_ended(convert: Convert) -> None:
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8"\n'
    assert convert("po", header, target_lang="fr") == (
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n"Language: fr\\n"\n"X-Generator: xlm\\n"\n'
    )


def test_long_texts_are_wrapped_where_the_catalogue_wraps(convert: Convert) -> None:
    short = 'msgid "short"\nmsgstr ""\n'
    text = "word " * 40
    lines = convert("po", short, lambda _: text, marks_fuzzy=False).splitlines()
    assert lines[1] == 'msgstr ""'
    assert all(len(line) <= 79 for line in lines)
    assert "".join(line[1:-1] for line in lines[2:]) == text
    long = f'msgid "{text}"\nmsgstr ""\n'
    assert convert("po", long, str.upper, marks_fuzzy=False) == f'msgid "{text}"\nmsgstr "{text.upper()}"\n'


@pytest.mark.parametrize(
    ("msgid", "translation", "msgstr"),
    [
        ("&Image", "DATEI", "DATE&I"),
        ("Save _as", "speichern als", "speichern _als"),
        ("&Zoom %d", "groß %d", "&groß %d"),
        ("Exp&ort", "notieren", "n&otieren"),
        ("Save _as file_name", "speichern als", "speichern _als"),
        ("a & b", "a & b", "a & b"),
        ("R&amp;D here", "F&amp;E hier", "F&amp;E hier"),
    ],
)
def test_accelerators_stand_before_a_letter(convert: Convert, msgid: str, translation: str, msgstr: str) -> None:
    def translate(text: str) -> str:
        assert "%" not in text
        return re.sub("%d|&amp;", next((letter for letter in text if letter >= "\ufdd0"), ""), translation)

    converted = convert("po", f'msgid "{msgid}"\nmsgstr ""\n', translate, marks_fuzzy=False)
    assert converted == f'msgid "{msgid}"\nmsgstr "{msgstr}"\n'


@pytest.mark.parametrize(
    "msgid",
    ["R&D costs", "AT&T here", "the Q&A page", "R&&D", "F1&F2", "this && that", "drag&drop the files", "Cut&Paste",
     "click _here_ for it", "_all of this_, then", "(_so_)"],
)  # fmt: skip
def test_what_is_read_or_marks_words_is_no_accelerator(convert: Convert, msgid: str) -> None:
    asked = []

    def translate(text: str) -> str:
        asked.append(text)
        return "x"

    assert convert("po", f'msgid "{msgid}"\nmsgstr ""\n', translate, marks_fuzzy=False).endswith('msgstr "x"\n')
    assert asked == [msgid]


def test_a_form_that_is_added_has_a_line_of_its_own(convert: Convert) -> None:
    entry = 'msgid "cat"\nmsgid_plural "cats"\nmsgstr[0] ""\nmsgstr[1] ""'
    lines = convert("po", f"{HEADER}\n{entry}", str.upper, marks_fuzzy=False).splitlines()
    assert lines[-3:] == ['msgstr[0] "CATS"', 'msgstr[1] "CAT"', 'msgstr[2] "CATS"'] or lines[-3:] == [
        'msgstr[0] "CAT"', 'msgstr[1] "CATS"', 'msgstr[2] "CATS"'
    ]  # fmt: skip


QUOTED = st.text(st.sampled_from('ab %s&_\\n"\t{}é<i>/.')).map(
    lambda text: text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
)


@given(st.lists(QUOTED.filter(bool), unique=True), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_the_same_texts_give_the_same_bytes(convert: Convert, texts: list[str], line_end: str, has_mark: bool) -> None:
    entries = "".join(f'\nmsgctxt "c"\nmsgid "{text}"\nmsgstr ""\n"{text}"\n' for text in texts)
    content = "\ufeff" * has_mark + (HEADER + entries + ENTRIES.replace('""', '"x"')).replace("\n", line_end)
    assert convert("po", content, redoes=True, marks_fuzzy=False).startswith(
        "\ufeff" * has_mark + (HEADER + entries).replace("\n", line_end)
    )
    done = content.replace("fuzzy, ", "")
    assert convert("po", done) == done


def test_an_independent_parser_reads_it(convert: Convert, tmp_path: Path) -> None:
    polib = pytest.importorskip("polib")
    before, after = tmp_path / "before.po", tmp_path / "after.po"
    before.write_text(HEADER + ENTRIES, encoding="utf-8")
    after.write_text(convert("po", HEADER + ENTRIES, str.upper), encoding="utf-8")
    ones, others = (polib.pofile(str(path), check_for_duplicates=True) for path in (before, after))
    assert others.metadata == ones.metadata
    assert len(others) == len(ones)
    assert others.percent_translated() < 100
    for one, other in zip(ones, others, strict=True):
        for name in ("msgid", "msgctxt", "msgid_plural", "comment", "tcomment", "occurrences", "obsolete"):
            assert getattr(one, name) == getattr(other, name)
    assert [entry.msgstr for entry in others if entry.fuzzy and not entry.msgid_plural] == [
        "OPEN %s WITH {name}", "&DONE HERE", 'NEW "ONE"\n', "A TEXT OF TWO LINES\nWITH MORE", "%s"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('msgid "a"\nmsgstr ""\n\nmsgid "a"\nmsgstr ""\n', "FILE:4: the same msgid as in line 1: 'a'"),
        ('msgid "a"\nmsgid "b"\n', "FILE:2: msgid twice in an entry"),
        ('msgid "a\nmsgstr ""\n', "FILE:1: expected msgid, msgstr or a text in quotes, found 'msgid \"a'"),
        ('msgid "a"\n', "FILE:1: the entry ends without msgstr"),
        ('msgstr "a"\n', "FILE:1: the entry ends without msgid"),
        ('"a"\n', "FILE:1: expected msgid, msgstr or a text in quotes, found '\"a\"'"),
        (HEADER.replace("n%10==1", "evil()"), "FILE:3: not a rule of plural forms: "),
        (HEADER.replace("n%10==1", "n/0"), "FILE:3: not a rule of plural forms: "),
        ('msgid "a"\nmsgid_plural "b"\nmsgstr[3000000000] ""\n', "FILE:3: no language has so many plural forms: "),
    ],
)  # fmt: skip
def test_what_is_no_entry_is_named(convert: Convert, content: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        convert("po", content)
    assert caught.value.message.startswith(message[:60])
