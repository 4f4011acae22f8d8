from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.errors import DataError

Convert = Callable[..., str]

PAGE = """\
<!DOCTYPE html>
<html lang="en" class=x>
<head><title>One &amp; two</title>
<meta name="description" content="A page"><meta name="keywords" content="cats">
<style>p > a { color: red }</style><script>if (a < b) alert("<p>no</p>");</script></head>
<body>
<!-- a <p>comment</p> -->
<p>The <a href="x?a=1&b=2" title="tip">red car</a> is <b>very <i>fast</i></b>, and
I like <code>foo(<b>x</b>)</code>.<br/>Now?</p>
<ul><li>One &mdash; &nbsp;two<li>1 &lt; 2</ul>
<p class="a notranslate">Not this.</p><img src=a.png alt='it is'>
<input placeholder=name> <SPAN translate=no>Foo</SPAN> is <B>here</b>.
<a href="#"><div>in a block</div></a>
<pre>not
  this</pre>
</body></html>
"""
TRANSLATED = """\
<!DOCTYPE html>
<html lang="fr" class=x>
<head><title>ONE &amp; TWO</title>
<meta name="description" content="A PAGE"><meta name="keywords" content="cats">
<style>p > a { color: red }</style><script>if (a < b) alert("<p>no</p>");</script></head>
<body>
<!-- a <p>comment</p> -->
<p>THE <a href="x?a=1&b=2" title="TIP">RED CAR</a> IS <b>VERY <i>FAST</i></b>, \
AND I LIKE <code>foo(<b>x</b>)</code>.<br/>NOW?</p>
<ul><li>ONE &mdash; &nbsp;TWO<li>1 &lt; 2</ul>
<p class="a notranslate">Not this.</p><img src=a.png alt='IT IS'>
<input placeholder="NAME"> <SPAN translate=no>Foo</SPAN> IS <B>HERE</b>.
<a href="#"><div>IN A BLOCK</div></a>
<pre>not
  this</pre>
</body></html>
"""


def test_all_but_prose_stays(convert: Convert) -> None:
    assert convert("html", PAGE, str.upper, target_lang="fr") == TRANSLATED
    assert convert("html", "<html><p>a b", str.upper, target_lang="fr") == '<html lang="fr"><p>A B'
    assert convert("html", "<p>a b", str.upper, target_lang="fr") == "<p>A B"


@pytest.mark.parametrize(
    ("head", "written"),
    [
        ('<meta charset="iso-8859-1">', "&#233;t&#233;"),
        ('<META http-equiv=Content-Type content="text/html; charset=windows-1252">', "&#233;t&#233;"),
        ('<meta charset="UTF-8">', "été"),
        ("", "été"),
    ],
)
def test_a_page_of_another_character_set_is_written_in_references(convert: Convert, head: str, written: str) -> None:
    page = f"{head}<p>summer</p>"
    assert convert("html", page, lambda text: "été") == page.replace("summer", written)
    assert convert("html", f"{head}<p>été</p>") == f"{head}<p>été</p>"


def backwards(text: str) -> str:
    return "\n".join(line[::-1] for line in text.split("\n"))


SPACES = ["\u00a0", "\u3000", "\u2003", "\u202f", "\u00a0 \u00a0", " \u3000 ", "&nbsp;", "\x85", "\u2028"]


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(
    "page", ["<p>{}Hello world.{}</p>", "<p>{}<b>Hello</b> world{}<i>.</i>{}", "<p>{}<br>Hello<img>{}"]
)
def test_spaces_that_html_does_not_take_off_stand_once(convert: Convert, space: str, page: str) -> None:
    page = page.replace("{}", space)
    assert convert("html", page, str.upper) == page.replace("Hello", "HELLO").replace("world", "WORLD")


@pytest.mark.parametrize("entity", ["&#32;", "&#x20;", "&#10;", "&#9;", "&Tab;", "&NewLine;", "&#101;", "&#49;"])
def test_how_a_space_or_a_letter_is_spelt_is_not_how_all_are(convert: Convert, entity: str) -> None:
    assert convert("html", f"<p>a&eacute;{entity}b c</p>", lambda text: "e 1 é") == "<p>e 1 &eacute;</p>"


