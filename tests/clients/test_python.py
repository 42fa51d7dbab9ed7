"""python-socketio, synchronous and asynchronous, against the server: each transport, and the upgrade."""

import asyncio
import contextlib
import queue

import pytest
import socketio
from conftest import REFERENCE

WAYS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": None}
TEXT = "海内存知己，天涯若比邻。👩‍👩‍👧‍👦🀄𠜎"
BYTES = bytes(range(256))


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


@contextlib.contextmanager
def connected(server, way, namespaces=("/",), auth=None, handlers=None, **options):
    """A synchronous client, joined to its namespaces."""
    client = socketio.Client(reconnection_delay=0.05, reconnection_delay_max=0.1, **options)
    for (event, namespace), handler in (handlers or {}).items():
        client.on(event, handler, namespace=namespace)
    client.connect(server.url, transports=WAYS[way], namespaces=list(namespaces), auth=auth, wait_timeout=5)
    try:
        yield client
    finally:
        client.disconnect()


@contextlib.asynccontextmanager
async def async_connected(server, way, namespaces=("/",), auth=None, handlers=None, **options):
    """The same with the asyncio client."""
    client = socketio.AsyncClient(reconnection_delay=0.05, reconnection_delay_max=0.1, **options)
    for (event, namespace), handler in (handlers or {}).items():
        client.on(event, handler, namespace=namespace)
    await client.connect(server.url, transports=WAYS[way], namespaces=list(namespaces), auth=auth, wait_timeout=5)
    try:
        yield client
    finally:
        await client.disconnect()


def expected_transport(way):
    return "polling" if way == "polling" else "websocket"


def burst(way):
    """How many messages at once: this client refuses a polling payload of more than 16 packets."""
    return 7 if way == "polling" else 200


# Synchronous


def test_connects_with_auth_over_the_transport_it_asked_for(server, way):
    greetings = queue.Queue()
    auth = {"token": TEXT, "n": 1}
    with connected(server, way, auth=auth, handlers={("auth", "/"): greetings.put}) as client:
        assert greetings.get(timeout=5) == auth
        assert client.transport() == expected_transport(way)
        who = client.call("whoami", timeout=5)
        assert who["id"] == client.get_sid()
        assert who["transport"] == expected_transport(way)
        assert who["auth"] == auth
        assert client.get_sid() != client.eio.sid


def test_joins_namespaces(server, way):
    greetings = queue.Queue()
    names = ["/", "/custom", "/dyn-12"]
    handlers = {("auth", name): lambda auth, name=name: greetings.put(name) for name in names}
    with connected(server, way, namespaces=names, handlers=handlers) as client:
        assert sorted(greetings.get(timeout=5) for _ in names) == names
        for name in names:
            assert client.call("whoami", namespace=name, timeout=5)["nsp"] == name


def test_is_refused_an_unknown_namespace(server, way):
    refusals = queue.Queue()
    client = socketio.Client(reconnection=False)
    client.on("connect_error", refusals.put, namespace="/nope")
    with pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(server.url, transports=WAYS[way], namespaces=["/nope"], wait_timeout=5)
    refusal = refusals.get(timeout=5)
    assert (refusal["message"] if isinstance(refusal, dict) else refusal) == "Invalid namespace"
    client.disconnect()


def test_acknowledgements_both_ways(server, way):
    handlers = {("double", "/"): lambda n: n * 2, ("pair", "/"): lambda: ("a", 1)}
    with connected(server, way, handlers=handlers) as client:
        assert client.call("echo", TEXT, timeout=5) == TEXT
        assert client.call("message-with-ack", (1, "two", None), timeout=5) == (1, "two", None)
        assert client.call("ask-client", ("double", 21), timeout=5) == {"ok": 42}
        assert client.call("ask-client", ("pair",), timeout=5) == {"ok": "a"}


def test_binary_both_ways(server, way):
    back = queue.Queue()
    handlers = {("message-back", "/"): lambda *args: back.put(args), ("reverse", "/"): lambda data: data[::-1]}
    with connected(server, way, handlers=handlers) as client:
        assert client.call("echo", BYTES, timeout=5) == BYTES
        nested = {"list": [BYTES, {"deep": b""}], "text": TEXT}
        assert client.call("echo", nested, timeout=5) == nested
        client.emit("message", (BYTES, "between", b"two"))
        assert back.get(timeout=5) == (BYTES, "between", b"two")
        assert client.call("binary", 1000, timeout=5) == bytes(i & 255 for i in range(1000))
        assert client.call("ask-client", ("reverse", b"abc"), timeout=5) == {"ok": b"cba"}


def test_big_payloads(server, way):
    with connected(server, way) as client:
        # The client escapes everything beyond ASCII, which would make it six times longer.
        text = "x" * 990_000
        assert client.call("echo", text, timeout=10) == text
        data = BYTES * (2_800 if way == "polling" else 3_800)
        assert client.call("echo", data, timeout=10) == data
        assert len(client.call("text", 2_000_000, timeout=10)) == 2_000_000


