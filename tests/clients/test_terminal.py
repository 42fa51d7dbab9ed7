"""`tidings chat`, by a person at a terminal and in a script."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest
from conftest import REFERENCE, TESTS

pytestmark = pytest.mark.skipif(REFERENCE, reason="ours only: the reference has no such command")

BINARY = os.environ.get("TIDINGS") or str(TESTS.parent / "target/release/tidings")
TEXT = "海内存知己，天涯若比邻。👩‍👩‍👧‍👦 e\u0301"


class Server:
    """A server in development, which can be killed and started again on its port."""

    def __init__(self, folder):
        self.folder = folder
        self.port = 0
        self.start()

    def start(self):
        command = [BINARY, "serve", "--dev", "--listen", f"127.0.0.1:{self.port}"]
        environment = {"PATH": os.environ["PATH"]}
        self.process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if found := re.search(r"listening on (http://[\d.]+:(\d+))", line):
                self.url, self.port = found[1], int(found[2])
                return
        raise AssertionError("the server did not start")

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(timeout=20)
        self.process.stdout.close()


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    if server.process.poll() is None:
        server.end()


def script(server, guest, *flags, room="lobby", lines="", timeout=30):
    command = [BINARY, "chat", room, "--url", server.url, "--guest", guest, *flags]
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, input=lines, capture_output=True, text=True, timeout=timeout, env=environment)


class Terminal:
    """A person before a terminal."""

    def __init__(self, server, guest):
        self.seen = ""
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8"}
            command = [BINARY, "chat", "--url", server.url, "--guest", guest, "--history", "0"]
            os.execve(BINARY, command, environment)

    def sees(self, what, seconds=20):
        """Waits until it is on the screen, and forgets what was before."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(what, self.plain())):
            left = deadline - time.monotonic()
            assert left > 0, f"not seen: {what}\n{self.plain()}"
            if select.select([self.file], [], [], left)[0]:
                self.seen += os.read(self.file, 65536).decode(errors="replace")
        self.seen = ""
        return found

    def plain(self):
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.seen)

    def types(self, text):
        os.write(self.file, text.encode())

    def status(self):
        while True:
            try:
                if not os.read(self.file, 65536):
                    break
            except OSError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_a_script_sends_each_line_and_ends_when_all_are_stored(server):
    lines = [f"{n} {TEXT}" for n in range(50)]
    sent = script(server, "ana", lines="\n".join(lines))
    assert (sent.returncode, sent.stderr) == (0, "")
    read = script(server, "bo", "--json", "--history", "100")
    assert (read.returncode, read.stderr) == (0, "")
    events = [json.loads(line) for line in read.stdout.splitlines()]
    said = [it["data"]["content"] for it in events if it["type"] == "chat:message"]
    assert said == lines


def test_a_script_hears_what_was_refused_and_why(server):
    sent = script(server, "ana", lines="x" * 100_000 + "\nfine\n")
    assert sent.returncode == 1
    assert "not sent" in sent.stderr and "bytes" in sent.stderr
    assert [line.split()[-1] for line in script(server, "bo").stdout.splitlines()] == ["fine"]


def test_nobody_there_or_not_let_in_is_said_with_what_to_do(server, tmp_path):
    unknown = subprocess.run([BINARY, "chat", "--url", "http://127.0.0.1:1"], capture_output=True, text=True, timeout=30)
    assert unknown.returncode == 1
    assert "cannot reach 127.0.0.1:1" in unknown.stderr
    refused = script(server, "ana", room="r" * 300)
    assert refused.returncode == 1
    assert "does not let us in" in refused.stderr


def test_two_people_talk_at_terminals_over_a_killed_server(server):
    ana, bo = Terminal(server, "ana"), Terminal(server, "bo")
    ana.sees("in lobby at .* as ana")
    bo.sees("in lobby at .* as bo")
    ana.types("hel")
    bo.sees("ana is typing")
    ana.types(f"lo {TEXT}\r")
    bo.sees(f"ana hello {re.escape(TEXT)}")
    bo.types("/who\r")
    bo.sees(r"ana \(ana\), online")
    bo.types("/to ana psst\r")
    ana.sees("bo psst")
    bo.sees("told ana")

    server.end(signal.SIGKILL)
    ana.sees("trying again")
    bo.sees("trying again")
    bo.types("said while it was down\r")
    server.start()
    bo.sees("back again")
    ana.sees("bo said while it was down")
    bo.types("/quit\r")
    assert bo.status() == 0
    ana.types("\x04")
    assert ana.status() == 0
    # Everything once, and in order.
    read = script(server, "cy", "--json")
    events = [json.loads(line)["data"]["content"] for line in read.stdout.splitlines() if '"chat:message"' in line]
    assert events == [f"hello {TEXT}", "said while it was down"]
