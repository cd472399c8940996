"""A model hub on loopback: as much of the Hugging Face Hub's protocol as pushing and fetching one repository takes."""

import base64
import hashlib
import json
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlparse

COMMIT = "c" * 40
FILES: dict[str, dict[str, bytes]] = {}


class Hub(BaseHTTPRequestHandler):
    """Repositories in memory: {"owner/name": {path: bytes}}."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Be quiet."""

    def _reply(self, body: Any, status: int = 200, headers: dict[str, str] | None = None, head: bool = False) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(data)), "X-Repo-Commit": COMMIT} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if not head:
            self.wfile.write(data)

    def _missing(self) -> None:
        self._reply({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})

    def do_POST(self) -> None:
        """Create, ask how to upload, commit."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlparse(self.path).path
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = "/".join(part for part in (asked.get("organization"), asked["name"]) if part)
            FILES.setdefault(name, {})
            self._reply({"url": f"http://{self.headers['Host']}/{name}", "name": name})
        elif path == "/api/validate-yaml":
            self._reply({"errors": [], "warnings": []})
        elif path.endswith("/preupload/main"):
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]
            ]
            self._reply({"files": files})
        elif path.endswith("/commit/main"):
            name = path.removeprefix("/api/models/").removesuffix("/commit/main")
            for line in body.splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    FILES[name][entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            url = f"http://{self.headers['Host']}/{name}/commit/{COMMIT}"
            self._reply({"success": True, "commitOid": COMMIT, "commitUrl": url, "hookOutput": ""})
        else:
            self._missing()

    def do_GET(self) -> None:
        """List a repository, or send a file."""
        self._answer(head=False)

    def do_HEAD(self) -> None:
        """The same without the body."""
        self._answer(head=True)

    def _answer(self, head: bool) -> None:
        path = unquote(urlparse(self.path).path)
        if path.startswith("/api/models/"):
            name = "/".join(path.split("/")[3:5])
            if name not in FILES:
                return self._missing()
            if path.split("/")[5:6] == ["tree"]:
                tree = [
                    {"type": "file", "path": f, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                    for f, data in sorted(FILES[name].items())
                ]
                return self._reply(tree, head=head)
            files = [{"rfilename": f, "size": len(data)} for f, data in sorted(FILES[name].items())]
            return self._reply({"id": name, "modelId": name, "sha": COMMIT, "siblings": files, "tags": []}, head=head)
        owner, repo, *rest = path.strip("/").split("/")  # rest: resolve, revision, the file's path
        data = FILES.get(f"{owner}/{repo}", {}).get("/".join(rest[2:]))
        if data is None:
            return self._reply({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"}, head=head)
        return self._reply(data, headers={"ETag": f'"{hashlib.sha1(data).hexdigest()}"'}, head=head)