def test_rooms_and_broadcasts(server, way):
    first, second = queue.Queue(), queue.Queue()
    with (
        connected(server, way, handlers={("news", "/"): lambda *args: first.put(args)}) as a,
        connected(server, way, handlers={("news", "/"): lambda *args: second.put(args)}) as b,
    ):
        assert sorted(b.call("join", (["room"],), timeout=5)) == sorted(["room", b.get_sid()])
        assert a.call("broadcast", ({"rooms": ["room"]}, "news", 1, TEXT), timeout=5) is True
        assert a.call("relay", ({}, "news", 2, b"bytes"), timeout=5) is True
        assert a.call("broadcast", ({}, "news", 3), timeout=5) is True
        assert [second.get(timeout=5) for _ in range(3)] == [(1, TEXT), (2, b"bytes"), (3,)]
        assert first.get(timeout=5) == (3,)
        assert first.empty()


def test_keeps_order(server, way):
    back = queue.Queue()
    with connected(server, way, handlers={("message-back", "/"): back.put}) as client:
        for i in range(burst(way)):
            client.emit("message", i)
        assert [back.get(timeout=5) for _ in range(burst(way))] == list(range(burst(way)))


def test_hears_of_a_kick(server, way):
    reasons = queue.Queue()
    with connected(server, way, handlers={("disconnect", "/"): reasons.put}, reconnection=False) as client:
        client.emit("kick", True)
        assert reasons.get(timeout=5) is not None


def test_reconnects_after_a_drop(server, way):
    connections = queue.Queue()
    with connected(server, way, handlers={("connect", "/"): lambda: connections.put(True)}) as client:
        connections.get(timeout=5)
        first = client.get_sid()
        client.emit("drop")
        assert connections.get(timeout=10)
        assert client.get_sid() != first
        assert client.call("echo", TEXT, timeout=5) == TEXT


@pytest.mark.skipif(REFERENCE, reason="ours only: the reference appends the offset to the arguments")
def test_handlers_of_fixed_parameters_with_recovery(recovering, way):
    heard = queue.Queue()

    def none():
        heard.put(())

    def two(a, b):
        heard.put((a, b))

    with connected(recovering, way, handlers={("none", "/"): none, ("two", "/"): two}) as client:
        assert client.call("broadcast", ({}, "none"), timeout=5) is True
        assert client.call("broadcast", ({}, "two", 1, "text"), timeout=5) is True
        assert client.call("broadcast", ({}, "two", b"bytes", None), timeout=5) is True
        got = [heard.get(timeout=5) for _ in range(3)]
        assert got == [(), (1, "text"), (b"bytes", None)]


# Asynchronous


async def test_async_connects_with_auth(server, way):
    greetings = asyncio.Queue()
    auth = {"token": TEXT}
    async with async_connected(server, way, auth=auth, handlers={("auth", "/"): greetings.put}) as client:
        assert await asyncio.wait_for(greetings.get(), 5) == auth
        assert client.transport() == expected_transport(way)
        who = await client.call("whoami", timeout=5)
        assert (who["id"], who["transport"], who["auth"]) == (client.get_sid(), expected_transport(way), auth)


async def test_async_namespaces(server, way):
    names = ["/", "/custom", "/dyn-3"]
    async with async_connected(server, way, namespaces=names) as client:
        for name in names:
            assert (await client.call("whoami", namespace=name, timeout=5))["nsp"] == name


async def test_async_acknowledgements_and_binary(server, way):
    async def reverse(data):
        return data[::-1]

    async with async_connected(server, way, handlers={("reverse", "/"): reverse}) as client:
        assert await client.call("echo", {"b": BYTES, "t": TEXT}, timeout=5) == {"b": BYTES, "t": TEXT}
        assert await client.call("ask-client", ("reverse", b"abc"), timeout=5) == {"ok": b"cba"}
        text = "x" * 990_000
        assert await client.call("echo", text, timeout=10) == text


async def test_async_rooms(server, way):
    heard = asyncio.Queue()
    async with (
        async_connected(server, way) as a,
        async_connected(server, way, handlers={("news", "/"): heard.put}) as b,
    ):
        await b.call("join", (["async"],), timeout=5)
        await asyncio.gather(*(a.call("broadcast", ({"rooms": ["async"]}, "news", i), timeout=5) for i in range(burst(way))))
        got = [await asyncio.wait_for(heard.get(), 5) for _ in range(burst(way))]
        assert sorted(got) == list(range(burst(way)))


async def test_async_reconnects_after_a_drop(server, way):
    connections = asyncio.Queue()

    async def on_connect():
        await connections.put(True)

    async with async_connected(server, way, handlers={("connect", "/"): on_connect}) as client:
        await asyncio.wait_for(connections.get(), 5)
        first = client.get_sid()
        await client.emit("drop")
        await asyncio.wait_for(connections.get(), 10)
        assert client.get_sid() != first
        assert await client.call("echo", 1, timeout=5) == 1


@pytest.mark.skipif(REFERENCE, reason="ours only: the reference appends the offset to the arguments")
async def test_async_handlers_of_fixed_parameters_with_recovery(recovering, way):
    heard = asyncio.Queue()

    async def one(a):
        await heard.put(a)

    async with async_connected(recovering, way, handlers={("one", "/"): one}) as client:
        for value in (1, "text", b"bytes"):
            assert await client.call("broadcast", ({}, "one", value), timeout=5) is True
        assert [await asyncio.wait_for(heard.get(), 5) for _ in range(3)] == [1, "text", b"bytes"]
