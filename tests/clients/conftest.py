"""Starts the server under test for the Python suites; the same choice of server as in lib/server.mjs."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

TESTS = pathlib.Path(__file__).resolve().parent.parent
REFERENCE = os.environ.get("SERVER") == "reference"


class Server:
    def __init__(self, **settings):
        if REFERENCE:
            command = ["node", str(TESTS / "reference/server.mjs")]
        else:
            command = [os.environ.get("CONFORMANCE") or str(TESTS.parent / "target/release/conformance")]
        environment = {"PATH": os.environ["PATH"], "PORT": "0"} | {k: str(v) for k, v in settings.items()}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        ready = re.fullmatch(r"READY (\d+)\n", line)
        assert ready, f"instead of READY: {line!r}"
        self.port = int(ready[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self):
        assert self.process.poll() is None, "the server ended by itself"
        self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(15) == 0
        finally:
            self.process.kill()
            self.process.stdout.close()


@pytest.fixture(scope="module")
def server():
    running = Server(ASK_TIMEOUT=300, NODE_ID="n1")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def recovering():
    running = Server(RECOVERY=1)
    yield running
    running.stop()
