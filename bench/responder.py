"""A platform that only answers: each card after 50 ms, its receipt right behind, and a count of what came.

Quicker than the sandbox, which keeps a record of everything: so it is never what is measured.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping
from itertools import count
from typing import Any

from backend.wechat import accounts
from bench import pushes

DELAY = 0.05  # seconds
SENDERS = 8  # connections that push receipts
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
TOKEN = {"access_token": "token-for-measuring-only", "expires_in": 7200}


class Platform:
    """What it has been asked, and the receipts that it still has to push."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.numbers = count(4_000_000_000_000_000_000)
        self.known: dict[str, int] = {}
        self.receipts: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    async def answer(self, path: str, body: bytes) -> Mapping[str, Any]:
        """As WeChat answers this path; anything unknown is a token."""
        if path.startswith("/asked"):
            return {"calls": self.asked.total(), "messages": len(self.asked)}
        if not path.startswith("/cgi-bin/message/template/send"):
            return TOKEN
        await asyncio.sleep(DELAY)
        sent = json.loads(body)
        name = sent["client_msg_id"]
        self.asked[name] += 1
        number = self.known.setdefault(name, next(self.numbers))
        if self.asked[name] == 1 and sent["touser"]:
            self.receipts.put_nowait((sent["touser"], number))
        return {"errcode": 0, "errmsg": "ok", "msgid": number}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One keep-alive connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                body = await reader.readexactly(_length(head))
                said = json.dumps(await self.answer(head.split(b" ", 2)[1].decode(), body)).encode()
                writer.write(HEAD % len(said) + said)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def push(self, port: int) -> None:
        """Push receipts one after the other; one that was not taken comes again."""
        while True:
            receipt = await self.receipts.get()
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                while True:
                    await _push(reader, writer, *receipt)
                    receipt = await self.receipts.get()
            except (asyncio.IncompleteReadError, ConnectionError):
                self.receipts.put_nowait(receipt)
                await asyncio.sleep(DELAY)


async def _push(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, openid: str, number: int) -> None:
    writer.write(pushes.wire(accounts.get("bench"), openid, pushes.receipt(number)))
    await reader.readexactly(_length(await reader.readuntil(b"\r\n\r\n")))


def _length(head: bytes) -> int:
    lower = head.lower()
    return int(lower.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in lower else 0


async def main(port: int, callback_port: int) -> None:
    platform = Platform()
    server = await asyncio.start_server(platform.serve, "127.0.0.1", port)
    pushing = [platform.push(callback_port) for _ in range(SENDERS)]
    await asyncio.gather(server.serve_forever(), *pushing)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
