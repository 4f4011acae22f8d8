"""A hub on the loopback interface: the parts of Hugging Face's HTTP interface that pulling a model uses.

Source: the requests that huggingface_hub sends and the headers that it reads from the answers.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

_API = re.compile(r"/api/models/(?P<name>[^/]+/[^/]+)(?:/revision/(?P<revision>[^/]+))?")
_RESOLVE = re.compile(r"/(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
_STORAGE = "/storage"
_LARGE_BYTES = 1000  # Files from this size on are stored beside git, and hashed with sha256.


@dataclass
class Repository:
    """A repository at one commit.

    Attributes:
        files: Name and content.
        card: What the head of its card says.
        revisions: Names that mean this commit.
        gated: Only the holder of ``token`` may read the files.
        private: Only the holder of ``token`` learns that it exists.
    """

    files: dict[str, bytes]
    card: dict[str, Any] = field(default_factory=dict)
    revisions: tuple[str, ...] = ("main",)
    gated: bool = False
    private: bool = False
    token: str = "hf_of_the_owner"

    @property
    def commit(self) -> str:
        digest = hashlib.sha1()
        for name, content in sorted(self.files.items()):
            digest.update(name.encode() + hashlib.sha1(content).digest())
        return digest.hexdigest()


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    range: str | None
    authorization: str | None


@dataclass
class LocalHub:
    """What the server serves, how it misbehaves, and what it was asked.

    Attributes:
        repositories: By name.
        cut_after: Hang up once after so many bytes of the file of that name, and never again.
        is_down: Hang up without an answer.
        altered: Files whose content arrives with one bit changed.
        ignores_ranges: Answer with the whole file whatever part is asked for.
        moved: New names of repositories by their old ones; who asks for an old one is sent to the new one.
        has_storage: Large files are stored under another name of this machine, to which the asker is sent.
        refusal: Status and error message of every answer.
        stall_after: Send so many bytes of the file of that name, then nothing until ``resume`` is set.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    cut_after: dict[str, int] = field(default_factory=dict)
    is_down: bool = False
    altered: set[str] = field(default_factory=set)
    ignores_ranges: bool = False
    moved: dict[str, str] = field(default_factory=dict)
    has_storage: bool = False
    refusal: tuple[int, str] | None = None
    stall_after: dict[str, int] = field(default_factory=dict)
    resume: threading.Event = field(default_factory=threading.Event)
    requests: list[Request] = field(default_factory=list)
    endpoint: str = ""

    def downloads(self, file: str) -> list[str | None]:
        """The ranges that were asked for of a file; None is all of it."""
        return [request.range for request in self.requests if request.path.endswith(f"/{file}")]


class HubServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: LocalHub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub
        hub.endpoint = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is part of some tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def do_GET(self) -> None:
        hub, path = self.server.hub, unquote(urlsplit(self.path).path)
        authorization = self.headers.get("Authorization")
        hub.requests.append(Request(self.command, path, self.headers.get("Range"), authorization))
        if hub.is_down:
            self.close_connection = True
            return
        if hub.refusal is not None:
            status, message = hub.refusal
            self._send_head(status, {"Content-Length": "0", "X-Error-Message": message})
            return
        if old := next((name for name in hub.moved if f"/{name}/" in f"{path}/"), None):
            self._redirect(307, path.replace(old, hub.moved[old]))
            return
        path = path.removeprefix(_STORAGE)
        if match := _API.fullmatch(path):
            self._describe(match["name"], match["revision"] or "main", authorization)
        elif match := _RESOLVE.fullmatch(path):
            self._send_file(match["name"], match["revision"], match["file"], authorization)
        else:
            self._refuse(404, None)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _describe(self, name: str, revision: str, authorization: str | None) -> None:
        repository = self._find(name, revision, authorization)
        if repository is None:
            return
        document = {
            "id": name,
            "sha": repository.commit,
            "cardData": repository.card,
            "tags": [f"license:{repository.card['license']}"] if "license" in repository.card else [],
            "gated": "manual" if repository.gated else False,
            "siblings": [_describe_file(file, content) for file, content in repository.files.items()],
        }
        body = json.dumps(document).encode()
        self._send_head(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        self.wfile.write(body)

    def _send_file(self, name: str, revision: str, file: str, authorization: str | None) -> None:
        hub = self.server.hub
        repository = self._find(name, revision, authorization)
        if repository is None:
            return
        if repository.gated and authorization != f"Bearer {repository.token}":
            self._refuse(403, "GatedRepo")
            return
        if file not in repository.files:
            self._refuse(404, "EntryNotFound")
            return
        content = repository.files[file]
        if hub.has_storage and len(content) >= _LARGE_BYTES and not self.path.startswith(_STORAGE):
            port = self.server.server_address[1]
            self._redirect(302, f"http://localhost:{port}{_STORAGE}{self.path}")
            return
        start = 0
        if (wanted := self.headers.get("Range")) and not hub.ignores_ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        head = {
            "Content-Length": str(len(content) - start),
            "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
            "X-Repo-Commit": repository.commit,
            "Accept-Ranges": "bytes",
        }
        if start:
            head["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._send_head(206 if start else 200, head)
        if file in hub.altered:
            content = content[:-1] + bytes([content[-1] ^ 1])
        self._send_body(file, content[start:])

    def _send_body(self, file: str, body: bytes) -> None:
        hub = self.server.hub
        if (end := hub.cut_after.pop(file, None)) is not None:
            body = body[:end]
            self.close_connection = True
        if (pause := hub.stall_after.get(file)) is not None:
            self.wfile.write(body[:pause])
            self.wfile.flush()
            hub.resume.wait(30)
            body = body[pause:]
        self.wfile.write(body)

    def _find(self, name: str, revision: str, authorization: str | None) -> Repository | None:
        repository = self.server.hub.repositories.get(name)
        if repository is None or (repository.private and authorization != f"Bearer {repository.token}"):
            self._refuse(401 if authorization is None else 404, "RepoNotFound")
            return None
        if revision not in (*repository.revisions, repository.commit):
            self._refuse(404, "RevisionNotFound")
            return None
        return repository

    def _redirect(self, status: int, address: str) -> None:
        self._send_head(status, {"Content-Length": "0", "Location": address})

    def _refuse(self, status: int, code: str | None) -> None:
        self._send_head(status, {"Content-Length": "0", **({"X-Error-Code": code} if code else {})})

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _describe_file(name: str, content: bytes) -> dict[str, Any]:
    described: dict[str, Any] = {
        "rfilename": name,
        "size": len(content),
        "blobId": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(),
    }
    if len(content) >= _LARGE_BYTES:
        described["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return described
