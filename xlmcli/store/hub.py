"""The hub, as far as pulling needs it: what a repository holds, and the bytes of its files. Imports huggingface_hub.

huggingface_hub's own downloads begin again after the program was stopped (seen in 2.4), so ours read the stream from
where the last one ended; names, tokens, retries and errors are its business.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlmcli import __version__
from xlmcli.environment import require_network
from xlmcli.errors import ModelError, UsageError, XlmError

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

DEFAULT_ENDPOINT = "https://huggingface.co"
DEFAULT_REVISION = "main"
GO_ON_HINT = "what has been downloaded stays; the same command goes on from there"

_TIMEOUT_SECONDS = 20.0
_CHUNK_BYTES = 1 << 16
_COMMIT = re.compile(r"[0-9a-f]{40,64}")  # It becomes a part of a path.


class ConnectionLostError(ModelError):
    """The hub cannot be reached, or hung up in the middle."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository.

    Attributes:
        name: Its path in the repository.
        num_bytes: Its size.
        sha256: Its hash, of files that are stored beside git (large ones).
        git_sha1: Its hash as git computes it, of the others.
    """

    name: str
    num_bytes: int
    sha256: str | None = None
    git_sha1: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A repository at one commit.

    Attributes:
        repository: Its name, such as ``FacebookAI/xlm-mlm-en-2048``.
        revision: What was asked for.
        commit: What that is.
        licence: As its card says it, or None.
        files: All that it holds.
    """

    repository: str
    revision: str
    commit: str
    licence: str | None
    files: tuple[RemoteFile, ...]


