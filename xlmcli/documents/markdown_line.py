"""What stands in a text of Markdown.

markdown-it says what that is but not where it stands: its rules are watched for that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from xlmcli.documents.formulas import FORMULA
from xlmcli.documents.tags import find_untranslated, tag_name

# What markdown-it takes for text, and others do not: footnotes, tasks, alerts, addresses, templates, emoji.
_ENTITY = r"&\#?\w+;"
_NO_PROSE = re.compile(
    rf"\[\^[^\]\s]+\]|(?<!\w)(?:https?://|www\.)(?:[^\s<>&]|&(?!\#?\w+;)|{_ENTITY})*(?:[^\s<>&.,;:!?)'\"*_~\\]|{_ENTITY})"
    r"|\{\{[^{}]*\}\}|\{%[^{}]*%\}|\{[#.:][^{}]*\}|:[a-z][a-z0-9_+-]*:"
)
# Brackets that are escaped since they are text.
_BRACKETED_WORDS = re.compile(r"\\{1,2}[\[(](?=.*[^\W\d_]{3})[^\\^_={}<>+]*\\{1,2}[\])]", re.DOTALL)

# Kinds of events beside the rules; then those that stand for words.
TEXT, _OPENING, _CLOSING, _DELIMITER, _RAW = "prose", "opening", "closing", "delimiter", "raw"
WORDS = ("backticks", "autolink", "formula", _RAW)


class InlineEvent(NamedTuple):
    """What a rule made of a stretch of a line.

    Attributes:
        start: Where the stretch begins.
        end: Where it ends.
        kind: The rule, or one of the names above.
        token: What it made, which may change afterwards; None of what makes several.
        text: What it reads as, or what is written in its place.
    """

    start: int
    end: int
    kind: str
    token: Token | None = None
    text: str = ""


@dataclass(slots=True)
class _Watch:
    """What was seen of the parsing of a line."""

    state: StateInline | None = None
    events: list[InlineEvent] = field(default_factory=list)


def watch_rules(parser: MarkdownIt) -> None:
    """Makes a parser read formulas, and tell `find_events` what it makes of which stretch of a text."""
    inline = parser.inline
    inline.ruler.before("escape", "formula", _formula)
    inline.ruler2.disable("fragments_join")
    names, rules = inline.ruler.get_active_rules(), inline.ruler.getRules("")
    for name, rule in zip(names, rules, strict=True):
        inline.ruler.at(name, _watched(name, rule))


def find_events(content: str, parser: MarkdownIt, env: Mapping[str, Any]) -> list[InlineEvent]:
    """Returns what a text is made of, in order, without gaps; text as it reads.

    Args:
        content: The text.
        parser: Whose rules are watched.
        env: What it knows of the document.
    """
    watch = _Watch()
    parser.inline.parse(content, parser, {**env, "watch": watch}, [])
    return _join_untranslated(list(_read_events(content, watch.events)), content)


def _formula(state: StateInline, silent: bool) -> bool:
    """The rule of a formula inside a line."""
    match = FORMULA.match(state.src, state.pos, state.posMax)
    if match is None or _BRACKETED_WORDS.fullmatch(match[0]):
        return False
    if not silent:
        state.push("formula", "", 0).content = match[0]
    state.pos = match.end()
    return True


def _watched(name: str, rule: Callable[[StateInline, bool], bool]) -> Callable[[StateInline, bool], bool]:
    """Returns a rule that tells the watch, if there is one, what it made of which stretch."""

    def watched(state: StateInline, silent: bool) -> bool:
        watch: _Watch | None = state.env.get("watch")
        if silent or watch is None:
            return rule(state, silent)
        watch.state = watch.state or state
        start, num_tokens = state.pos, len(state.tokens)
        is_link = name == "link" and state.src.startswith("[", start)
        label_end = state.md.helpers.parseLinkLabel(state, start, True) if is_link else -1
        done = rule(state, silent)
        # The text of an image is parsed by itself.
        if done and watch.state is state:
            made = state.tokens[num_tokens:]
            watch.events += _events(name, (start, state.pos), made, label_end, state.src)
        return done

    return watched


def _events(
    name: str, place: tuple[int, int], made: Sequence[Token], label_end: int, content: str
) -> Iterator[InlineEvent]:
    start, end = place
    if name == "link":
        if content.startswith("[^", start):
            yield InlineEvent(start, end, "footnote")
            return
        label = content[start + 1 : label_end]
        closing = content[label_end:end]
        yield InlineEvent(start, start + 1, _OPENING)
        # What is named by its own text keeps the name.
        yield InlineEvent(label_end, end, _CLOSING, None, f"][{label}]" if closing in ("]", "][]") else "")
    elif name in ("emphasis", "strikethrough"):
        delimiters: list[InlineEvent] = []
        for token in reversed(made):
            if end == start:
                break
            delimiters.append(InlineEvent(end - len(token.content), end, _DELIMITER, token))
            end -= len(token.content)
        yield from reversed(delimiters)
    else:
        yield InlineEvent(start, end, name, made[-1] if made else None)


def _read_events(content: str, events: Sequence[InlineEvent]) -> Iterator[InlineEvent]:
    """Yields what a text is made of, in order, without gaps; text as it reads."""
    by_start = attrgetter("start")
    read = [(event, _reads_as(event, content)) for event in _join_strong(sorted(events, key=by_start))]
    end = InlineEvent(len(content), len(content), "")
    raws = _find_raws(content, [*(event for event, text in read if text is None), end])
    others = [event for event, text in read if text != content[event.start : event.end]]
    start = position = 0
    text = ""
    for event in [*sorted([*raws, *others], key=by_start), end]:
        if event.end <= position and event.kind:
            continue  # Inside something opaque.
        text += content[position : event.start]
        position = event.end
        said = _reads_as(event, content)
        if said is not None:
            text += said
            continue
        if event.kind == "newline":
            # The spaces that make a line break hard belong to it.
            kept = text.rstrip(" ")
            event, text = event._replace(start=event.start - len(text) + len(kept)), kept
        if text:
            yield InlineEvent(start, event.start, TEXT, None, text)
        if event.kind:
            yield event
        start, text = event.end, ""


def _find_raws(content: str, markup: Sequence[InlineEvent]) -> Iterator[InlineEvent]:
    """Yields what is no prose between marks, as it is written."""
    position = 0
    for event in markup:
        for match in _NO_PROSE.finditer(content, position, max(position, event.start)):
            yield InlineEvent(*match.span(), _RAW)
        position = max(position, event.end)


def _join_strong(events: Sequence[InlineEvent]) -> Iterator[InlineEvent]:
    """Of two stars that are one mark, one has become the mark and the other nothing: the one before or behind it."""
    before: InlineEvent | None = None
    awaits = False
    for event in events:
        token = event.token
        if event.kind == _DELIMITER and token is not None and token.type == "text" and not token.content:
            before = None if awaits else event
            awaits = False
            continue
        if event.kind == _DELIMITER and token is not None and token.type == "strong_open" and before is not None:
            event = event._replace(start=before.start)
        if event.kind == _DELIMITER and token is not None and token.type == "strong_close":
            event = event._replace(end=event.end + 1)
            awaits = True
        before = None
        yield event


def _reads_as(event: InlineEvent, content: str) -> str | None:
    """What an event reads as; None if it is markup."""
    raw = content[event.start : event.end]
    token = event.token
    if event.kind == "text" or not event.kind:
        return raw if event.kind else None
    if event.kind == _DELIMITER and token is not None:
        return token.content if token.type == "text" else None
    if event.kind in ("newline", "escape", "entity"):
        if token is None or token.type == "softbreak":
            return " "
        return None if token.type == "hardbreak" else token.content
    return raw if event.kind == "backticks" and token is None else None


def _join_untranslated(events: Sequence[InlineEvent], content: str) -> list[InlineEvent]:
    """Makes one of each element that is not translated."""
    ends = find_untranslated(
        [content[event.start : event.end] if event.kind == "html_inline" else "" for event in events]
    )
    joined: list[InlineEvent] = []
    for number, event in enumerate(events):
        if not joined or joined[-1].end <= event.start:
            joined.append(InlineEvent(event.start, events[ends[number]].end, _RAW) if number in ends else event)
    return joined


def tag_of(event: InlineEvent, content: str) -> tuple[str, bool] | None:
    """The name of a mark or tag that has a second one, and whether it is that; None of others."""
    if event.kind in (_OPENING, _CLOSING):
        return "[", event.kind == _CLOSING
    if event.kind == _DELIMITER and event.token is not None:
        name, _, side = event.token.type.rpartition("_")
        return f"*{name}", side == "close"
    if event.kind == "html_inline":
        return tag_name(content[event.start : event.end])
    return None
