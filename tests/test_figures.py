from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from xlmcli.figures import find_fonts


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