@pytest.mark.parametrize(
    "page",
    [
        '<img {} alt="the car">A',
        '<input {} placeholder="your name">A',
        "<p {}>brand <b>x</b><div>A</div>",
        "<div><p {}>brand</div>A",
        "<p {}>brand</p>A",
        "<ul><li {}>brand<li>A</ul>",
        "<ul><li {}>brand<ul><li>x<li>y</ul>z</ul>A",
        "<ul><li {}>brand</ul>A<ul><li>B</li></ul>",
        "<dl><dt {}>brand<dd>A<dd {}>b<dt>C</dl>",
        "<table><tr><td {}>brand<th>A<tr><td {}>b</table>C",
        "<table><tr><td><table><tr><td {}>brand</table>A</td></table>",
        "<table><tr><td {}>x <table><tr><td>y<td>z</table>z<td>A</table>",
        "<table><tr {}><td>a<td>b<tr><td>A</table>",
        "<select><option {}>brand<option>A<optgroup label=a><option {}>b</optgroup></select>C",
        "A<li {}>brand",
    ],
)
@pytest.mark.parametrize("wish", ["translate=no", "class='a notranslate'"])
def test_what_is_not_translated_needs_no_last_tag(convert: Convert, page: str, wish: str) -> None:
    page = page.replace("{}", wish)
    assert convert("html", page.replace("A", "a one").replace("C", "c"), str.upper) == page.replace("A", "A ONE")


class Structure(HTMLParser):
    """Everything but text and the attributes that are translated."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[object] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        others = [item for item in attrs if item[0] not in ("alt", "title", "placeholder", "content", "lang")]
        self.found.append((tag, others))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(tag)

    def handle_comment(self, data: str) -> None:
        self.found.append(data)


def test_an_independent_parser_finds_the_same(convert: Convert) -> None:
    converted = convert("html", PAGE, backwards, target_lang="fr")
    ones, others = Structure(PAGE).found, Structure(converted).found
    assert sorted(map(str, ones)) == sorted(map(str, others))


FRAGMENTS = st.lists(
    st.sampled_from(
        ["<p>", "</p>",
         "<b>", "</b>", "<i class='x'>", "</i>", "<br>", " ", "word", "A, b.", "&amp;", "&bogus;",
         "<script>x<y</script>", "< ",
         ">", "é\r\n", "<!-- c -->", "<img alt='one two' title=x>", "<code>", "</code>", "<a title='a \"b\"'>", "</a>",
         "\ufdd0", "\ufdd01\ufdd1", "<p translate=no>", "<svg/>", "</ >", "<?x?>", "<![CDATA[x]]>",
         "<li translate=no>", "<table>", "</table>", "<td class=notranslate>", "<td>", "$x$", "\u00a0"]
    )
).map("".join)  # fmt: skip


@given(FRAGMENTS, st.booleans())
def test_the_same_texts_give_the_same_bytes(convert: Convert, page: str, has_mark: bool) -> None:
    page = "\ufeff" * has_mark + page
    assert convert("html", page) == page


@given(FRAGMENTS.filter(lambda page: "\ufdd0" not in page))
def test_no_tag_is_lost(convert: Convert, page: str) -> None:
    converted = convert("html", page, backwards)
    assert sorted(map(str, Structure(converted).found)) == sorted(map(str, Structure(page).found))


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("<p>\n<a href='x>y", 'FILE:2: a tag is not closed: "<a href=\'x>y"'),
        ("<p>\n<!-- x", "FILE:2: <!-- is not closed by -->"),
        ("<p>\n\n<script>x", "FILE:3: <script> is not closed"),
        ("<a b", "FILE:1: a tag is not closed: '<a b'"),
    ],
)
def test_what_is_cut_off_is_named(convert: Convert, page: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        convert("html", page)
    assert caught.value.message == message


def test_a_page_of_many_tags_takes_no_long_time(convert: Convert) -> None:
    for page in ("<b><code>" * 20_000, "a <b>" * 3000 + "</b>" * 3000, "<b>" * 3000 + "a" + "</b>" * 3000,
                 "<p translate=no>" * 9000, "<li translate=no><ul>" * 9000):  # fmt: skip
        assert convert("html", page) == page
        assert convert("html", page, str.upper).replace("A", "a") == page
