"""The real server, and what its backends are made of."""

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import queue
import re
import secrets
import signal
import socket
import subprocess
import threading
import time

import pytest

TESTS = pathlib.Path(__file__).resolve().parent.parent
SECRET = secrets.token_hex(32)
"""What tokens are signed with."""
HOOK_SECRET = secrets.token_hex(32)
"""What webhooks are signed with."""


def token(sub, **claims):
    """A token for no room, good for an hour unless the claims say otherwise."""

    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    claims = {"sub": sub, "exp": int(time.time()) + 3600} | claims
    signed = encode(b'{"alg":"HS256","typ":"JWT"}') + b"." + encode(json.dumps(claims).encode())
    signature = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + encode(signature)).decode()


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def documented(language):
    """The first block of code in that language in docs/webhooks.md: what users copy is what is tested."""
    text = (TESTS.parent / "docs/webhooks.md").read_text(encoding="utf-8")
    return re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)[1]


_documented = {}
exec(documented("python"), _documented)
verify = _documented["verify"]


class Tidings:
    """A server in a folder, with settings in TOML; it can be killed, and started again on its port."""

    def __init__(self, folder, settings):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        text = f'[auth]\nsecret = "{SECRET}"\n\n[presence]\ngrace = "200ms"\n\n{settings}'
        (self.folder / "tidings.toml").write_text(text, encoding="utf-8")
        self.start()

    def start(self):
        binary = os.environ.get("TIDINGS") or str(TESTS.parent / "target/release/tidings")
        command = [binary, "serve", "--listen", f"127.0.0.1:{self.port}"]
        environment = {"PATH": os.environ["PATH"], "RUST_LOG": os.environ.get("RUST_LOG", "error")}
        self.process = subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, text=True
        )
        said = ""
        for line in self.process.stdout:
            said += line
            if "listening on" in line:
                return
        raise AssertionError(f"the server ended: {said}")

    def kill(self):
        """As the loss of power would: there is no last word."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        assert self.process.poll() is None, "the server ended by itself"
        self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(30) == 0
        finally:
            self.process.kill()
            self.process.stdout.close()


@contextlib.contextmanager
def serving(folder, settings):
    server = Tidings(folder, settings)
    try:
        yield server
        server.stop()
    finally:
        server.process.kill()


class Backend:
    """A backend in this process: `answer(path, body)` gives a status and a JSON value, or None for nothing at all."""

    def __init__(self, answer):
        self.requests = queue.Queue()
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                signature = self.headers["Tidings-Signature"]
                assert verify(body, signature, HOOK_SECRET), f"a bad signature: {signature}"
                backend.requests.put((self.path, json.loads(body)))
                answered = answer(self.path, json.loads(body))
                if answered is None:
                    self.close_connection = True
                    return
                status, value = answered
                data = b"" if value is None else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self, path):
        """The next request to that path."""
        while True:
            found, body = self.requests.get(timeout=15)
            if found == path:
                return body

    def asked(self):
        """All requests so far that nobody has looked at."""
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self.requests.get_nowait())
        return found

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def backend_of():
    """Makes backends, and ends them."""
    backends = []

    def make(answer):
        backends.append(Backend(answer))
        return backends[-1]

    yield make
    for it in backends:
        it.close()