class Hub:
    """A hub that speaks Hugging Face's protocol.

    Args:
        endpoint: Its address; None is ``HF_ENDPOINT``, or Hugging Face's own.

    Raises:
        UsageError: The network is forbidden; nothing was sent.
    """

    def __init__(self, endpoint: str | None = None) -> None:
        require_network("to get models from the hub; xlm models list shows those that are here")
        self.endpoint = (endpoint or os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")
        # What is on the machine is nobody's business; it would also be one request more.
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        import huggingface_hub.utils  # When it is imported it sets a level of its own.

        logging.getLogger(huggingface_hub.__name__).setLevel(logging.ERROR)

    def describe(self, repository: str, revision: str) -> Snapshot:
        """Asks what a repository holds.

        Raises:
            ModelError: There is no such repository or revision, it is closed to this user, or the hub does not answer.
            UsageError: ``repository`` cannot be a name.
        """
        from huggingface_hub import HfApi, get_token

        if not (get_token() or "").isascii():
            raise ModelError(
                "the token for the hub has characters that no token has",
                hint="set HF_TOKEN to a valid one, or log in anew (hf auth login); public models need none",
            )
        api = HfApi(endpoint=self.endpoint, library_name="xlmcli", library_version=__version__)
        with self._errors(repository, revision):
            info = api.model_info(repository, revision=revision, timeout=_TIMEOUT_SECONDS, files_metadata=True)
        if info.sha is None or not _COMMIT.fullmatch(info.sha):
            raise ModelError(f"{self.endpoint} does not say which commit of {repository} {revision!r} is")
        files = tuple(map(_read_file, info.siblings or ()))
        return Snapshot(repository, revision, info.sha, _read_licence(info), files)

    @contextlib.contextmanager
    def open(self, snapshot: Snapshot, file: RemoteFile, offset: int) -> Iterator[Iterator[bytes]]:
        """Opens the stream of a file's bytes from ``offset`` on.

        Raises:
            ConnectionLostError: The hub cannot be reached, or hung up in the middle.
            ModelError: The hub refuses the file.
        """
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_stream_backoff

        url = hf_hub_url(snapshot.repository, file.name, revision=snapshot.commit, endpoint=self.endpoint)
        headers = build_hf_headers(library_name="xlmcli", library_version=__version__)
        # As it is: a range is one of the file's own bytes, not of a compressed copy.
        headers["Accept-Encoding"] = "identity"
        if offset:
            headers["Range"] = f"bytes={offset}-"
        with (
            self._errors(snapshot.repository, snapshot.revision),
            http_stream_backoff(
                "GET", url, headers=headers, timeout=_TIMEOUT_SECONDS, retry_on_exceptions=(), max_retries=2
            ) as response,
        ):
            hf_raise_for_status(response)
            chunks = response.iter_bytes(_CHUNK_BYTES)
            # 200 is the whole file: this server knows no ranges.
            yield _skip(chunks, offset) if response.status_code == 200 else chunks

    @contextlib.contextmanager
    def _errors(self, repository: str, revision: str) -> Iterator[None]:
        from huggingface_hub import errors

        page = f"{self.endpoint}/{repository}"
        try:
            yield
        except errors.HFValidationError:
            raise UsageError(
                f"not the name of a model on the hub: {repository!r}", hint="write OWNER/NAME as its page does"
            ) from None
        except errors.GatedRepoError:
            raise ModelError(
                f"{repository} is gated: its owner decides who may have it",
                hint=f"ask on {page}, then log in (hf auth login) or set HF_TOKEN",
            ) from None
        except errors.RepositoryNotFoundError:
            raise ModelError(
                f"no model named {repository!r} on {self.endpoint}",
                hint="write OWNER/NAME as its page does; a private one needs a login (hf auth login) or HF_TOKEN",
            ) from None
        except errors.RevisionNotFoundError:
            raise ModelError(
                f"{repository} has no revision {revision!r}", hint=f"{page}/commits/{DEFAULT_REVISION} lists them"
            ) from None
        except errors.DisabledRepoError:
            raise ModelError(f"the hub has closed {repository} to everybody", hint=f"{page} may say why") from None
        except errors.HfHubHTTPError as error:
            raise _refusal(error, self.endpoint, repository) from error
        except XlmError:
            raise
        except Exception as error:
            if _is_of_the_network(error):
                raise ConnectionLostError(
                    f"{self.endpoint} cannot be reached or hung up: {str(error) or type(error).__name__}",
                    hint=GO_ON_HINT,
                ) from error
            raise


def _refusal(error: HfHubHTTPError, endpoint: str, repository: str) -> ModelError:
    status = error.response.status_code
    if status == 401:
        return ModelError(
            f"{endpoint} does not accept the token that it was sent for {repository}",
            hint="set HF_TOKEN to one that is valid, or log in anew (hf auth login); public models need none",
        )
    if status == 403:
        return ModelError(
            f"{endpoint} does not let this user have {repository}",
            hint="HF_TOKEN, or a login (hf auth login), must be of a user who may read it",
        )
    if status == 429:
        return ModelError(f"{endpoint} has had too many requests from here", hint=f"wait some minutes; {GO_ON_HINT}")
    return ModelError(f"{endpoint} answered {status} for {repository}", hint="XLM_DEBUG=1 shows more; or try later")


def _is_of_the_network(error: Exception) -> bool:
    # The HTTP library is httpx up to huggingface_hub 1 and httpx2 since 2, so its errors are known by module here.
    return isinstance(error, ConnectionError) or type(error).__module__.partition(".")[0] in ("httpx", "httpx2")


def _skip(chunks: Iterator[bytes], num_bytes: int) -> Iterator[bytes]:
    for chunk in chunks:
        if num_bytes < len(chunk):
            yield chunk[num_bytes:]
        num_bytes = max(0, num_bytes - len(chunk))


def _read_file(sibling: RepoSibling) -> RemoteFile:
    if sibling.size is None or (sibling.lfs is None and sibling.blob_id is None):
        raise ModelError(f"the hub does not say the size and the hash of {sibling.rfilename}")
    if sibling.lfs is not None:
        return RemoteFile(sibling.rfilename, sibling.size, sha256=sibling.lfs.sha256)
    return RemoteFile(sibling.rfilename, sibling.size, git_sha1=sibling.blob_id)


def _read_licence(info: ModelInfo) -> str | None:
    """Returns the licence of a card, which may be a list or "other" with a name beside; else the tag of the same."""
    card = info.card_data
    licence = card.get("license") if card is not None else None
    if licence == "other" and card is not None and card.get("license_name"):
        licence = card.get("license_name")
    if isinstance(licence, list):
        licence = ", ".join(map(str, licence))
    tags = [tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:")]
    return str(licence) if licence else ", ".join(tags) or None
