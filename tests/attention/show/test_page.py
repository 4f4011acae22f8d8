"""The page in a real browser, where one is installed."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from xlmcli.attention.maps import AttentionMap
from xlmcli.attention.show.page import format_page

MakeMap = Callable[..., AttentionMap]

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--virtual-time-budget=2000",
]  # fmt: skip
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\x1b[2J",
    "\u202eabc",
    "\0",
    "{{data}}",
]
# What a test asks of the page: its steps, each of which gives what is then shown.
SCRIPT = """{
const shown = () => ({
  said: document.getElementById("said").textContent.replace(/[\\u2068\\u2069]/g, ""),
  chosen: [...document.querySelectorAll("button.chosen")].map(button => button.textContent),
  shares: [...document.querySelectorAll("li")].map(item => item.querySelector("span").textContent),
  lines: document.querySelectorAll("line").length,
});
const word = (side, index) => document.querySelectorAll(`#${side} button`)[index];
const point = target => target.dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
// A window that is not active yet, as a browser's may be while its page loads, moves the focus and fires nothing.
const tell = (target, type) => document.hasFocus() || target.dispatchEvent(new FocusEvent(type, {bubbles: true}));
const {focus, blur} = HTMLElement.prototype;
HTMLElement.prototype.focus = function() {
  const left = document.activeElement;
  focus.call(this);
  if (left !== this) { tell(left, "focusout"); tell(this, "focusin"); }
};
HTMLElement.prototype.blur = function() { blur.call(this); tell(this, "focusout"); };
const press = key => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
const result = [shown()];
const step = action => { action(); result.push(shown()); };
STEPS
const element = document.createElement("pre");
element.id = "result";
element.textContent = JSON.stringify(result);
document.body.append(element);
}"""


@dataclass
class Browser:
    """Opens pages, and counts the requests that reach a server of its own."""

    folder: Path
    address: str
    requests: list[str] = field(default_factory=list)

    def open(self, page: str) -> str:
        """Returns what became of a page."""
        path = self.folder / "page.html"
        path.write_text(page, encoding="utf-8")
        assert BROWSER is not None
        profile = self.folder / "profile"
        shutil.rmtree(profile, ignore_errors=True)
        command = [BROWSER, *ARGS, f"--user-data-dir={profile}", "--dump-dom", path.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, page: str, steps: str) -> list[Any]:
        """Returns what a page shows at first and after each step."""
        shown = self.open(with_script(page, SCRIPT.replace("STEPS", steps)))
        found = re.search(r'<pre id="result">(.*?)</pre>', shown, re.DOTALL)
        assert found, shown
        result: list[Any] = json.loads(html.unescape(found[1]))
        return result


def with_script(page: str, script: str) -> str:
    """Adds a script to a page, whose policy allows it by its hash; all else stays forbidden."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert page.count("script-src '") == 1
    page = page.replace("script-src '", f"script-src 'sha256-{digest}' '")
    return page.replace("</body>", f"<script>{script}</script></body>")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if BROWSER is None:
        pytest.skip("no chromium is installed")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            opened.requests.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        opened = Browser(tmp_path_factory.mktemp("browser"), f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield opened
        server.shutdown()
        thread.join()


def percents(weights: Any) -> list[str]:
    return [f"{100 * weight:.0f} %" if weight >= 0.02 else "" for weight in weights.tolist()]


def test_pointing_at_a_word_shows_its_links(browser: Browser, make_map: MakeMap) -> None:
    attention = make_map(num_heads=2)
    first, query, key, left = browser.run(
        format_page(attention),
        """
        step(() => point(word("queries", 1)));
        step(() => point(word("keys", 2)));
        step(() => document.getElementById("map").dispatchEvent(new PointerEvent("pointerleave")));
        """,
    )
    weights = attention.weights[0, 0]
    num_queries, num_keys = weights.shape
    assert (
        first == left == {"said": "", "chosen": [], "shares": [""] * (num_queries + num_keys), "lines": first["lines"]}
    )
    assert first["lines"] == (weights >= 0.02).sum()
    assert query["chosen"] == [attention.queries[1]]
    assert query["shares"] == [""] * num_queries + percents(weights[1])
    assert query["lines"] == (weights[1] >= 0.02).sum()
    best = attention.keys[weights[1].argmax()]
    assert query["said"].startswith(f"{attention.queries[1]} looks at {best} {weights[1].max():.0%}".replace("%", " %"))
    assert key["chosen"] == [attention.keys[2]]
    assert key["shares"] == percents(weights[:, 2]) + [""] * num_keys
    assert key["said"].startswith(f"{attention.keys[2]} is looked at by ")


def test_keys_do_what_pointing_does(browser: Browser, make_map: MakeMap) -> None:
    attention = make_map()
    _, *steps = browser.run(
        format_page(attention),
        """
        step(() => word("queries", 0).focus());
        step(() => press("ArrowUp"));
        step(() => press("ArrowDown"));
        step(() => press("ArrowRight"));
        step(() => press("ArrowDown"));
        step(() => press("ArrowLeft"));
        step(() => document.activeElement.blur());
        """,
    )
    queries, keys = attention.queries, attention.keys
    expected = [queries[0], queries[0], queries[1], keys[1], keys[2], queries[2]]
    assert [step["chosen"] for step in steps] == [*([word] for word in expected), []]


def test_layer_and_head_are_chosen_where_there_are_several(browser: Browser, make_map: MakeMap) -> None:
    attention = make_map(num_layers=2, num_heads=3)
    steps = browser.run(
        format_page(attention),
        """
        const choose = (id, index) => {
          const select = document.getElementById(id);
          select.selectedIndex = index;
          select.dispatchEvent(new Event("change"));
        };
        step(() => point(word("queries", 4)));
        step(() => choose("head", 2));
        step(() => choose("layer", 1));
        result.push([...document.querySelectorAll("option")].map(option => option.textContent));
        """,
    )
    num_queries = len(attention.queries)
    for shown, place in zip(steps[1:4], [(0, 0), (0, 2), (1, 2)], strict=True):
        assert shown["shares"][num_queries:] == percents(attention.weights[place][4])
    assert steps[4] == ["1", "2", "1", "2", "3"]
    hidden = 'result.push([...document.querySelectorAll("label")].map(label => label.hidden))'
    assert browser.run(format_page(make_map(num_heads=2)), hidden)[1] == [True, False]


def test_hostile_words_stay_text(browser: Browser, make_map: MakeMap) -> None:
    words = [*HOSTILE, "x" * 10_000]
    page = format_page(make_map(words, words))
    assert page.count("<script") == page.count("</script") == 2
    _, chosen, texts, elements, width = browser.run(
        page,
        """
        let isAlerted = false;
        window.alert = () => { isAlerted = true; };
        step(() => word("keys", 0).focus());
        result.push([...document.querySelectorAll("#queries button")].map(button => button.textContent));
        result.push([document.images.length, document.scripts.length, isAlerted]);
        result.push(document.documentElement.scrollWidth <= innerWidth);
        """,
    )
    assert texts == [*HOSTILE[:2], r"\x1b[2J", r"\u202eabc", r"\x00", "{{data}}", "x" * 10_000]
    assert chosen["said"].startswith("<script>alert(1)</script> is looked at by ")
    assert elements == [0, 3, False]
    assert width is True


def test_no_request_leaves_the_page(browser: Browser, make_map: MakeMap) -> None:
    page = format_page(make_map())
    (_, loaded) = browser.run(page, 'result.push(performance.getEntriesByType("resource").map(entry => entry.name))')
    assert loaded == []
    script = f"""
    fetch("{browser.address}/fetched", {{mode: "no-cors"}}).catch(() => null);
    new Image().src = "{browser.address}/image";
    """
    browser.open(with_script(page, script))
    assert browser.requests == []
    # Without its policy the same page could ask.
    browser.open(re.sub(r"<meta http-equiv.*?>", "", with_script(page, script), flags=re.DOTALL))
    assert sorted(browser.requests) == ["/fetched", "/image"]


def test_the_page_names_nothing_outside_itself(make_map: MakeMap) -> None:
    page = format_page(make_map())
    assert re.findall(r"https?:[^\"]*", page) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"\b(src|href|url|@import)\b *[=(:]", page)
    assert "default-src 'none'" in page
