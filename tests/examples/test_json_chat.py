"""The example `json_chat`, with the Python client of the tutorial."""

import asyncio
import contextlib
import os
import pathlib
import re
import subprocess
import sys

import pytest
import websockets

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "clients"))
from json_chat import Chat  # noqa: E402

EXAMPLES = os.environ.get("EXAMPLES") or str(HERE.parent.parent / "target/debug/examples")


@pytest.fixture
def url():
    environment = {"PATH": os.environ["PATH"], "PORT": "0"}
    process = subprocess.Popen(f"{EXAMPLES}/json_chat", env=environment, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    listening = re.fullmatch(r"listening on (ws://[\d.]+:\d+)\n", line)
    assert listening, f"instead of where it listens: {line!r}"
    yield listening[1]
    assert process.poll() is None, "the server ended by itself"
    process.kill()
    process.wait()
    process.stdout.close()


@contextlib.asynccontextmanager
async def connected(url):
    async with websockets.connect(url) as socket:
        yield Chat(socket)


def online(*users):
    return {"type": "online_users", "users": list(users)}


async def hear(message, *chats):
    for chat in chats:
        assert await asyncio.wait_for(chat.receive(), 5) == message


async def test_everybody_learns_who_comes_and_goes(url):
    async with connected(url) as ann, connected(url) as guest:
        await ann.login("ann")
        await hear(online("ann"), ann, guest)
        async with connected(url) as bob:
            await bob.login("王小明")
            await hear(online("ann", "王小明"), ann, guest, bob)
        await hear(online("ann"), ann, guest)


async def test_a_private_message_reaches_its_addressee_alone(url):
    async with connected(url) as ann, connected(url) as bob, connected(url) as cem:
        for n, (name, chat) in enumerate([("ann", ann), ("bob", bob), ("cem", cem)], 1):
            await chat.login(name)
            await hear(online(*["ann", "bob", "cem"][:n]), ann, bob, cem)
        await ann.private_message("bob", "你好")
        await hear({"type": "message", "from": "ann", "content": "你好"}, bob)
        # What comes next shows that nobody else was sent it.
        await bob.broadcast("hello, all")
        await hear({"type": "message", "from": "bob", "content": "hello, all"}, ann, bob, cem)


async def test_a_user_is_online_while_one_device_is_and_has_one_name(url):
    async with connected(url) as phone, connected(url) as laptop:
        await phone.login("ann")
        await hear(online("ann"), phone, laptop)
        await laptop.login("ann")
        await hear(online("ann"), phone, laptop)
        await laptop.private_message("ann", "to myself")
        await hear({"type": "message", "from": "ann", "content": "to myself"}, phone, laptop)
        await laptop.login("anna")
        await hear(online("ann", "anna"), phone, laptop)


@pytest.mark.parametrize("text", ["{oops", '{"type": "fly"}', '{"type": "broadcast", "content": "hi"}'])
async def test_what_makes_no_sense_is_answered_with_an_error(url, text):
    async with connected(url) as guest:
        await guest.socket.send(text)
        answer = await asyncio.wait_for(guest.receive(), 5)
        assert answer["type"] == "error"
        await guest.login("ann")
        await hear(online("ann"), guest)
