"""The model that serves a direction is found by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from xlmcli.bundle import find_model, open_bundle, seal
from xlmcli.bundle.choosing import Step, find_route, find_translator, find_translators, iter_directions
from xlmcli.errors import ModelError, UsageError
from xlmcli.records import Direction

Pull = Callable[..., Path]


@pytest.fixture
def pull(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pull:
    """Puts a model among those that were pulled: ``pull("name", "nl-en", …)``, with ``num_bytes`` more in it.

    Without directions it translates between any two of sw, zu, xh.
    """
    monkeypatch.setenv("XLM_HOME", str(tmp_path))
    manifest = open_bundle(tiny_bundle).manifest
    assert manifest.translation is not None
    part = manifest.translation

    def make(name: str, *directions: str, num_bytes: int = 0) -> Path:
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        for path in tiny_bundle.iterdir():
            if path.name not in ("xlm.json", "model.bin"):
                (folder / path.name).symlink_to(path)
        (folder / "model.bin").write_bytes((tiny_bundle / "model.bin").read_bytes() + bytes(num_bytes))
        chosen = tuple(map(Direction.parse, directions))
        langs = {
            code: row
            for row, code in enumerate(dict.fromkeys(code for item in chosen for code in (item.src, item.tgt)))
        }
        many = () if chosen else ("sw", "zu", "xh")
        langs |= {code: row for row, code in enumerate(many)}
        changed = replace(part, directions=chosen, sources=many, targets=many)
        seal(folder, replace(manifest, languages=langs, translation=changed))
        return folder

    return make


def test_the_embedded_model_comes_first(pull: Pull) -> None:
    pull("mine", "en-fr")
    assert find_translator(None, "en", "fr") == find_translator(None, None, "fr") == find_model()
    assert find_translator(None, None, None) == find_model()


def test_a_pulled_one_serves_other_directions_the_smallest_first(pull: Pull) -> None:
    large, small = pull("a", "en-nl", num_bytes=100), pull("b", "en-nl", "nl-en")
    assert find_translator(None, "en", "nl") == small
    assert find_translator(None, None, "nl") == small
    assert find_translator("a", "en", "fr") == large, "who names a model gets it"


def test_all_that_translate_into_a_language_are_found_in_that_order(pull: Pull) -> None:
    large, small = pull("a", "nl-fr", "en-fr", num_bytes=100), pull("b", "nl-fr", "fr-nl")
    first, *others = find_translators(None, "fr")
    assert (first, others[-2:]) == (find_model(), [small, large])
    assert find_translators("b", "en") == [small], "who names a model gets it"
    assert find_translators(None, None) == [find_model()]
    with pytest.raises(ModelError, match="no model that is here translates into 'zu'"):
        find_translators(None, "zu")


def test_directions_are_listed_with_the_model_that_is_found(pull: Pull) -> None:
    pull("a", "en-nl", "nl-fr", "en-fr", num_bytes=100)
    pull("b", "en-nl", "nl-en")
    (pull("c", "en-nl", "en-ro") / "model.bin").unlink()
    many = pull("many", num_bytes=200)
    listed = list(iter_directions())
    assert listed[-4:] == [("en-nl", "b"), ("nl-en", "b"), ("nl-fr", "a"), ("between any two of sw, zu, xh", "many")]
    assert len(dict(listed)) == len(listed)
    for direction, name in listed[:-1]:
        assert find_translator(None, *direction.split("-")) == find_model(name)
    assert find_translator(None, "sw", "zu") == many
    pull("later", "sw-zu", "zu-nl", num_bytes=300)
    assert list(iter_directions()) == [*listed, ("zu-nl", "later")]


def test_what_is_damaged_is_passed_over(pull: Pull) -> None:
    folder, other = pull("a", "en-nl"), pull("b", "en-nl", num_bytes=100)
    (folder / "xlm.json").write_text("{", encoding="utf-8")
    assert find_translator(None, "en", "nl") == other


def test_where_none_serves_the_hint_says_what_there_is(pull: Pull) -> None:
    pull("small", "nl-en")
    with pytest.raises(ModelError, match="no model that is here translates from 'en' into 'nl'") as caught:
        find_translator(None, "en", "nl")
    hint = caught.value.hint or ""
    assert hint.startswith("en-fr translates en-fr, fr-en; ")
    assert "; small translates nl-en; " in hint
    assert "xlm models pull Helsinki-NLP/opus-mt-en-nl" in hint
    with pytest.raises(ModelError, match="no model that is here translates into 'nl'"):
        find_translator(None, None, "nl")


def test_a_way_through_english(pull: Pull) -> None:
    pulled = pull("small", "nl-en")
    way = [Step(pulled, "nl", "en"), Step(find_model(), "en", "fr")]
    assert find_route(None, "nl", "fr", pivot=True) == way
    assert find_route(None, "en", "fr", pivot=True) == [Step(find_model(), "en", "fr")], (
        "it is not gone where there is none"
    )
    with pytest.raises(ModelError, match="from 'nl' into 'fr'"):
        find_route(None, "nl", "fr", pivot=False)
    with pytest.raises(ModelError, match="from 'en' into 'ro'"):
        find_route(None, "nl", "ro", pivot=True)
    with pytest.raises(ModelError, match="from 'en' into 'ro'"):
        find_route(None, "en", "ro", pivot=True)
    assert find_route("en-fr", "en", "nl", pivot=True) == [Step(find_model("en-fr"), "en", "nl")], (
        "no way through itself"
    )
    with pytest.raises(UsageError, match="--pivot needs both languages"):
        find_route(None, None, "fr", pivot=True)
