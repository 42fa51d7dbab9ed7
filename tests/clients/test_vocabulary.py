"""The whole vocabulary of the real server from python-socketio, as a backend or a bot would use it."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import re
import secrets
import signal
import subprocess
import time

import pytest
import socketio
from conftest import REFERENCE, TESTS

pytestmark = pytest.mark.skipif(REFERENCE, reason="ours only: the reference has no such commands")

SECRET = secrets.token_hex(32)
TEXT = "海内存知己，天涯若比邻。👩‍👩‍👧‍👦 e\u0301 \n𠜎"
WAYS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": None}


def token(sub, **claims):
    """A token for every room, good for an hour unless the claims say otherwise."""

    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    claims = {"sub": sub, "exp": int(time.time()) + 3600, "rooms": ["*"]} | claims
    signed = encode(b'{"alg":"HS256","typ":"JWT"}') + b"." + encode(json.dumps(claims).encode())
    signature = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + encode(signature)).decode()


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    binary = os.environ.get("TIDINGS") or str(TESTS.parent / "target/release/tidings")
    folder = pathlib.Path(tmp_path_factory.mktemp("tidings"))
    settings = {
        "auth.secret": SECRET,
        "auth.leeway": "0s",
        "store.path": str(folder / "tidings.db"),
        "presence.audience": "everyone",
        "presence.grace": "100ms",
    }
    command = [binary, "serve", "--listen", "127.0.0.1:0"]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    process = subprocess.Popen(command, cwd=folder, env={"PATH": os.environ["PATH"]}, stdout=subprocess.PIPE, text=True)
    try:
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"listening on (http://\S+)", line):
                break
        assert found, said
        yield found[1]
        assert process.poll() is None, "the server ended by itself"
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.stdout.close()


class Client:
    """Somebody who has signed in, and keeps what they hear until it is asked for."""

    def __init__(self, socket, user):
        self.socket, self.user, self.heard = socket, user, []
        self.arrived = asyncio.Event()

    def hear(self, event, *args):
        self.heard.append((event, args[0] if args else None))
        self.arrived.set()

    async def event(self, name, **fields):
        """Takes the next event of that name with those fields."""
        async with asyncio.timeout(5):
            while True:
                for at, (event, data) in enumerate(self.heard):
                    if event == name and all(data.get(key) == value for key, value in fields.items()):
                        return self.heard.pop(at)[1]
                self.arrived.clear()
                await self.arrived.wait()

    async def ask(self, name, data=None):
        return await self.socket.call(name, data, timeout=5)

    async def done(self, name, data=None):
        answer = await self.ask(name, data)
        assert answer.pop("success") is True, (name, answer)
        return answer

    async def fault(self, name, data=None):
        answer = await self.ask(name, data)
        assert answer["success"] is False and answer["error"].endswith("."), answer
        return answer["code"]


@contextlib.asynccontextmanager
async def entered(url, way, user=None, auth=None, **claims):
    user = user or f"用户·{secrets.token_hex(4)}"
    socket = socketio.AsyncClient(reconnection=False)
    client = Client(socket, user)
    socket.on("*", client.hear)
    auth = auth if auth is not None else {"token": token(user, name=f"小明 {user}", **claims)}
    await socket.connect(url, transports=WAYS[way], auth=auth, wait_timeout=5)
    try:
        yield client
    finally:
        await socket.disconnect()


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


async def test_signing_in(url, way):
    async with entered(url, "websocket") as other:
        async with entered(url, way) as ana:
            welcome = await ana.event("welcome", userId=ana.user, username=f"小明 {ana.user}", recovered=False)
            assert welcome["limits"]["commandBytes"] == 65536
            await other.event("user:online", userId=ana.user)
            answer = await ana.done("auth", {"token": token(ana.user)})
            assert answer["userId"] == ana.user and answer["clientId"] == welcome["clientId"]
            assert await ana.fault("auth", {"token": token("somebody else")}) == "already_authenticated"
        await other.event("user:offline", userId=ana.user)
    async with entered(url, way, auth={}) as late:
        assert await late.fault("room:join", "lobby") == "unauthenticated"
        await late.done("auth", {"token": token("late")})
        await late.event("welcome", userId="late")


async def test_a_wrong_token_is_refused_with_a_code(url, way):
    client = socketio.AsyncClient(reconnection=False)
    refusals = asyncio.Queue()
    client.on("connect_error", refusals.put)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(url, transports=WAYS[way], auth={"token": "nonsense"}, wait_timeout=5)
    refusal = await asyncio.wait_for(refusals.get(), 5)
    assert refusal["data"]["code"] == "invalid_token"
    await client.disconnect()


async def test_a_token_that_runs_out(url, way):
    async with entered(url, way, exp=int(time.time()) + 2) as ana:
        await ana.event("auth:expiring")
        await ana.event("error", code="token_expired")
        async with asyncio.timeout(5):
            await ana.socket.wait()


async def test_rooms_and_messages(url, way):
    room = f"房间 👩‍👩‍👧‍👦 {secrets.token_hex(4)}"
    async with entered(url, way) as ana, entered(url, "websocket") as bo:
        assert (await bo.done("room:join", room))["lastSeq"] == 0
        joined = await ana.done("room:join", {"roomId": room, "after": 0})
        assert joined["recovered"] is True and {it["userId"] for it in joined["members"]} == {ana.user, bo.user}
        await bo.event("room:user-joined", roomId=room, userId=ana.user)
        assert (await ana.done("room:members", {"roomId": room}))["memberCount"] == 2

        message = {"roomId": room, "content": TEXT, "clientMessageId": TEXT[:9], "meta": {"键": [0.5, None, TEXT]}}
        sent = await ana.done("chat:send", message)
        for who in (ana, bo):
            assert (await who.event("chat:message", messageId=sent["messageId"], seq=1)).items() >= message.items()
        assert await ana.done("chat:send", message) == sent | {"duplicate": True}
        await ana.event("chat:receipt", userId=bo.user, seq=1, status="delivered")

        of = {"roomId": room, "messageId": sent["messageId"]}
        assert await bo.fault("chat:edit", of | {"content": "x"}) == "permission_denied"
        assert (await ana.done("chat:edit", of | {"content": "changed"}))["seq"] == 2
        await bo.event("chat:edited", content="changed", seq=2)
        assert (await ana.done("chat:delete", of))["seq"] == 3
        await bo.event("chat:deleted", messageId=sent["messageId"], seq=3)
        history = await bo.done("chat:history", {"roomId": room})
        assert [it.get("deleted") for it in history["messages"]] == [True] and history["hasMore"] is False

        reply = await bo.done("chat:send", {"roomId": room, "content": "?", "replyTo": sent["messageId"]})
        assert await ana.done("chat:read", {"roomId": room, "seq": reply["seq"]}) == {}
        await bo.event("chat:receipt", userId=ana.user, status="read", seq=reply["seq"])

        await ana.done("typing:start", room)
        await bo.event("typing:user", roomId=room, userId=ana.user)
        await ana.done("typing:stop", room)
        await bo.event("typing:stopped", roomId=room, userId=ana.user)

        await ana.done("room:leave", room)
        await bo.event("room:user-left", roomId=room, userId=ana.user)
        assert await ana.fault("typing:start", room) == "not_a_member"


async def test_private_messages(url, way):
    async with entered(url, way) as ana, entered(url, "websocket", "bo") as bo, entered(url, way, "bo") as phone:
        sent = await ana.done("chat:private", {"to": bo.user, "content": TEXT})
        assert sent["roomId"].startswith("dm:")
        for who in (ana, bo, phone):
            await who.event("chat:message", roomId=sent["roomId"], senderId=ana.user, content=TEXT)


async def test_events_of_ones_own_and_binary_data(url, way):
    room, data = "game", {"bytes": bytes(range(256)), "list": [b"", {"deep": b"x"}], "text": TEXT}
    async with entered(url, way) as ana, entered(url, "websocket") as bo:
        await ana.done("room:join", room)
        await bo.done("room:join", room)
        await ana.done("room:emit", {"roomId": room, "event": "位置:移动 🏃", "data": data})
        assert await bo.event("位置:移动 🏃") == data
        await bo.done("room:emit", {"roomId": room, "event": "back", "data": data["bytes"]})
        assert await ana.event("back") == data["bytes"]


async def test_presence(url, way):
    async with entered(url, "websocket") as bo, entered(url, way) as ana:
        await bo.event("user:online", userId=ana.user)
        for status, seen in (("away", "away"), ("invisible", "offline"), ("online", "online")):
            await ana.done("presence:set", {"status": status})
            await bo.event("presence:changed", userId=ana.user, status=seen)
            users = (await bo.done("presence:get", {"userIds": [ana.user, "nobody"]}))["users"]
            assert [(it["userId"], it["status"]) for it in users] == [(ana.user, seen), ("nobody", "offline")]


async def test_notifications_and_members(url, way):
    async with entered(url, way, admin=True) as admin, entered(url, way, rooms=[]) as ana:
        note = {"title": TEXT[:20], "body": TEXT, "data": {"键": 1}}
        assert await ana.fault("notification:send", note | {"userId": ana.user}) == "permission_denied"
        stored = await admin.done("notification:send", note | {"userId": ana.user})
        shown = await ana.event("notification", notificationId=stored["notificationId"])
        assert shown.items() >= note.items()
        assert await ana.done("notification:list", {}) == {"notifications": [shown], "unread": 1}
        assert await ana.done("notification:read", {"ids": [shown["notificationId"]]}) == {"unread": 0}
        await ana.event("notification:changed", ids=[shown["notificationId"]], unread=0)

        of = {"roomId": "closed", "userId": ana.user}
        assert await ana.fault("room:join", "closed") == "permission_denied"
        assert await admin.done("room:add-member", of) == {"changed": True}
        await ana.done("room:join", "closed")
        assert await admin.done("room:remove-member", of) == {"changed": True}
        await ana.event("room:removed", roomId="closed")
        assert await ana.fault("chat:send", {"roomId": "closed", "content": "x"}) == "permission_denied"


async def test_faults(url, way):
    async with entered(url, way) as ana:
        assert await ana.fault("聊天:发送") == "unknown_command"
        for name, data, field in (
            ("room:join", {}, "roomId"),
            ("chat:send", {"roomId": "lobby"}, "content"),
            ("chat:send", {"roomId": "lobby", "content": 5}, "content"),
            ("chat:read", {"roomId": "lobby", "seq": -1}, "seq"),
        ):
            answer = await ana.ask(name, data)
            assert answer["code"] == "bad_request" and field in answer["error"], answer
        assert await ana.fault("chat:send", {"roomId": "lobby", "content": "x" * 66_000}) == "too_large"
        await ana.socket.emit("nonsense", {})
        await ana.event("error", code="unknown_command")
