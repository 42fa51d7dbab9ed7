"""The HTTP API as a backend uses it, with `requests` and nothing else."""

import concurrent.futures
import json
import re
import subprocess
import uuid

import pytest
import requests
from conftest import BINARY, KEY, KEYS, NARROW_KEY, OTHER_KEY, ROOM_KEY, TESTS


def room():
    return f"room {uuid.uuid4()}"


def contents(server, room_id):
    return [it["content"] for it in server.done("history", {"roomId": room_id})["messages"]]


def test_only_a_good_key_is_let_in(server):
    for key in ("", "x", KEY[:-1], KEY + "0", KEY.upper() + " "):
        assert server.refused("info", {}, key=key) == (401, "unauthenticated")
    bearer = {"Authorization": f"Bearer {KEY}"}
    assert "nodes" in server.done("info", {}, key=None, headers=bearer)
    assert server.post("info", {}, key="x").headers["WWW-Authenticate"]
    # Nothing of a request is looked at before its key.
    assert server.refused("nonsense", {}, key="x") == (401, "unauthenticated")
    assert server.refused("nonsense", {}) == (404, "unknown_method")


def test_a_key_is_good_for_what_its_settings_say(server):
    body = {"roomId": room(), "text": "x"}
    assert server.done("message", body, key=NARROW_KEY)["seq"] == 1
    assert server.refused("publish", {"roomId": "a", "event": "b"}, key=NARROW_KEY) == (403, "permission_denied")
    commands = [{"method": "message"} | body, {"method": "info"}]
    replies = server.done("batch", {"commands": commands}, key=NARROW_KEY)["replies"]
    assert [it.get("seq") or it["code"] for it in replies] == [2, "permission_denied"]

    assert server.done("message", {"roomId": "team:red", "text": "x"}, key=ROOM_KEY)["sent"] is True
    for method, more in (
        ("message", {"roomId": "lobby", "text": "x"}),
        ("history", {"roomId": "lobby"}),
        ("join", {"roomId": "lobby", "userId": "ann"}),
        ("broadcast", {"roomIds": ["team:red", "lobby"], "event": "x"}),
        ("broadcast", {"all": True, "event": "x"}),
        ("notify", {"userId": "ann", "title": "x"}),
        ("connections", {}),
        ("disconnect", {"userId": "ann"}),
    ):
        assert server.refused(method, more, key=ROOM_KEY) == (403, "permission_denied"), method


def test_what_does_not_fit_is_refused_with_the_field(server):
    for method, body, field in (
        ("message", {"roomId": "a"}, "content"),
        ("message", {"roomId": "a", "text": "x", "content": "x"}, "content"),
        ("message", {"roomId": "a", "text": ""}, "content"),
        ("message", {"roomId": "", "text": "x"}, "roomId"),
        ("message", {"roomid": "a", "text": "x"}, "roomid"),
        ("publish", {"roomId": "a", "event": "b", "volatil": True}, "volatil"),
        ("notify", {"title": "x"}, "userId"),
        ("history", {"roomId": "a", "limit": 1.5}, "limit"),
        ("presence", {"userIds": ["u"] * 501}, "userIds"),
        ("batch", {"commands": [{}]}, "method"),
    ):
        response = server.post(method, body)
        assert response.status_code == 400, (method, response.text)
        assert response.json()["code"] == "bad_request" and field in response.json()["error"], response.text
    response = server.post("message", data="{'a': 1}")
    assert response.status_code == 400 and "JSON" in response.json()["error"]


def test_other_verbs_and_paths_are_answered_in_json(server):
    for verb in ("GET", "PUT", "DELETE", "OPTIONS"):
        response = requests.request(verb, f"{server.url}/api/publish", headers={"X-API-Key": KEY}, timeout=9)
        assert response.status_code == 405 and response.headers["allow"] == "POST", verb
    for path in ("/api", "/api/", "/api/a/b"):
        response = requests.post(server.url + path, headers={"X-API-Key": KEY}, timeout=9)
        assert (response.status_code, response.json()["code"]) == (404, "unknown_method"), path


def test_without_a_key_there_is_no_api(start):
    server = start(settings=KEYS.partition("[[api.keys]]")[0])
    for path in ("info", "openapi.json", ""):
        response = requests.request("GET" if "." in path else "POST", f"{server.url}/api/{path}", timeout=9)
        assert response.status_code == 404
    assert "api.keys" in server.post("info", {}).json()["error"]


