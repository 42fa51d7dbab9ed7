"""A plain WebSocket client of the real server."""

import json

import websocket


class Plain:
    """Asks one question at a time, and passes over events."""

    def __init__(self, server, token):
        self.socket = websocket.create_connection(server.url.replace("http", "ws") + f"/ws?token={token}", timeout=15)
        self.id = 0
        self.hear("welcome")

    def hear(self, name):
        while True:
            frame = json.loads(self.socket.recv())
            if frame["type"] == name:
                return frame["data"]

    def ask(self, command, data=None):
        self.id += 1
        self.socket.send(json.dumps({"type": command, "data": data, "id": self.id}))
        while True:
            frame = json.loads(self.socket.recv())
            if frame["type"] == "ack" and frame["id"] == self.id:
                return frame["data"]

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
