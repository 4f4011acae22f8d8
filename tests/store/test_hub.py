"""What the hub answers, and what the user is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from xlmcli.errors import ExitCode

Run = Callable[..., tuple[int, str, str]]
NAME = "team/mt-en-fr"


def test_an_unknown_name(xlm: Run, served: Any) -> None:
    code, out, err = xlm("models", "pull", "team/nothing")
    assert (code, out) == (ExitCode.MODEL, "")
    assert f"no model named 'team/nothing' on {served.endpoint}" in err
    assert "hint: write OWNER/NAME" in err
    assert "HF_TOKEN" in err


def test_an_unknown_revision(xlm: Run, served: Any) -> None:
    code, _, err = xlm("models", "pull", NAME, "--revision", "v9")
    assert code == ExitCode.MODEL
    assert f"{NAME} has no revision 'v9'" in err


def test_a_gated_model_needs_a_token(xlm: Run, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    served.repositories[NAME].gated = True
    code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.MODEL
    assert f"{NAME} is gated" in err
    assert f"ask on {served.endpoint}/{NAME}" in err
    assert "HF_TOKEN" in err
    monkeypatch.setenv("HF_TOKEN", served.repositories[NAME].token)
    assert xlm("models", "pull", NAME)[0] == ExitCode.OK


def test_a_private_model_is_as_good_as_none_without_a_token(
    xlm: Run, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.repositories[NAME].private = True
    for token in ("", "hf_of_somebody_else"):
        monkeypatch.setenv("HF_TOKEN", token)
        code, _, err = xlm("models", "pull", NAME)
        assert code == ExitCode.MODEL
        assert "no model named" in err
        assert "HF_TOKEN" in err
    monkeypatch.setenv("HF_TOKEN", served.repositories[NAME].token)
    assert xlm("models", "pull", NAME)[0] == ExitCode.OK


def test_a_token_that_cannot_be_one(xlm: Run, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_clé")
    code, out, err = xlm("models", "pull", NAME)
    assert (code, out) == (ExitCode.MODEL, "")
    assert "error: the token for the hub has characters that no token has\n\nhint: set HF_TOKEN" in err
    assert "clé" not in err


@pytest.mark.parametrize(
    ("status", "message", "told", "hint"),
    [
        (401, "Invalid credentials in Authorization header", "does not accept the token", "set HF_TOKEN to one"),
        (403, "Not for you", "does not let this user have team/mt-en-fr", "HF_TOKEN, or a login"),
        (403, "Access to this resource is disabled.", "has closed team/mt-en-fr to everybody", "may say why"),
        (418, "", "answered 418 for team/mt-en-fr", "XLM_DEBUG=1"),
    ],
)
def test_refusals_name_the_way_out(xlm: Run, served: Any, status: int, message: str, told: str, hint: str) -> None:
    served.refusal = (status, message)
    code, out, err = xlm("models", "pull", NAME)
    assert (code, out) == (ExitCode.MODEL, "")
    assert told in err
    assert hint in err.partition("hint: ")[2]


def test_too_many_requests(xlm: Run, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.utils import _http

    monkeypatch.setattr(_http.time, "sleep", lambda seconds: None)
    served.refusal = (429, "")
    code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.MODEL
    assert "has had too many requests" in err
    assert "wait some minutes" in err


def test_a_hub_that_cannot_be_reached(xlm: Run, served: Any) -> None:
    served.is_down = True
    code, _, err = xlm("models", "pull", NAME)
    assert code == ExitCode.MODEL
    assert f"{served.endpoint} cannot be reached or hung up" in err


def test_a_model_that_was_moved(xlm: Run, served: Any) -> None:
    served.moved["old/mt"] = NAME
    assert xlm("models", "pull", "old/mt")[:2] == (ExitCode.OK, "mt\n")


def test_a_file_that_lies_elsewhere_goes_on_there_and_the_token_stays_here(
    xlm: Run, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.has_storage = True
    served.cut_after["model.bin"] = 300_000
    monkeypatch.setenv("HF_TOKEN", served.repositories[NAME].token)
    assert xlm("models", "pull", NAME)[0] == ExitCode.OK
    stored = [request for request in served.requests if request.path.startswith("/storage/")]
    ranges = [request.range for request in stored if request.path.endswith("/model.bin")]
    assert ranges[0] is None
    assert ranges[1] is not None
    assert {request.authorization for request in stored} == {None}
    assert any(request.authorization for request in served.requests)
