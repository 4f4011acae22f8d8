"""HTML: text and the attributes that are read out or shown are translated; tags, comments and scripts stay as they are.

The libraries that read it build a tree and write that, not the page that was there: places are found by a scanner that
cuts where HTML's own rules cut.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from html import escape, unescape
from string import ascii_letters, digits
from typing import Literal, NamedTuple

from xlmcli.documents.formats import DocumentOptions
from xlmcli.documents.formulas import split_at_formulas
from xlmcli.documents.inline import WHITE_SPACE, InlineBuilder, together
from xlmcli.documents.parts import Answered, Part, Segment, WholeDocument, line_of
from xlmcli.documents.tags import Attribute, is_untranslated, iter_attributes, name_of, paired_tags
from xlmcli.errors import DataError

_INLINE = frozenset(
    ("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "br", "cite", "code", "data", "del", "dfn", "em", "font", "i",
     "img", "ins", "kbd", "label", "mark", "nobr", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike",
     "strong", "sub", "sup", "time", "tt", "u", "var", "wbr")
)  # fmt: skip
_UNREAD = frozenset(("script", "style", "textarea", "xmp", "iframe", "noembed", "noframes", "plaintext"))
_BLOCKS = frozenset(
    ("address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "dir", "div", "dl", "dt",
     "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr",
     "html", "li", "main", "menu", "nav", "ol", "p", "pre", "search", "section", "summary", "table", "tbody", "td",
     "tfoot", "th", "thead", "tr", "ul")
)  # fmt: skip
_ROWS = frozenset(("tr", "tbody", "thead", "tfoot"))
# Elements whose last tag may be left out: which tags stand behind their end then, and what they may be in.
_LEFT_OUT = {
    "p": (_BLOCKS, frozenset[str]()),
    "li": (frozenset(("li",)), frozenset(("ul", "ol", "menu", "dir"))),
    **dict.fromkeys(("dt", "dd"), (frozenset(("dt", "dd")), frozenset(("dl",)))),
    **dict.fromkeys(("td", "th"), (_ROWS | {"td", "th"}, frozenset(("table",)))),
    "tr": (_ROWS, frozenset(("table",))),
    "option": (frozenset(("option", "optgroup")), frozenset(("select", "datalist"))),
}
_READ_OUT = ("alt", "title", "placeholder")

_OPENING = re.compile(r"<(?:!--|!\[CDATA\[|[!?]|/?[A-Za-z]|/(?=.))", re.DOTALL)
_IN_TAG = re.compile(r"=\s*([\"'])|>")
_ENTITY = re.compile(r"&(?:[A-Za-z]\w{1,31}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_OTHER_CHARSET = re.compile(
    r"<meta\b[^<>]*\bcharset\s*=\s*[\"']?(?!utf-?8\b)[\w.-]|<\?xml\b[^<>]*\bencoding\s*=\s*[\"'](?!utf-?8\b)",
    re.IGNORECASE,
)
# Stands in a tag for an attribute's text, whose translation is not known yet.
_HOLE = re.compile("\ufdd0(\\d{1,6})\ufdd1")

Kind = Literal["text", "other", "start", "end"]


class _Token(NamedTuple):
    """A stretch of a page.

    Attributes:
        kind: Text, a tag, or what is neither: comments, declarations, what is between two tags and is not read.
        raw: The stretch.
        name: Of a tag, in lower case; of a word that is not translated, what it is.
    """

    kind: Kind
    raw: str
    name: str = ""

    @property
    def is_word(self) -> bool:
        """Whether it is an element or a formula that is not translated, inside text."""
        return self.kind == "other" and bool(self.name)


def html_parser(options: DocumentOptions) -> WholeDocument:
    """Returns a parser of a page or a part of one."""
    return WholeDocument(partial(_parse_page, lang=options.target_lang))


def _parse_page(text: str, name: str, lang: str | None) -> Iterator[Part]:
    parts = _parse(text, name, lang)
    return map(_in_ascii, parts) if _OTHER_CHARSET.search(text) else parts


def _in_ascii(part: Part) -> Part:
    """Makes references of the letters in a translation that the character set of a page may lack."""
    if isinstance(part, str):
        return part

    def write(translated: Answered) -> str:
        written = part.write(translated)
        return written if written == part.raw else written.encode("ascii", "xmlcharrefreplace").decode()

    return Segment(part.text, part.raw, write)


def _parse(text: str, name: str, lang: str | None) -> Iterator[Part]:
    tokens = _skip_untranslated(list(_tokenize(text, name)))
    run: list[_Token] = []
    for token in tokens:
        if token.kind == "text" or token.is_word or token.name in _INLINE or (token.kind == "other" and run):
            run.append(token)
            continue
        yield from _run_parts(run)
        run = []
        raw = _with_lang(token, lang) if lang is not None and token.name == "html" else token.raw
        yield from _tag_parts(token._replace(raw=raw))
    yield from _run_parts(run)


def _tokenize(text: str, name: str) -> Iterator[_Token]:
    """Cuts a page into stretches.

    Raises:
        DataError: A tag, a comment or a script is not closed.
    """
    position = 0
    while opening := _OPENING.search(text, position):
        start = opening.start()
        if start > position:
            yield from _text_tokens(text[position:start])
        sign = opening[0]
        if sign[-1].isalpha():
            position = _end_of_tag(text, start, name)
            raw = text[start:position]
            tag = name_of(raw)
            yield _Token("end" if sign.startswith("</") else "start", raw, tag)
            if tag in _UNREAD and not sign.startswith("</") and not raw.endswith("/>"):
                closing = re.compile(rf"</{re.escape(tag)}(?=[\s/>])", re.IGNORECASE).search(text, position)
                if closing is None:
                    raise DataError(f"{name}:{line_of(text, start)}: <{tag}> is not closed")
                if closing.start() > position:
                    yield _Token("other", text[position : closing.start()])
                position = closing.start()
            continue
        end = {"<!--": "-->", "<![CDATA[": "]]>"}.get(sign, ">")
        # A comment may be empty: <!-->.
        found = text.find(end, start + (2 if sign == "<!--" else len(sign)))
        if found < 0:
            raise DataError(f"{name}:{line_of(text, start)}: {sign} is not closed by {end}")
        position = found + len(end)
        yield _Token("other", text[start:position])
    yield from _text_tokens(text[position:])


def _text_tokens(text: str) -> Iterator[_Token]:
    for part, is_formula in split_at_formulas(text):
        yield _Token("other", part, "formula") if is_formula else _Token("text", part)


def _end_of_tag(text: str, start: int, name: str) -> int:
    position = start
    while match := _IN_TAG.search(text, position):
        if match[1] is None:
            return match.end()
        closing = text.find(match[1], match.end())
        if closing < 0:
            break
        position = closing + 1
    raise DataError(f"{name}:{line_of(text, start)}: a tag is not closed: {text[start : start + 40]!r}")


def _skip_untranslated(tokens: Sequence[_Token]) -> list[_Token]:
    """Makes one stretch of each element that is not translated: one inside text where it is a word there."""
    ends = _find_ends(tokens)
    kept: list[_Token] = []
    position = 0
    for number, token in enumerate(tokens):
        if number < position:
            continue
        position = number + 1
        if token.kind == "start" and is_untranslated(token.raw):
            position = _end_left_out(tokens, number) if token.name in _LEFT_OUT else ends.get(number, number) + 1
        if position > number + 1:
            raw = "".join(other.raw for other in tokens[number:position])
            kept.append(_Token("other", raw, token.name if token.name in _INLINE else ""))
        else:
            kept.append(token)
    return kept


def _find_ends(tokens: Sequence[_Token]) -> dict[int, int]:
    """Returns the number of the last tag of each element that has one, by that of its first."""
    ends: dict[int, int] = {}
    opened: defaultdict[str, list[int]] = defaultdict(list)
    for number, token in enumerate(tokens):
        if token.kind == "start":
            opened[token.name].append(number)
        elif token.kind == "end" and opened[token.name]:
            ends[opened[token.name].pop()] = number
    return ends


def _end_left_out(tokens: Sequence[_Token], first: int) -> int:
    """Returns the number behind an element whose last tag may be left out: of the next one, or of its parent's last."""
    name = tokens[first].name
    following, parents = _LEFT_OUT[name]
    depth = 0
    for number in range(first + 1, len(tokens)):
        token = tokens[number]
        if depth == 0 and token.kind == "end" and token.name == name:
            return number + 1
        if depth == 0 and token.kind in ("start", "end") and token.name in following:
            return number
        if token.name in parents:
            depth += (token.kind == "start") - (token.kind == "end")
        if depth < 0:
            return number
    return len(tokens)