def test_development_makes_a_key_and_prints_what_works(start):
    server = start(settings="", flags=["--dev"])
    line = server.line("/api/message")
    answer = subprocess.run(["bash", "-c", f"{line} --silent"], capture_output=True, text=True, timeout=9, check=True)
    assert json.loads(answer.stdout)["sent"] is True


def test_a_request_that_is_sent_again_is_done_once(server):
    for method in ("message", "publish"):
        name, room_id = str(uuid.uuid4()), room()
        body = {"roomId": room_id} | ({"text": "x"} if method == "message" else {"event": "x"})
        first = server.post(method, body, name=name)
        again = server.post(method, body, name=name)
        assert first.status_code == again.status_code == 200 and first.json() == again.json()
        assert "Idempotency-Replayed" not in first.headers and again.headers["Idempotency-Replayed"] == "true"
        assert contents(server, room_id) == (["x"] if method == "message" else [])
        assert server.refused(method, body | {"roomId": room()}, name=name) == (409, "conflict")
        assert server.refused("info", {}, name=name) == (409, "conflict")
        # The name is this key's alone.
        server.done(method, body, name=name, key=OTHER_KEY)
    # A refusal that would be the same again is kept as well.
    name = str(uuid.uuid4())
    assert server.refused("message", {"roomId": "x"}, name=name) == (400, "bad_request")
    assert server.refused("message", {"roomId": "x", "text": "y"}, name=name) == (409, "conflict")
    for name in ("a b", "x" * 256):
        assert server.refused("info", {}, name=name) == (400, "bad_request")


def test_requests_of_one_name_at_the_same_time_are_done_once(server):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for _ in range(5):
            name, room_id = str(uuid.uuid4()), room()
            body = {"roomId": room_id, "text": "x"}
            answers = [pool.submit(server.post, "message", body, name=name) for _ in range(16)]
            answers = [it.result() for it in answers]
            assert {it.text for it in answers} == {answers[0].text} and answers[0].status_code == 200
            assert sum("Idempotency-Replayed" not in it.headers for it in answers) == 1
            assert contents(server, room_id) == ["x"]


def test_what_is_stored_under_a_name_outlives_a_kill(start):
    server = start()
    message = {"roomId": "lobby", "text": "once"}
    note = {"userIds": ["ann", "bob"], "title": "once"}
    batch = {"commands": [{"method": "message", "roomId": "lobby", "text": it} for it in "ab"]}
    asked = [("message", message, "m"), ("notify", note, "n"), ("batch", batch, "b")]
    first = [server.done(method, body, name=name) for method, body, name in asked]
    server.kill()
    server.start()
    again = [server.done(method, body, name=name) for method, body, name in asked]
    assert again[0] == first[0] | {"duplicate": True}
    assert again[1]["notifications"] == [it | {"duplicate": True} for it in first[1]["notifications"]]
    for before, after in zip(first[2]["replies"], again[2]["replies"], strict=True):
        assert after == before | {"duplicate": True}
    assert contents(server, "lobby") == ["once", "a", "b"]
    server.stop()


def test_limits_are_kept_and_say_when_to_come_back(start):
    server = start(
        KEYS.replace("[[api.keys]]", '[api]\nbody_bytes = "2KiB"\nbatch = 3\nrate = {per_second = 1, burst = 5}\n[[api.keys]]', 1)
    )
    assert server.refused("message", {"roomId": "a", "text": "x" * 4096}) == (413, "too_large")
    assert server.refused("batch", {"commands": [{"method": "info"}] * 4}) == (413, "too_large")
    refused = next(it for it in (server.post("info", {}) for _ in range(20)) if it.status_code != 200)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.json()["retryAfterMs"] > 0 and int(refused.headers["Retry-After"]) >= 1
    # What one key asks for is not another one's.
    commands = [{"method": "connections"}] * 2
    replies = server.done("batch", {"commands": commands}, key=OTHER_KEY)["replies"]
    assert [it.get("code") for it in replies] == ["rate_limited", "rate_limited"]


def test_what_is_stored_is_no_larger_than_clients_may_send(server):
    large = "x" * 70_000
    for method, body in (
        ("message", {"roomId": "a", "text": "x", "meta": large}),
        ("notify", {"userId": "ann", "title": "x", "data": large}),
        ("user", {"userId": "ann", "info": large}),
    ):
        assert server.refused(method, body) == (413, "too_large"), method


