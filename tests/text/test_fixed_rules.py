"""English rules for all languages."""

from __future__ import annotations

import json
from pathlib import Path

from xlmcli.text import load_tokenizer
from xlmcli.text.fixed_rules import FixedRulesTokenizer
from xlmcli.text.special import RESERVED_PIECES


def test_every_language_follows_the_english_rules(tmp_path: Path) -> None:
    pieces = [*RESERVED_PIECES, "l</w>", "'", "a", "l", "a</w>", "'</w>"]
    (tmp_path / "vocab.json").write_text(json.dumps({piece: index for index, piece in enumerate(pieces)}))
    (tmp_path / "merges.txt").write_text("", encoding="utf-8")
    plain = load_tokenizer(tmp_path)
    fixed = FixedRulesTokenizer(plain)
    # English keeps the apostrophe with the word on its right, French with that on its left.
    assert plain.encode("l'a", "fr") == [17, 19, 18]
    assert fixed.encode("l'a", "fr") == plain.encode("l'a", "en") == [14, 15, 18]
    assert fixed.encode_batch(["l'a", "a"], "fr") == [[14, 15, 18], [18]]
    # Chinese and Thai need no segmenter then.
    assert fixed.encode("a", "th") == [18]
    assert (fixed.vocab, fixed.vocab_size) == (plain.vocab, plain.vocab_size)
    assert fixed.decode_batch([[18, 18]], "fr") == [fixed.decode([18, 18])] == ["a a"]
    (tmp_path / "copy").mkdir()
    fixed.save(tmp_path / "copy")
    assert load_tokenizer(tmp_path / "copy").vocab == plain.vocab