def _read_out(token: _Token) -> list[Attribute]:
    """The attributes of a tag that are translated."""
    if token.kind != "start" or is_untranslated(token.raw):
        return []
    found = list(iter_attributes(token.raw))
    names: tuple[str, ...] = _READ_OUT
    if token.name == "meta":
        is_description = any(item.name == "name" and item.value.lower() == "description" for item in found)
        names = ("content",) if is_description else ()
    return [item for item in found if item.name in names and _has_words(item.value)]


def _has_words(text: str) -> bool:
    return any(not is_formula and any(map(str.isalpha, part)) for part, is_formula in split_at_formulas(text))


def _attribute_segment(tag: str, item: Attribute) -> Segment:
    raw = tag[item.start : item.end]
    quote = raw[0] if raw[0] in "\"'" else '"'
    builder = InlineBuilder(collapses=True)
    for text, is_formula in split_at_formulas(item.value):
        (builder.add_opaque if is_formula else builder.add_text)(text)

    def spell(text: str) -> str:
        return quote + escape(text, quote=False).replace(quote, "&quot;" if quote == '"' else "&#39;") + quote

    return builder.build().message(raw, spell)


def _tag_parts(token: _Token) -> Iterator[Part]:
    position = 0
    for item in _read_out(token):
        yield token.raw[position : item.start]
        yield _attribute_segment(token.raw, item)
        position = item.end
    yield token.raw[position:]