def test_the_examples_of_the_reference_work(server):
    page = (TESTS.parent / "docs/api.md").read_text()
    examples = re.findall(r"^curl .*$", page, re.MULTILINE)
    methods = re.findall(r"^### `(\w+)`$", page, re.MULTILINE)
    assert [re.search(r"/api/(\w+)", it)[1] for it in examples] == methods and len(methods) >= 15
    environment = {"PATH": "/usr/bin:/bin", "TIDINGS_URL": server.url, "TIDINGS_API_KEY": KEY}
    for example in examples:
        answer = subprocess.run(
            ["bash", "-c", f"{example} --silent"], env=environment, capture_output=True, text=True, timeout=9, check=True
        )
        assert json.loads(answer.stdout)["success"] is True, (example, answer.stdout)


def test_every_operation_is_described(server):
    document = requests.get(f"{server.url}/api/openapi.json", timeout=9).json()
    page = (TESTS.parent / "docs/api.md").read_text()
    methods = re.findall(r"^### `(\w+)`$", page, re.MULTILINE)
    assert {f"/api/{it}" for it in methods} == set(document["paths"])
    assert document["openapi"] == "3.1.0"


def test_requests_are_counted(start):
    server = start(settings="", flags=["--dev"])
    key = re.search(r"for this run: (\w+)", server.said)[1]
    server.done("publish", {"roomId": "a", "event": "b"}, key=key, name="once")
    server.refused("publish", {}, key=key)
    server.refused("nonsense", {}, key=key)
    page = requests.get(f"{server.url}/metrics", timeout=9).text
    for line in (
        'tidings_api_requests_total{method="publish",outcome="done"} 1',
        'tidings_api_requests_total{method="publish",outcome="refused"} 1',
        'tidings_api_requests_total{method="none",outcome="refused"} 1',
        "tidings_api_answers_kept 1",
    ):
        assert line in page.splitlines(), page


def tidings(server, *args, key=KEY, url=None):
    command = [BINARY, *args, "--url", url or server.url]
    environment = {"PATH": "/usr/bin:/bin"} | ({"TIDINGS_API_KEY": key} if key else {})
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_the_shell_has_the_api_too(server):
    room_id = room()
    for text, seq in (("one", "1"), ("two", "2")):
        sent = tidings(server, "send", room_id, text, "--sender", "ann", "--sender-name", "Ann")
        assert (sent.returncode, sent.stdout, sent.stderr) == (0, f"{seq}\n", "")
    (message, _) = server.done("history", {"roomId": room_id})["messages"]
    assert (message["senderId"], message["senderName"]) == ("ann", "Ann")
    name = str(uuid.uuid4())
    for _ in range(2):
        assert tidings(server, "send", room_id, "three", "--idempotency-key", name).stdout == "3\n"
    assert contents(server, room_id) == ["one", "two", "three"]
    for data in ('{"a":1}', "no JSON"):
        published = tidings(server, "publish", room_id, "event", data)
        assert (published.returncode, published.stdout) == (0, "")
    assert tidings(server, "notify", "ann", "Title", "Body", "--data", "[1]").stdout.strip()
    assert tidings(server, "disconnect", "ann", "--reconnect").stdout == "0\n"
    assert tidings(server, "disconnect", "--client", "x").stdout == "0\n"


@pytest.mark.parametrize(
    ("args", "more", "status", "says"),
    [
        (["send", "lobby", "x"], {"key": None}, 2, "TIDINGS_API_KEY"),
        (["send", "lobby", "x"], {"key": "wrong"}, 2, "api.keys"),
        (["send", "lobby", ""], {}, 2, "content is empty"),
        (["send", "lobby", "x"], {"url": "http://127.0.0.1:1"}, 1, "is it running"),
        (["send", "lobby", "x"], {"url": "127.0.0.1:3000"}, 2, "http://"),
        (["publish", "lobby", "chat:message"], {}, 2, "own"),
        (["disconnect"], {}, 2, "--client"),
    ],
)
def test_the_shell_says_what_to_do(server, args, more, status, says):
    refused = tidings(server, *args, **more)
    assert (refused.returncode, refused.stdout) == (status, ""), refused.stderr
    assert says in refused.stderr, refused.stderr
