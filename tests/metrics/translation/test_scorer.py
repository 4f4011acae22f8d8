from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest
import sacrebleu
from sacrebleu.tokenizers import tokenizer_spm

from xlmcli.errors import DataError, MissingExtraError, UsageError
from xlmcli.metrics.translation import scorer as translation
from xlmcli.metrics.translation.scorer import MetricOptions, corpus_bleu, open_scorers

HYPOTHESES = ["The cat sat on the mat.", "A dog ate my homework today.", "It rains."]
REFERENCES = ["The cat sat on a mat.", "The dog ate my homework today.", "It is raining."]


def score(hypotheses: list[str], references: list[list[str]]) -> dict[str, tuple[float, str]]:
    """Value and signature of every metric that is computed where nobody says which."""
    scorers = open_scorers(MetricOptions(), len(references))
    return {item.name: (item.score(item.count([hypotheses], references)[0]), item.signature()) for item in scorers}


def test_bleu_is_sacrebleus() -> None:
    assert corpus_bleu(REFERENCES, [REFERENCES]) == pytest.approx(100)
    expected = sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES]).score
    assert corpus_bleu(HYPOTHESES, [REFERENCES]) == pytest.approx(expected)
    assert 10 < expected < 90


@pytest.mark.parametrize("tgt", ["zh", "zho_Hans", "ja", "jpn_Jpan", "ko"])
def test_text_without_spaces_is_no_single_word(tgt: str) -> None:
    near, far = (corpus_bleu([text], [["我今天早上很高兴见到你。"]], tgt) for text in ("我今天早上很高兴见你。", "abc"))
    assert near > 50 > far


def test_text_that_looks_tokenised_is_no_reason_for_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    captions = [f"{number} dogs run ." for number in range(200)]
    assert corpus_bleu(captions, [captions]) == pytest.approx(100)
    assert not caplog.records


def test_several_references_help() -> None:
    assert corpus_bleu(HYPOTHESES, [REFERENCES, HYPOTHESES]) == pytest.approx(100)


def test_scores_come_with_their_signatures() -> None:
    scores = score(HYPOTHESES, [REFERENCES])
    bleu, signature = scores["BLEU"]
    assert bleu == pytest.approx(corpus_bleu(HYPOTHESES, [REFERENCES]))
    assert signature.startswith("nrefs:1|case:mixed|")
    assert "tok:13a" in signature
    chrf, signature = scores["chrF2"]
    assert chrf == pytest.approx(sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES]).score)
    assert "nc:6|nw:0" in signature


# The example of sacreBLEU's README, with the figures printed there.
README_SYSTEM = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
README_REFERENCES = [
    ["The dog bit the man.", "It was not unexpected.", "The man bit him first."],
    ["The dog had bit the man.", "No one was surprised.", "The man had bitten the dog."],
]


def test_published_values() -> None:
    scores = score(README_SYSTEM, README_REFERENCES)
    assert f"{scores['BLEU'][0]:.2f}" == "48.53"
    assert f"{scores['chrF2'][0]:.2f}" == "59.73"
    assert scores["BLEU"][1].startswith("nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:")


def test_lines_are_scored_as_sentences() -> None:
    scorers = open_scorers(MetricOptions(("bleu", "chrf", "ter")), 1, for_sentences=True)
    for scorer, metric in zip(
        scorers, (sacrebleu.BLEU(effective_order=True), sacrebleu.CHRF(), sacrebleu.TER()), strict=True
    ):
        (stats,) = scorer.count([HYPOTHESES], [REFERENCES])
        expected = [metric.sentence_score(hyp, [ref]).score for hyp, ref in zip(HYPOTHESES, REFERENCES, strict=True)]
        assert scorer.score_each(stats) == expected
        assert scorer.signature() == str(metric.get_signature())


def test_counting_in_parts_is_counting_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    (whole,) = open_scorers(MetricOptions(("chrf",)), 2)[0].count([HYPOTHESES], [REFERENCES, HYPOTHESES[::-1]])
    monkeypatch.setattr(translation, "_LINES_AT_ONCE", 1)
    (parts,) = open_scorers(MetricOptions(("chrf",)), 2)[0].count([HYPOTHESES], [REFERENCES, HYPOTHESES[::-1]])
    assert (whole == parts).all()
    assert whole.shape == (3, 18)


@pytest.mark.parametrize(
    ("tgt", "tokenize", "signature"),
    [
        *((tgt, None, "tok:zh") for tgt in ("zh", "zh_Hant", "zho_Hans", "zh_CN", "zh-TW")),
        ("fr", None, "tok:13a"),
        ("zh", "char", "tok:char"),
    ],
)
def test_the_language_chooses_the_tokeniser_unless_it_is_given(tgt: str, tokenize: str | None, signature: str) -> None:
    (scorer,) = open_scorers(MetricOptions(("bleu",), tgt=tgt, tokenize=tokenize), 1)
    assert signature in scorer.signature()


def test_options_are_in_the_signatures() -> None:
    options = MetricOptions(("bleu", "chrf"), lowercase=True, chrf_word_order=2)
    bleu, chrf = open_scorers(options, 1)
    assert "case:lc" in bleu.signature()
    assert "case:lc" in chrf.signature()
    assert chrf.name == "chrF2++"
    with pytest.raises(UsageError, match="no such tokeniser"):
        MetricOptions(tokenize="words")


@pytest.mark.parametrize("tgt", ["ja", "ko"])
def test_a_tokeniser_that_is_not_installed_is_named(tgt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise RuntimeError("not installed")

    monkeypatch.setattr(translation, "BLEU", type("Missing", (sacrebleu.BLEU,), {"__init__": missing}))
    with pytest.raises(MissingExtraError, match=f"{tgt}-mecab") as caught:
        open_scorers(MetricOptions(("bleu",), tgt=tgt), 1)
    assert f"sacrebleu[{tgt}]" in str(caught.value.hint)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of sacreBLEU's cache of models."""
    for module in (translation, tokenizer_spm):
        monkeypatch.setattr(module, "SACREBLEU_DIR", str(tmp_path))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.mark.parametrize("tokenize", sorted(tokenizer_spm.SPM_MODELS))
def test_no_tokeniser_is_downloaded_where_the_network_is_forbidden(
    tokenize: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLM_OFFLINE", "1")
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_: pytest.fail("the network was used"))
    with pytest.raises(UsageError, match=r"not to be used \(XLM_OFFLINE=1\)") as caught:
        open_scorers(MetricOptions(("bleu",), tokenize=tokenize), 1)
    assert tokenize in str(caught.value.hint)
    assert not list(cache.iterdir())


def test_a_damaged_tokeniser_is_named(cache: Path) -> None:
    path = cache / "flores200sacrebleuspm"
    path.write_bytes(b"half of it")
    with pytest.raises(DataError, match="is damaged") as caught:
        open_scorers(MetricOptions(("bleu",), tokenize="flores200"), 1)
    assert str(path) in caught.value.message
