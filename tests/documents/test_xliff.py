from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from random import Random
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.documents.formats import DocumentOptions
from xlmcli.documents.parsers import new_parser
from xlmcli.documents.parts import DocumentLine, Part, Segment
from xlmcli.errors import DataError

Convert = Callable[..., str]

OLD = """\
<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">
  <file original="a.html" source-language="en" datatype="html" target-language='fra'>
    <body>
      <trans-unit id="1">
        <source>Good <g id="1">morning</g>, my<x id="2"/> friend.</source>
        <note>not this</note>
      </trans-unit>
      <trans-unit id="2"><source>Done here</source><target state="final">Fini</target></trans-unit>
      <trans-unit id="3">
        <source>The <bpt id="1">&lt;b></bpt>red<ept id="1">&lt;/b></ept> &amp; {name} &lt;i&gt;car&lt;/i&gt;</source>
        <target xml:lang="de" state = "new"/>
        <alt-trans><source>not</source><target>this</target></alt-trans>
      </trans-unit>
      <group translate="no"><trans-unit id="4"><source>Not this</source></trans-unit></group>
      <trans-unit id="5"><source>%d</source></trans-unit>
    </body>
  </file>
</xliff>
"""
# What changes in it.
OLD_CHANGES = {
    "target-language='fra'": 'target-language="fr"',
    """\
        <note>""": """\
        <target state="needs-review-translation">GOOD <g id="1">MORNING</g>, MY<x id="2"/> FRIEND.</target>
        <note>""",
    '<target xml:lang="de" state = "new"/>': """\
<target xml:lang="de" state="needs-review-translation">\
THE <bpt id="1">&lt;b></bpt>RED<ept id="1">&lt;/b></ept> &amp; {name} &lt;i&gt;CAR&lt;/i&gt;</target>""",
}
NEW = """\
<x:xliff xmlns:x="urn:oasis:names:tc:xliff:document:2.0" version="2.0" srcLang="en">
 <x:file id="f1"><x:unit id="u1"><x:segment id="s"><x:source>\
Press <x:pc id="1">the <x:mrk id="m" translate="no">red</x:mrk>
 button</x:pc> <x:sc id="2"/>now<x:ec startRef="2"/>.</x:source></x:segment>
 <x:ignorable><x:source> and </x:source></x:ignorable>
 <x:segment state="final"><x:source>Two</x:source><x:target>zwei</x:target></x:segment></x:unit></x:file>
</x:xliff>
"""


def test_old_documents(convert: Convert) -> None:
    expected = OLD
    for old, new in OLD_CHANGES.items():
        assert expected.count(old) == 1
        expected = expected.replace(old, new)
    assert convert("xliff", OLD, str.upper, target_lang="fr") == expected


def test_new_documents(convert: Convert) -> None:
    target = (
        '<x:target>PRESS <x:pc id="1">THE <x:mrk id="m" translate="no">red</x:mrk> BUTTON</x:pc> '
        '<x:sc id="2"/>NOW<x:ec startRef="2"/>.</x:target>'
    )
    expected = NEW.replace('srcLang="en"', 'srcLang="en" trgLang="fr"').replace('id="s"', 'id="s" state="translated"')
    expected = expected.replace(".</x:source>", f".</x:source>{target}")
    assert convert("xliff", NEW, str.upper, target_lang="fr") == expected
    assert "<x:target>TWO</x:target>" in convert("xliff", NEW, str.upper, redoes=True)


def test_what_is_translated_stays(convert: Convert) -> None:
    done = convert("xliff", OLD, str.upper, target_lang="fr")
    assert convert("xliff", done.replace("needs-review-translation", "translated"), str.lower, target_lang="fr") == (
        done.replace("needs-review-translation", "translated")
    )


def test_texts_in_another_language_are_told(convert: Convert) -> None:
    document = '<xliff>\n<file source-language="de-AT"/></xliff>'
    with pytest.raises(DataError, match="FILE:2: its texts are in 'de-AT', not in 'en'"):
        convert("xliff", document, source_lang="en")
    for lang in ("de", "deu_Latn", None):
        assert convert("xliff", document, source_lang=lang) == document
    for declared, lang in (("nb", "no"), ("und", "fr")):
        unknown = document.replace("de-AT", declared)
        assert convert("xliff", unknown, source_lang=lang) == unknown


