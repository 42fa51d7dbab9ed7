"""The real server for suites that ask it over HTTP, each in a folder of its own, on a free port."""

import os
import pathlib
import re
import secrets
import signal
import subprocess
import threading

import pytest
import requests

TESTS = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("TIDINGS") or str(TESTS.parent / "target/release/tidings")
KEY, OTHER_KEY, NARROW_KEY, ROOM_KEY = (secrets.token_hex(32) for _ in range(4))
KEYS = f"""
[auth]
secret = "{secrets.token_hex(32)}"
[store]
path = "tidings.db"
[presence]
grace = "100ms"
[[api.keys]]
name = "backend"
key = "{KEY}"
[[api.keys]]
name = "other"
key = "{OTHER_KEY}"
[[api.keys]]
name = "narrow"
key = "{NARROW_KEY}"
methods = ["message", "batch"]
[[api.keys]]
name = "team"
key = "{ROOM_KEY}"
rooms = ["team:*"]
"""


class Server:
    """`tidings serve` with that file of settings; killed, it may be started again with what it stored."""

    def __init__(self, folder, settings=KEYS, flags=()):
        self.folder, self.settings, self.flags, self.port = pathlib.Path(folder), settings, flags, 0
        self.spoken = threading.Condition()
        self.start()

    def start(self):
        (self.folder / "tidings.toml").write_text(self.settings)
        self.process = subprocess.Popen(
            [BINARY, "serve", "--listen", f"127.0.0.1:{self.port}", *self.flags],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "RUST_LOG": "warn", "TIDINGS_URL": "of no server", "TIDINGS_API_KEY": "x"},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if found := re.search(r"listening on (http://127\.0\.0\.1:(\d+))", line):
                self.url, self.port = found[1], int(found[2])
                break
        else:
            raise AssertionError(f"the server ended: {self.said}")
        threading.Thread(target=self.keep_reading, daemon=True).start()

    def keep_reading(self):
        for line in self.process.stdout:
            with self.spoken:
                self.said += line
                self.spoken.notify_all()

    def line(self, text):
        """The line with that text in it, once the server has said it."""
        with self.spoken:
            assert self.spoken.wait_for(lambda: text in self.said, 5), self.said
            return next(line for line in self.said.splitlines() if text in line)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        assert self.process.poll() is None, "the server ended by itself"
        self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(20) == 0
        finally:
            self.process.kill()

    def post(self, method, body=None, key=KEY, name=None, **more):
        """A request, with a name if it has one."""
        headers = {"X-API-Key": key} if key else {}
        if name:
            headers["Idempotency-Key"] = name
        return requests.post(f"{self.url}/api/{method}", json=body, headers=headers | more.pop("headers", {}), timeout=30, **more)

    def done(self, method, body=None, **more):
        """A request that has to succeed; its answer without that."""
        response = self.post(method, body, **more)
        answer = response.json()
        assert (response.status_code, answer.pop("success")) == (200, True), answer
        return answer

    def refused(self, method, body=None, **more):
        """A request that has to be refused; its status and its code."""
        response = self.post(method, body, **more)
        answer = response.json()
        assert answer["success"] is False and answer["error"].endswith("."), answer
        assert response.headers["content-type"] == "application/json"
        return response.status_code, answer["code"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("tidings"))
    yield running
    running.stop()


@pytest.fixture
def start(tmp_path):
    """Starts servers of a test's own, and ends those that it has not."""
    started = []

    def start(settings=KEYS, flags=()):
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Server(folder, settings, flags))
        return started[-1]

    yield start
    for one in started:
        one.kill()
