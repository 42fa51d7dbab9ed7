"""What a backend is asked: who may enter a room or send there, and commands that only it knows."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import socketio
from conftest import HOOK_SECRET, serving, token
from websockets_of import Plain

ASKING = """
[rooms]
public = ["lobby"]

[webhooks]
retry_min = "50ms"
retry_max = "100ms"
breaker_failures = 3

[webhooks.authorize]
url = "{url}/may"
secret = "{secret}"
timeout = "1s"
cache_ttl = "500ms"

[[webhooks.commands]]
pattern = "order:*"
url = "{url}/orders"
secret = "{secret}"
timeout = "1s"
in_flight_per_client = 2
"""


class Orders:
    """A backend that lets ana into rooms of teams, and takes orders."""

    def __init__(self):
        self.broken = False
        self.release = threading.Event()

    def __call__(self, path, body):
        if self.broken:
            return 503, {"trace": "the database of the backend is on fire"}
        if path == "/may":
            if body["roomId"] == "strange":
                return 200, {"allowed": "perhaps"}
            yes = body["userId"] == "ana" and body["roomId"].startswith("team")
            return 200, {"allow": True} if yes else {"allow": False, "reason": f"No {body['action']} for you."}
        what = body["data"]
        match body["command"]:
            case "order:create":
                return 200, {"success": True, "orderId": 7, "for": body["userId"], "what": what}
            case "order:list":
                return 200, [1, 2.5, "三", None]
            case "order:cancel":
                return 200, {"success": False, "code": "too_late", "error": "It is on its way."}
            case "order:ping":
                return 204, None
            case "order:slow":
                self.release.wait(15)
                return 200, {"success": True}
            case "order:gone":
                return None
            case "order:moved":
                return 302, None
            case "order:long":
                return 200, "x" * 300_000
        return 500, {"trace": "no such order"}


@pytest.fixture
def world(tmp_path, backend_of):
    orders = Orders()
    backend = backend_of(orders)
    with serving(tmp_path, ASKING.format(url=backend.url, secret=HOOK_SECRET)) as server:
        yield server, backend, orders
        orders.release.set()


def rpc(server, user, command, data=None, **claims):
    headers = {"Authorization": f"Bearer {token(user, **claims)}"}
    answer = requests.post(f"{server.url}/rpc", json={"type": command, "data": data}, headers=headers, timeout=20)
    return answer.json()


class Stock:
    """python-socketio, over the transport that is asked for."""

    def __init__(self, server, token, transport):
        self.client = socketio.Client(reconnection=False)
        self.client.connect(server.url, auth={"token": token}, transports=[transport])

    def ask(self, command, data=None):
        return self.client.call(command, data, timeout=20)

    def close(self):
        self.client.disconnect()


TRANSPORTS = {
    "websocket": Plain,
    "socket.io polling": lambda server, token: Stock(server, token, "polling"),
    "socket.io websocket": lambda server, token: Stock(server, token, "websocket"),
}


def test_a_backend_lets_into_rooms_that_nothing_else_opens(world):
    server, backend, _ = world
    for user, room, may in [("ana", "team:1", True), ("ben", "team:1", False), ("ana", "other", False)]:
        joined = rpc(server, user, "room:join", room)
        asked = backend.next("/may")
        assert asked == {"action": "join", "userId": user, "username": user, "roomId": room}
        assert joined["success"] is may, joined
        if not may:
            assert (joined["code"], joined["error"]) == ("permission_denied", "No join for you.")
    # What is open, or the two's own, is nothing that anybody is asked about.
    assert rpc(server, "ben", "room:join", "lobby")["success"]
    assert rpc(server, "ben", "room:join", "mine", rooms=["mine"])["success"]
    assert rpc(server, "ben", "room:join", "dm:ana:zoe")["code"] == "permission_denied"
    assert backend.asked() == []


def test_a_backend_lets_send(world):
    server, backend, _ = world
    message = {"roomId": "team:1", "content": "hi"}
    assert rpc(server, "ana", "chat:send", message)["success"]
    assert backend.next("/may")["action"] == "publish"
    refused = rpc(server, "ben", "chat:send", message)
    assert (refused["code"], refused["error"]) == ("permission_denied", "No publish for you.")
    # The claim opens the room and not the sending.
    listener = {"rooms": ["team:*"], "publish": ["nowhere"]}
    assert rpc(server, "ana", "chat:send", message | {"roomId": "team:2"}, **listener)["success"]
    assert rpc(server, "eve", "chat:send", message | {"roomId": "team:2"}, **listener)["code"] == "permission_denied"


def test_an_answer_counts_for_a_while_and_is_asked_for_once(world):
    server, backend, _ = world
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: rpc(server, "ana", "room:join", "team:1"), range(8)))
    assert all(answer["success"] for answer in answers)
    asked = len(backend.asked())
    assert asked < 8, "those who came together were asked about together"
    deadline = time.monotonic() + 15
    while len(backend.asked()) == 0:
        assert time.monotonic() < deadline, "it was never asked again"
        assert rpc(server, "ana", "room:join", "team:1")["success"]
        time.sleep(0.05)


def test_without_a_time_to_live_every_question_is_asked(tmp_path, backend_of):
    backend = backend_of(Orders())
    settings = ASKING.format(url=backend.url, secret=HOOK_SECRET).replace('cache_ttl = "500ms"', 'cache_ttl = "0s"')
    with serving(tmp_path, settings) as server:
        for _ in range(3):
            assert rpc(server, "ana", "room:join", "team:1")["success"]
    assert len(backend.asked()) == 3


def test_without_an_answer_the_door_stays_shut(world):
    server, backend, orders = world
    strange = rpc(server, "ana", "room:join", "strange")
    assert (strange["success"], strange["code"]) == (False, "unavailable")
    orders.broken = True
    for room in range(6):
        refused = rpc(server, "ana", "room:join", f"team:{room}")
        assert (refused["success"], refused["code"]) == (False, "unavailable")
        assert refused["retryAfterMs"] > 0
        assert "fire" not in str(refused)
    assert len(backend.asked()) < 7, "a backend that fails is left alone"
    orders.broken = False
    deadline = time.monotonic() + 15
    while not rpc(server, "ana", "room:join", "team:9")["success"]:
        assert time.monotonic() < deadline, "it was never asked again"
        time.sleep(0.05)


@pytest.mark.parametrize("name", [*TRANSPORTS, "rpc"])
def test_a_backend_answers_commands(world, name):
    server, backend, _ = world
    if name == "rpc":
        client = None

        def ask(command, data=None):
            return rpc(server, "ana", command, data)
    else:
        client = TRANSPORTS[name](server, token("ana"))
        ask = client.ask
    what = {"item": "茶", "count": 2, "deep": [{"a": None}]}
    assert ask("order:create", what) == {"success": True, "orderId": 7, "for": "ana", "what": what}
    _, asked = backend.asked()[-1]
    assert asked["command"] == "order:create" and asked["username"] == "ana" and asked["clientId"]
    assert ask("order:list") == [1, 2.5, "三", None]
    assert ask("order:cancel", 7) == {"success": False, "code": "too_late", "error": "It is on its way."}
    assert ask("order:ping") == {"success": True}
    for command, code in [
        ("order:broken", "bad_gateway"),
        ("order:moved", "bad_gateway"),
        ("order:long", "bad_gateway"),
        ("order:gone", "unavailable"),
        ("order:slow", "timeout"),
        ("other:thing", "unknown_command"),
    ]:
        failed = ask(command)
        assert (failed["success"], failed["code"]) == (False, code), failed
        assert "trace" not in str(failed)
    if client:
        client.close()


def test_one_client_has_so_many_commands_waiting(world):
    server, _, orders = world
    with Plain(server, token("ana")) as ana:
        for id in range(1, 6):
            ana.socket.send(json.dumps({"type": "order:slow", "id": id}))
        refused = [json.loads(ana.socket.recv()) for _ in range(3)]
        assert {frame["data"]["code"] for frame in refused} == {"overloaded"}
        assert rpc(server, "ben", "order:ping") == {"success": True}, "others are not held up"
        orders.release.set()
        done = [json.loads(ana.socket.recv())["data"]["success"] for _ in range(2)]
        assert done == [True, True]


def test_nobody_orders_who_has_not_signed_in(world):
    server, backend, _ = world
    answer = requests.post(f"{server.url}/rpc", json={"type": "order:create"}, timeout=15).json()
    assert (answer["success"], answer["code"]) == (False, "unauthenticated")
    assert backend.asked() == []