def test_translations_into_another_language_are_not_called_so(convert: Convert) -> None:
    document = unit("a", "</trans-unit>\n<trans-unit><source>b</source><target>c</target>").replace(
        "<file>", '\n<file target-language="fr-CA">'
    )
    with pytest.raises(DataError, match=r"FILE:3: translated into 'fr-CA', .* not into 'de'"):
        convert("xliff", document, str.upper, target_lang="de")
    assert 'target-language="fr-CA"' in convert("xliff", document, str.upper, target_lang="fr")
    assert 'target-language="de"' in convert("xliff", document, str.upper, target_lang="de", redoes=True)
    assert 'target-language="de"' in convert("xliff", document.replace("c", ""), str.upper, target_lang="de")


def unit(source: str, others: str = "", attributes: str = "") -> str:
    return f"<xliff><file><trans-unit{attributes}><source>{source}</source>{others}</trans-unit></file></xliff>"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            unit('{n, plural, =1 {one # car} other {<x id="n"/> <g id="2">red</g> cars}}'),
            '{n, plural, =1 {ONE # CAR} other {<x id="n"/> <g id="2">RED</g> CARS}}',
        ),
        (
            unit("A cat. A dog.", """\
<seg-source><g id="1"><mrk mtype="seg" mid="1">A cat.</mrk> <mrk mtype="seg" mid="2">A <x id="3"/>dog.</mrk></g>
</seg-source><target><mrk mtype="seg" mid="1"/><mrk mtype="seg" mid="2"/></target>"""),
            '<g id="1"><mrk mtype="seg" mid="1">A CAT.</mrk> <mrk mtype="seg" mid="2">A <x id="3"/>DOG.</mrk></g>\n',
        ),
        (unit("one\n  two", attributes=' xml:space="preserve"'), "ONE\n  TWO"),
        (unit("\n one\n  two "), "\n ONE TWO "),
        (unit("\n \u00a0one\n  two\u3000 "), "\n \u00a0ONE TWO\u3000 "),
        (unit("<![CDATA[a <b>cat</b> & {dog}]]>"), "A &lt;b&gt;CAT&lt;/b&gt; &amp; {dog}"),
        (unit("a&#13;b"), "A&#13;B"),
        ("<?xml version='1.0' encoding='iso-8859-1'?>" + unit("caf\u00e9"), "CAF&#201;"),
    ],
)  # fmt: skip
def test_what_is_in_a_unit(convert: Convert, content: str, expected: str) -> None:
    converted = convert("xliff", content, str.upper)
    assert re.findall("<target[^>]*>(.*)</target>", converted, re.DOTALL) == [expected]
    ElementTree.fromstring(converted)


def test_units_come_as_soon_as_they_are_read() -> None:
    parser = new_parser("xliff", DocumentOptions())
    lines = OLD.splitlines()
    parts = [parser.read(DocumentLine(line, "\n", "FILE:1")) for line in lines]
    gives = ["trans-unit" in line for line, given in zip(lines, parts, strict=True) if any(map(is_segment, given))]
    assert gives == [True, True]


def is_segment(part: Part) -> bool:
    return isinstance(part, Segment)


def tags(element: ElementTree.Element) -> Counter[str]:
    """The tags in an element, with their attributes."""
    return Counter(f"{child.tag} {child.attrib}" for child in element.iter() if child is not element)


@given(st.sampled_from([OLD, NEW]), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.randoms())
def test_no_tag_is_lost(convert: Convert, content: str, line_end: str, has_mark: bool, random: Random) -> None:
    def translate(text: str) -> str:
        return "".join(random.sample(text, len(text)))

    content = "\ufeff" * has_mark + content.replace("\n", line_end)
    root = ElementTree.fromstring(convert("xliff", content, translate, redoes=True).encode())
    pairs = [
        {child.tag.rpartition("}")[2]: child for child in unit}
        for unit in root.iter()
        if unit.tag.rpartition("}")[2] in ("trans-unit", "segment")
    ]
    filled = [pair for pair in pairs if "target" in pair]
    assert len(filled) == (3 if "trans-unit" in content else 2)
    assert all(tags(pair["source"]) == tags(pair["target"]) for pair in filled)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (OLD[:400], "FILE:10: not XML: unclosed token at character 26"),
        ("<xliff>\n<a></b></xliff>", "FILE:2: not XML: mismatched tag at character 6"),
        ("<html/>", "FILE:1: expected <xliff>, found <html>"),
        (OLD[:-10], "FILE:19: not XML: no element found"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]>\n<xliff>&b;</xliff>", "FILE:1: a document type definition, which is refused"),
        ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'>\n<xliff/>", "FILE:1: a document type definition, which is refused"),
        ("<xliff>&b;</xliff>", "FILE:1: not XML: undefined entity"),
        ("<xliff>" + "<a>" * 100_000, "FILE:1: nested more than 500 deep"),
    ],
)
def test_what_is_no_xliff_is_named(convert: Convert, content: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        convert("xliff", content)
    assert caught.value.message.startswith(message)
