"""The backend is gone for a while under load, and the server is killed meanwhile and after: nothing is lost or doubled.

    OUTAGE=60 pytest webhooks/test_outage.py -s      # the long form, which prints what the outage cost clients
"""

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time

import aiohttp
from conftest import HOOK_SECRET, TESTS, free_port, serving, token, verify

OUTAGE = float(os.environ.get("OUTAGE", "2"))
SENDERS = 8
ROOMS = 5

SETTINGS = """
[webhooks]
retry_min = "50ms"
retry_max = "1s"

[[webhooks.endpoints]]
url = "http://127.0.0.1:{port}/"
secret = "{secret}"
"""


class Receiver:
    def __init__(self, port, file):
        self.port = port
        self.file = file
        self.process = None

    def start(self):
        command = [sys.executable, str(TESTS / "webhooks/receiver.py"), str(self.port), str(self.file)]
        self.process = subprocess.Popen(command)

    def kill(self):
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def requests(self):
        """Everything that arrived. A receiver that was killed while it wrote has left half a line behind."""
        if not self.file.exists():
            return []
        arrived = []
        for line in self.file.read_text(encoding="utf-8").splitlines():
            try:
                arrived.append(json.loads(line))
            except json.JSONDecodeError:
                continue
        return arrived

    def messages(self):
        """The messages that arrived, in the order in which they first did, and how many came again."""
        seen, again = {}, 0
        for request in self.requests():
            for event in json.loads(request["body"])["events"]:
                assert event["type"] != "dropped"
                if event["type"] != "message":
                    continue
                if event["id"] in seen:
                    assert seen[event["id"]] == event, "one id, two events"
                    again += 1
                else:
                    seen[event["id"]] = event
        return list(seen.values()), again


class Sender:
    """Sends one message after the other, and again until it is acknowledged, over connections that may break."""

    def __init__(self, server, number):
        self.url = server.url.replace("http", "ws") + "/ws?token=" + token(f"sender-{number}", rooms=["*"])
        self.number = number
        self.acknowledged = {}
        self.latencies = []

    async def run(self, over):
        count = 0
        async with aiohttp.ClientSession() as session:
            while not over.is_set():
                try:
                    async with session.ws_connect(self.url) as socket:
                        while not over.is_set():
                            await self.send(socket, count)
                            count += 1
                except (aiohttp.ClientError, ConnectionError, TimeoutError):
                    await asyncio.sleep(0.05)

    async def send(self, socket, count):
        name = f"{self.number}-{count}"
        room = f"room-{(self.number + count) % ROOMS}"
        data = {"roomId": room, "content": name, "clientMessageId": name}
        began = time.monotonic()
        await socket.send_json({"type": "chat:send", "data": data, "id": name})
        while True:
            frame = await asyncio.wait_for(socket.receive(), 10)
            if frame.type != aiohttp.WSMsgType.TEXT:
                raise ConnectionError("the server has gone")
            answer = frame.json()
            if answer["type"] == "ack" and answer["id"] == name:
                break
        self.latencies.append((began, time.monotonic() - began))
        answer = answer["data"]
        if answer["success"]:
            self.acknowledged[name] = answer["messageId"]
            # As fast as many people who type, and not as fast as the machine can.
            await asyncio.sleep(0.01)
        else:
            assert answer["code"] in ("overloaded", "unavailable", "rate_limited"), answer
            raise ConnectionError(answer["error"])


async def until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"no {what}"
        await asyncio.sleep(0.1)


async def test_a_backend_that_is_gone_and_a_server_that_is_killed_lose_and_double_nothing(tmp_path):
    receiver = Receiver(free_port(), tmp_path / "received")
    receiver.start()
    settings = SETTINGS.format(port=receiver.port, secret=HOOK_SECRET)
    settings += "\n[limits]\nconnections_per_ip = 100\n"
    try:
        with serving(tmp_path, settings) as server:
            over = asyncio.Event()
            senders = [Sender(server, number) for number in range(SENDERS)]
            sending = [asyncio.create_task(sender.run(over)) for sender in senders]
            await until(lambda: len(receiver.messages()[0]) > 50, 30, "messages")
            before = (time.monotonic() - min(1, OUTAGE), time.monotonic())

            receiver.kill()
            gone = (time.monotonic(), time.monotonic() + OUTAGE / 2)
            await asyncio.sleep(OUTAGE / 2)
            server.kill()
            server.start()
            known = sum(len(sender.acknowledged) for sender in senders)
            await until(lambda: sum(len(it.acknowledged) for it in senders) > known + 20, 30, "messages again")
            await asyncio.sleep(OUTAGE / 2)
            during = len(receiver.messages()[0])
            receiver.start()
            await until(lambda: len(receiver.messages()[0]) > during, 30, "messages after the outage")
            # And killed in the middle of catching up.
            receiver.kill()
            receiver.start()
            # And the server in the middle of telling, which it then does again.
            for _ in range(3):
                told = len(receiver.messages()[0])
                await until(lambda told=told: len(receiver.messages()[0]) > told + 5, 30, "messages that go on")
            server.kill()
            server.start()

            over.set()
            await asyncio.gather(*sending)
            acknowledged = {}
            for sender in senders:
                acknowledged |= sender.acknowledged

            def complete():
                return {event["messageId"] for event in receiver.messages()[0]} >= set(acknowledged.values())

            await until(complete, 60, "end of what has to arrive")
            check(receiver, acknowledged)
            latencies(senders, before, gone)
        for request in receiver.requests():
            body, signature = request["body"].encode(), request["signature"]
            assert verify(body, signature, HOOK_SECRET, tolerance=3600)
    finally:
        receiver.kill()


def check(receiver, acknowledged):
    messages, again = receiver.messages()
    by_name = {event["clientMessageId"]: event["messageId"] for event in messages}
    assert len(by_name) == len(messages), "a message was told under two ids"
    assert {name: by_name.get(name) for name in acknowledged} == acknowledged
    # What was stored and never acknowledged, since the server was killed or the test over, is told as well: at most the
    # last one of each sender.
    assert len(by_name) - len(acknowledged) <= SENDERS
    for room in range(ROOMS):
        seqs = [event["seq"] for event in messages if event["roomId"] == f"room-{room}"]
        assert seqs == list(range(1, len(seqs) + 1)), f"room-{room} is out of order, or has gaps"
    print(f"\n{len(acknowledged)} messages acknowledged, {len(messages)} told, {again} of them again")


def latencies(senders, before, gone):
    """Printed, and not judged: the machine may have other things to do."""

    def median(span):
        times = [took for sender in senders for began, took in sender.latencies if span[0] <= began <= span[1]]
        return statistics.median(times) if times else float("nan")

    well, out = median(before), median(gone)
    print(f"median acknowledgement: {well * 1e3:.2f} ms with the backend, {out * 1e3:.2f} ms without: {out / well:.2f}")
