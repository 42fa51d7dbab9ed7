"""What a backend is told: each event, once, signed, in the order of its room."""

import hashlib
import hmac
import json
import subprocess
import time

import pytest
import requests
from conftest import HOOK_SECRET, documented, serving, token, verify
from websockets_of import Plain

EVENTS = """
[webhooks]
linger = "1ms"

[[webhooks.endpoints]]
name = "all"
url = "{url}/all"
secret = "{secret}"

[[webhooks.endpoints]]
url = "{url}/some"
secret = "{secret}"
events = ["message:deleted"]
"""


@pytest.fixture
def told(tmp_path, backend_of):
    """A server, and a function that waits for the next event of a type."""
    backend = backend_of(lambda path, body: (200, None))
    seen = []

    def next_event(kind):
        while True:
            for event in seen:
                if event["type"] == kind:
                    seen.remove(event)
                    return event
            seen.extend(backend.next("/all")["events"])

    with serving(tmp_path, EVENTS.format(url=backend.url, secret=HOOK_SECRET)) as server:
        yield server, next_event, backend


def call(server, user, command, data, **claims):
    headers = {"Authorization": f"Bearer {token(user, **claims)}"}
    answer = requests.post(f"{server.url}/rpc", json={"type": command, "data": data}, headers=headers, timeout=15)
    return answer.json()


def test_a_backend_is_told_who_comes_and_goes_and_which_rooms_are_occupied(told):
    server, next_event, _ = told
    assert next_event("server:started")["version"]
    with Plain(server, token("ana", name="Ana", rooms=["*"])) as ana:
        came = next_event("connect")
        assert came | {"id": 0, "timestamp": 0, "clientId": 0} == {
            "id": 0, "timestamp": 0, "clientId": 0, "type": "connect", "userId": "ana", "username": "Ana",
            "transport": "websocket", "recovered": False,
        }
        online = next_event("user:online")
        assert (online["userId"], online["username"]) == ("ana", "Ana")
        ana.ask("room:join", "team")
        assert next_event("room:occupied")["roomId"] == "team"
        with Plain(server, token("ben", rooms=["*"])) as ben:
            ben.ask("room:join", "team")
    gone = {next_event("disconnect")["userId"], next_event("disconnect")["userId"]}
    assert gone == {"ana", "ben"}
    assert {next_event("user:offline")["userId"], next_event("user:offline")["userId"]} == {"ana", "ben"}
    assert next_event("room:vacated")["roomId"] == "team"
    # Nobody was told of the second who came: the room was occupied already.
    with Plain(server, token("ana", rooms=["*"])) as ana:
        ana.ask("room:join", "after")
        assert next_event("room:occupied")["roomId"] == "after"


def test_a_backend_is_told_what_is_stored(told):
    server, next_event, backend = told
    said = {"roomId": "team", "content": "海内存知己 👩‍👩‍👧‍👦 \n", "clientMessageId": "c1", "meta": {"n": [1, 2.5, None]}}
    sent = call(server, "ana", "chat:send", said, name="Ana", rooms=["*"])
    event = next_event("message")
    assert event | {"id": 0} == said | {
        "id": 0, "type": "message", "messageId": sent["messageId"], "seq": sent["seq"], "senderId": "ana",
        "senderName": "Ana", "timestamp": sent["timestamp"],
    }
    again = call(server, "ana", "chat:send", said, name="Ana", rooms=["*"])
    assert again["duplicate"]
    target = {"roomId": "team", "messageId": sent["messageId"]}
    call(server, "ana", "chat:edit", target | {"content": "hi"}, rooms=["*"])
    edited = next_event("message:edited")
    assert (edited["messageId"], edited["content"], edited["seq"]) == (sent["messageId"], "hi", 2)
    call(server, "mod", "chat:delete", target, rooms=["*"], admin=True)
    deleted = next_event("message:deleted")
    assert (deleted["messageId"], deleted["userId"], deleted["senderId"]) == (sent["messageId"], "mod", "ana")
    assert "content" not in deleted
    noted = call(server, "mod", "notification:send", {"userId": "ana", "title": "Hello"}, admin=True)
    call(server, "ana", "notification:read", {"ids": [noted["notificationId"]]})
    read = next_event("notification:read")
    assert (read["userId"], read["ids"], read["unread"]) == ("ana", [noted["notificationId"]], 0)
    # The other endpoint wanted one kind of event, and nobody was told of the repetition.
    some = [event for path, body in backend.asked() if path == "/some" for event in body["events"]]
    assert [event["id"] for event in some] in ([], [deleted["id"]])


def test_the_documented_checks_of_signatures_agree(tmp_path):
    secret, other = "5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6", "c6b4a2f0e9c7d1356a4b8a9e1d7c2b5f"
    script = tmp_path / "check.mjs"
    script.write_text(
        documented("js")
        + """
const cases = JSON.parse(process.argv[2]);
console.log(JSON.stringify(cases.map(([body, header, secret]) => verify(Buffer.from(body), header, secret))));
""",
        encoding="utf-8",
    )
    def header(body, key, seconds):
        mac = hmac.new(key.encode(), f"{seconds}.{body}".encode(), hashlib.sha256).hexdigest()
        return f"t={seconds},v1={mac}"

    now = int(time.time())
    good = header("{}", secret, now)
    cases = [
        ("{}", good, secret, True),
        ("{}", good, other, False),
        ("{ }", good, secret, False),
        ("{}", header("{}", secret, now - 3600), secret, False),
        ("{}", good.replace(f"t={now}", f"t={now - 1}"), secret, False),
        ("{}", header("{}", other, now) + "," + good.split(",")[1], secret, True),
        ("{}", "", secret, False),
        ("{}", "t=x,v1=", secret, False),
        ("{}", f"t={now}", secret, False),
        ("你好", header("你好", secret, now), secret, True),
    ]
    expected = [it[3] for it in cases]
    assert [verify(body.encode(), sign, key) for body, sign, key, _ in cases] == expected
    run = subprocess.run(
        ["node", str(script), json.dumps([it[:3] for it in cases])], capture_output=True, text=True, check=True
    )
    assert json.loads(run.stdout) == expected


