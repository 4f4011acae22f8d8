from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from xlmcli.figures import PICTURE_SUFFIXES, find_fonts, new_figure, save_figure


def test_fonts_are_found_for_what_the_usual_one_lacks() -> None:
    from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

    usual, *none = find_fonts("plain")
    assert none == []
    # Of the fonts that come with matplotlib, some have letters of their own, and some in their bold faces alone.
    drawn = {font.name: findfont(FontProperties(family=[font.name])) for font in fontManager.ttflist}
    letters = {name: set(get_font(path).get_charmap()) for name, path in drawn.items()}
    rare = next(
        code for name in letters if not name.startswith("Last") for code in sorted(letters[name] - letters[usual])
    )
    fonts = find_fonts(f"plain{chr(rare)}")
    assert fonts[0] == usual
    assert any(rare in letters[name] for name in fonts[1:])
    assert find_fonts("\U0010fffd") == [usual]


@pytest.mark.parametrize("suffix", PICTURE_SUFFIXES)
def test_the_same_figure_gives_the_same_file(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    # As early and as late as a date in a file can tell apart.
    for epoch in ("0", "1000000000"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        figure = new_figure(3, 3)
        figure.subplots().plot([1, 2], [3, 4], marker="o")
        save_figure(figure, tmp_path / f"plot{suffix}")
        written.append((tmp_path / f"plot{suffix}").read_bytes())
    assert written[0] == written[1]