def _run_parts(run: Sequence[_Token]) -> Iterator[Part]:
    """What of a run of text and the tags in it is translated: as one, since its words belong together."""
    if not any(token.kind == "text" and any(map(str.isalpha, unescape(token.raw))) for token in run):
        for token in run:
            yield from _tag_parts(token)
        return
    paired = _paired(run)
    inside = [
        number
        for number, token in enumerate(run)
        if token.raw.strip(WHITE_SPACE) and (token.kind == "text" or token.is_word or number in paired)
    ]
    start, end = inside[0], inside[-1] + 1
    for token in run[:start]:
        yield from _tag_parts(token)
    raw = "".join(token.raw for token in run[start:end])
    inner = raw.strip(WHITE_SPACE)
    before, after = raw[: raw.index(inner)], raw[raw.index(inner) + len(inner) :]
    yield before
    yield _run_segment(run[start:end], inner)
    yield after
    for token in run[end:]:
        yield from _tag_parts(token)


def _paired(run: Sequence[_Token]) -> set[int]:
    return paired_tags([token.raw if token.kind in ("start", "end") else "" for token in run])


def _run_segment(run: Sequence[_Token], raw: str) -> Segment:
    paired = _paired(run)
    entities = {unescape(entity): entity for entity in _ENTITY.findall("".join(_texts(run)))}
    for character in f"{WHITE_SPACE}{ascii_letters}{digits}":
        entities.pop(character, None)
    attributes: list[Segment] = []
    holed: list[str] = []
    builder = InlineBuilder(collapses=True)
    for number, token in enumerate(run):
        tag = token.raw
        for item in reversed(_read_out(token)):
            attributes.append(_attribute_segment(token.raw, item))
            tag = f"{tag[: item.start]}\ufdd0{len(attributes)}\ufdd1{tag[item.end :]}"
        holed.append(tag)
        if token.kind == "text":
            builder.add_text(unescape(tag))
        elif number in paired:
            (builder.close if token.kind == "end" else builder.open)(tag)
        elif token.name == "br":
            builder.add_break(tag)
        else:
            builder.add_opaque(tag, is_word=token.is_word)

    def spell(text: str) -> str:
        return "".join(entities.get(character) or escape(character, quote=False) for character in text)

    def combine(written: Sequence[str]) -> str:
        return _HOLE.sub(lambda hole: written[int(hole[1])] if int(hole[1]) < len(written) else hole[0], written[0])

    text = builder.build().segment("".join(holed).strip(WHITE_SPACE), spell)
    return together([text, *attributes], raw, combine)


def _texts(run: Sequence[_Token]) -> Iterator[str]:
    return (token.raw for token in run if token.kind == "text")


def _with_lang(token: _Token, lang: str) -> str:
    """Returns the tag of a page with its language."""
    if token.kind != "start":
        return token.raw
    raw = token.raw
    found = [item for item in iter_attributes(raw) if item.name in ("lang", "xml:lang")]
    for item in reversed(found):
        raw = f'{raw[: item.start]}"{lang}"{raw[item.end :]}'
    return raw if found else f'{raw[: len("<html")]} lang="{lang}"{raw[len("<html") :]}'
