"""A Hugging Face hub on this machine: the API that huggingface_hub uses too, with a second server on another port for
large files, and faults on demand."""
import hashlib
import json
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


def git_blob_id(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class File:
    def __init__(self, content, large):
        self.content, self.large = content, large
        self.etag = hashlib.sha256(content).hexdigest() if large else git_blob_id(content)


class Fault:
    """What to do instead of a proper answer, the first `times` that a request fits."""

    def __init__(self, method, path, times, status=None, headers=(), cut=None, stall=None, content=None, no_range=False,
                 pace=None, extra=b""):
        self.method, self.path, self.times = method, re.compile(path), times
        self.status, self.headers, self.cut, self.stall = status, dict(headers), cut, stall
        self.content, self.no_range, self.pace, self.extra = content, no_range, pace, extra


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that leaves is no news."""


class Hub:
    """A server on 127.0.0.1 for the API (`url`), and one for large files (`store_url`)."""

    def __init__(self, tls=None):
        self.repos = {}      # name -> {"revisions": {name: commit}, "files": {commit: {name: File}}}
        self.token = None    # needed by every request, if set
        self.faults = []
        self.requests = []   # (server, method, path, headers)
        self.guard = threading.Lock()
        self.api = self.start("api", tls)
        self.store = self.start("store")
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.api.server_port}"
        self.store_url = f"http://127.0.0.1:{self.store.server_port}"

    def start(self, name, tls=None):
        server = Server(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": self, "name": name}))
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def stop(self):
        for server in (self.api, self.store):
            server.shutdown()
            server.server_close()

    def add(self, repo, commit, files, revisions=("main",)):
        """files: name -> content, large if the name ends so that git-lfs takes it."""
        entry = self.repos.setdefault(repo, {"revisions": {}, "files": {}})
        entry["revisions"].update({revision: commit for revision in (*revisions, commit)})
        entry["files"][commit] = {n: File(c, n.endswith((".pt", ".onnx", ".safetensors"))) for n, c in files.items()}

    def fail(self, method, path, times=1, **how):
        self.faults.append(Fault(method, path, times, **how))

    def take_fault(self, method, path):
        with self.guard:
            for fault in self.faults:
                if fault.times > 0 and fault.method == method and fault.path.search(path):
                    fault.times -= 1
                    return fault
        return None

    def seen(self, method, path=""):
        """The requests of this method whose path matches."""
        with self.guard:
            return [r for r in self.requests if r[1] == method and re.search(path, r[2])]

    def large_file(self, etag):
        for repo in self.repos.values():
            for files in repo["files"].values():
                for file in files.values():
                    if file.etag == etag:
                        return file
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = None
    name = ""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer(True)

    def do_HEAD(self):
        self.answer(False)

    def answer(self, with_body):
        with self.hub.guard:
            self.hub.requests.append((self.name, self.command, self.path, dict(self.headers)))
        fault = self.hub.take_fault(self.command, self.path)
        if fault and fault.stall:
            time.sleep(fault.stall)
        if fault and fault.status:
            return self.reply(fault.status, fault.headers, fault.content or b"", with_body)
        path, host = urlsplit(self.path).path, urlsplit(self.path).netloc  # a host: we are asked as a proxy
        if self.name == "store" or (host and host in self.hub.store_url):
            if "Authorization" in self.headers:  # as S3 does where the address is signed
                return self.reply(400, {}, b"", with_body)
            file = self.hub.large_file(path.rsplit("/", 1)[-1])
            return self.reply_file(file, {"ETag": '"of-the-store"'}, with_body, fault)
        if self.hub.token and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            return self.reply(401, {"X-Error-Code": "RepoNotFound"}, b"", with_body)
        match = re.fullmatch(r"/api/models/(.+)/revision/([^/]+)", path)
        if match:
            return self.reply_listing(match[1], unquote(match[2]), with_body)
        for pattern in (r"/(.+?)/resolve/([^/]+)/(.+)", r"/api/resolve-cache/(.+)/([0-9a-f]{40})/(.+)"):
            match = re.fullmatch(pattern, path)
            if match:
                cached = "resolve-cache" in pattern
                return self.reply_resolve(match[1], unquote(match[2]), unquote(match[3]), cached, with_body, fault)
        return self.reply(404, {}, b"", with_body)

    def reply_listing(self, repo, revision, with_body):
        entry = self.hub.repos.get(repo)
        if not entry:
            return self.reply(401, {"X-Error-Code": "RepoNotFound"}, b"", with_body)  # as the hub does
        commit = entry["revisions"].get(revision)
        if not commit:
            return self.reply(404, {"X-Error-Code": "RevisionNotFound"}, b"", with_body)
        files = [{"rfilename": name} for name in entry["files"][commit]]
        body = json.dumps({"id": repo, "sha": commit, "siblings": files, "tags": [], "downloads": 0, "private": False})
        return self.reply(200, {"Content-Type": "application/json"}, body.encode(), with_body)

    def reply_resolve(self, repo, revision, name, cached, with_body, fault):
        entry = self.hub.repos.get(repo)
        if not entry:
            return self.reply(404, {"X-Error-Code": "RepoNotFound"}, b"", with_body)
        commit = entry["revisions"].get(revision)
        if not commit:
            return self.reply(404, {"X-Error-Code": "RevisionNotFound"}, b"", with_body)
        file = entry["files"][commit].get(name)
        if not file:
            return self.reply(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}, b"", with_body)
        headers = {"X-Repo-Commit": commit, "X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": len(file.content)}
        if file.large:
            return self.reply(302, {**headers, "Location": f"{self.hub.store_url}/{file.etag}?signature=x%20y"}, b"", with_body)
        if not cached:  # the hub answers so since 2025
            return self.reply(307, {**headers, "Location": f"/api/resolve-cache/{repo}/{commit}/{name}"}, b"", with_body)
        return self.reply_file(file, {"X-Repo-Commit": commit, "ETag": f'W/"{file.etag}"'}, with_body, fault)

    def reply_file(self, file, headers, with_body, fault):
        if not file:
            return self.reply(404, {}, b"", with_body)
        content = fault.content if fault and fault.content is not None else file.content
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not asked or (fault and fault.no_range):
            return self.reply(200, headers, content, with_body, fault)
        start = int(asked[1])
        if start >= len(content):
            return self.reply(416, {"Content-Range": f"bytes */{len(content)}"}, b"", with_body)
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self.reply(206, {**headers, "Content-Range": span}, content[start:], with_body, fault)

    def reply(self, status, headers, body, with_body, fault=None):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        extra = fault.extra if fault else b""
        self.send_header("Content-Length", str(len(body) + len(extra)))
        self.end_headers()
        if not with_body:
            return None
        body += extra
        if fault and fault.cut is not None:
            self.wfile.write(body[:fault.cut])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return None
        step = fault.pace if fault and fault.pace else 1 << 16
        for at in range(0, len(body), step):
            try:
                self.wfile.write(body[at:at + step])
            except OSError:
                self.close_connection = True
                return None
            if fault and fault.pace:
                time.sleep(0.01)
        return None