def test_while_a_secret_is_exchanged_both_are_good(tmp_path, backend_of):
    backend = backend_of(lambda path, body: (200, None))
    new = "0f" * 4 + HOOK_SECRET[8:]
    settings = f"""
[[webhooks.endpoints]]
url = "{backend.url}/all"
secret = "{new}"
previous_secret = "{HOOK_SECRET}"
"""
    # The backend knows the previous one only, and checks every request with it.
    with serving(tmp_path, settings):
        assert backend.next("/all")["events"][0]["type"] == "server:started"


def test_what_nobody_took_is_told_after_a_restart(tmp_path, backend_of):
    refuse = True

    def answer(path, body):
        return (500, {"secret": "of the backend"}) if refuse else (200, None)

    backend = backend_of(answer)
    settings = EVENTS.format(url=backend.url, secret=HOOK_SECRET)
    settings = settings.replace('linger = "1ms"', 'linger = "1ms"\nretry_min = "50ms"')
    with serving(tmp_path, settings) as server:
        sent = [call(server, "ana", "chat:send", {"roomId": "r", "content": str(n)}, rooms=["*"]) for n in range(30)]
        tried = {event["id"] for event in backend.next("/all")["events"]}
        server.kill()
        refuse = False
        backend.asked()
        server.start()
        got = []
        while len(got) < len(sent):
            got += [event for event in backend.next("/all")["events"] if event["type"] == "message"]
        assert [event["messageId"] for event in got] == [answer["messageId"] for answer in sent]
        assert tried, "the same events had been tried before"


def test_what_happened_last_is_told_before_the_server_ends(tmp_path, backend_of):
    backend = backend_of(lambda path, body: (200, None))
    with serving(tmp_path, EVENTS.format(url=backend.url, secret=HOOK_SECRET)) as server:
        Plain(server, token("ana"))
    # It has ended by now, so whatever it told is here.
    kinds = [event["type"] for path, body in backend.asked() if path == "/all" for event in body["events"]]
    assert kinds.count("connect") == kinds.count("disconnect") == 1, kinds


def test_what_there_was_no_room_for_is_said(tmp_path, backend_of):
    refuse = True
    backend = backend_of(lambda path, body: (503, None) if refuse else (200, None))
    settings = EVENTS.format(url=backend.url, secret=HOOK_SECRET)
    settings = settings.replace('linger = "1ms"', 'linger = "1ms"\nretry_max = "500ms"\nqueue = 100\nbatch = 5')
    settings += "\n[limits.rate.connection]\nburst = 1000\n"
    with serving(tmp_path, settings) as server:
        with Plain(server, token("ana", rooms=["*"])) as ana:
            for n in range(160):
                assert ana.ask("chat:send", {"roomId": "r", "content": str(n)})["success"], "nobody has to wait"
        refuse = False
        events, seen = [], set()
        while not any(event.get("seq") == 160 for event in events):
            for event in backend.next("/all")["events"]:
                if event["id"] not in seen:
                    seen.add(event["id"])
                    events.append(event)
    lost = [event["count"] for event in events if event["type"] == "dropped"]
    assert lost and sum(lost) >= 30, lost
    told = [event["seq"] for event in events if event["type"] == "message"]
    assert told == sorted(told) and told[-90:] == list(range(71, 161)), told


def test_what_webhooks_do_is_counted(tmp_path, backend_of):
    refuse = True
    backend = backend_of(lambda path, body: (503, None) if refuse else (200, None))
    settings = EVENTS.format(url=backend.url, secret=HOOK_SECRET)
    settings = settings.replace('linger = "1ms"', 'linger = "1ms"\nretry_min = "50ms"\nbreaker_failures = 1')
    secret = "8a1f0e5d7c3b49260a1b2c3d4e5f6a7b"
    with serving(tmp_path, settings + f'\n[metrics]\ntoken = "{secret}"\n') as server:

        def count(name, labels='{webhook="events/all"}'):
            page = requests.get(f"{server.url}/metrics", headers={"Authorization": f"Bearer {secret}"}, timeout=15)
            found = [line for line in page.text.splitlines() if line.startswith(f"tidings_{name}{labels} ")]
            return float(found[0].split()[-1])

        def until(condition):
            deadline = time.monotonic() + 15
            while not condition():
                assert time.monotonic() < deadline
                time.sleep(0.02)

        until(lambda: count("webhook_breaker_open") == 1)
        assert count("webhook_failed_total") >= 1 and count("webhook_events_retried_total") >= 1
        assert count("webhook_queue") == count("outbox_events", "") == 1
        refuse = False
        until(lambda: count("webhook_events_delivered_total") == 1)
        until(lambda: count("webhook_breaker_open") == 0)
        assert count("webhook_succeeded_total") == 1
        answers = count("webhook_seconds_count")
        assert answers == count("webhook_seconds_bucket", '{le="+Inf",webhook="events/all"}') >= 2
