"""Formulas are opaque wherever texts have them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xlmcli.documents.formulas import split_at_formulas

Convert = Callable[..., str]

BODIES = st.lists(
    st.sampled_from(
        [
            r"\sum_{i=1}^n",
            "x_i",
            "a * b * c",
            r"\frac{a}{b}",
            r"\text{ if any}",
            "[y](z)",
            r"\\[2pt]",
            "|q|",
            "=",
            "`",
            "+",
        ]
    ),
    min_size=1,
).map(" ".join)
SIGNS = st.sampled_from([("$", "$"), ("$$", "$$"), (r"\(", r"\)"), (r"\[", r"\]")])


@pytest.mark.parametrize("name", ["md", "html"])
@given(BODIES.filter(lambda body: any(sign in body for sign in r"\_=+")), SIGNS)
@example(r"x_i = \alpha", (r"\\(", r"\\)"))
@example(r"x_i \\\\ y_i", (r"\\[", r"\\]"))
def test_a_formula_comes_out_as_it_went_in(convert: Convert, name: str, body: str, signs: tuple[str, str]) -> None:
    formula = body.join(signs)
    for text in ("the sum %s is large", "%s, of <b>it</b>", "as (%s), in <i>%s</i>"):
        said = text.upper().replace("%S", "%s").replace("B>", "b>").replace("I>", "i>")
        assert convert(name, text.replace("%s", formula), str.upper) == said.replace("%s", formula)


@pytest.mark.parametrize("container", ["{}", "> {}", "- an item\n\n  {}", "text before\n{}"])
@pytest.mark.parametrize(
    "lines",
    [
        ["$$", "x = a", "$$"],
        ["$$", "a", "+ b", "", "- c", "$$ {#eq:sum}"],
        [r"$$\begin{aligned}", "- a &= b \\\\", r"\end{aligned}$$ (sum)"],
        [r"\[", "1. x", "# y", r"\]"],
        [r"$$ \frac{a}{b} = c $$"],
    ],
)  # fmt: skip
def test_a_formula_of_several_lines_is_no_list(convert: Convert, container: str, lines: list[str]) -> None:
    prefix = "> " if container[0] == ">" else "  " if container[0] == "-" else ""
    before, _, _ = container.rpartition("{")
    content = f"{before}{f'{chr(10)}{prefix}'.join(lines)}\n\nand more\n"
    upper = content.replace("an item", "AN ITEM").replace("text before", "TEXT BEFORE").replace("and more", "AND MORE")
    assert convert("md", content, str.upper) == upper


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $10.",
        "US$5, CA$6",
        "$1,000-$2,000",
        "from $5 a month or 50$ in all",
        r"\$x and y\$",
        "$HOME/bin:$PATH",
        "{{$x}} {{$y}}",
        "$ x $",
        "$$",
        r"C:\(x",
    ],
)
def test_amounts_of_money_and_variables_are_no_formulas(text: str) -> None:
    assert list(split_at_formulas(text)) == [(text, False)]


@pytest.mark.parametrize("text", [r"\[a short note\] on it", r"\(as said above\), so"])
def test_words_in_escaped_brackets_are_words_in_markdown(convert: Convert, text: str) -> None:
    assert convert("md", text, str.upper) == text.replace("\\", "").upper()


def test_descriptions_have_formulas(convert: Convert) -> None:
    assert convert("html", '<img alt="$x_i$"><img alt="a $x_i$">', str.upper) == '<img alt="$x_i$"><img alt="A $x_i$">'


def test_a_formula_is_not_broken_into_lines(convert: Convert) -> None:
    content = "a text of $x + y + z$\nthat has two lines\n"
    assert "$x + y + z$" in convert("md", content, lambda text: f"one {text} two")


@pytest.mark.parametrize("piece", ["$a ", "$$a ", r"\(a ", r"\[a ", r"\\[a ", "$$\n\na\n\n", "\\[\n", "$5 abc"])
@pytest.mark.parametrize("name", ["md", "html"])
def test_what_is_never_closed_takes_no_long_time(convert: Convert, name: str, piece: str) -> None:
    content = piece * 5_000
    assert convert(name, content) == content
