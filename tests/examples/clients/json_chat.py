"""Logs in, shows what is said, and says what is typed: `bob: hello` to bob, anything else to everybody.

    tests/.cache/venv/bin/python tests/examples/clients/json_chat.py ann [ws://127.0.0.1:8765]
"""

import asyncio
import json
import sys

import websockets


class Chat:
    def __init__(self, socket):
        self.socket = socket

    async def send(self, **message):
        await self.socket.send(json.dumps(message, ensure_ascii=False))

    async def login(self, user_id):
        await self.send(type="login", user_id=user_id)

    async def private_message(self, to, content):
        await self.send(type="private_message", to=to, content=content)

    async def broadcast(self, content):
        await self.send(type="broadcast", content=content)

    async def receive(self):
        return json.loads(await self.socket.recv())


async def main(user_id, url="ws://127.0.0.1:8765"):
    async with websockets.connect(url) as socket:
        chat = Chat(socket)
        await chat.login(user_id)

        async def show():
            while True:
                print(await chat.receive())

        showing = asyncio.create_task(show())
        while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
            to, private, content = line.partition(": ")
            await (chat.private_message(to, content) if private else chat.broadcast(line))
        showing.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
