"""What is written in one turn of the loop goes out in one piece, in order, before an end."""

import asyncio
import socket

import httpx
from running import running

from tunewise.serving.joined import Joined
from tunewise.serving.models import Model
from tunewise.testing import WordHashEncoder

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Line:
    """A transport that keeps what it is given."""

    def __init__(self):
        self.sent = []

    def write(self, data):
        self.sent.append(data)

    def close(self):
        self.sent.append("closed")

    def is_closing(self):
        return self.sent[-1:] == ["closed"]


def written(act):
    """What goes out while `act` runs, and what has when the loop has had its next turn."""

    async def turns():
        line = Line()
        act(Joined(line, asyncio.get_running_loop()))
        at_once = list(line.sent)
        await asyncio.sleep(0)
        return at_once, line.sent

    return asyncio.run(turns())


def test_pieces_are_joined_in_the_next_turn():
    def act(joined):
        joined.write(b"head")
        joined.write(b"body")
        assert not joined.is_closing()  # all else is the transport's own

    assert written(act) == ([], [b"headbody"])


def test_what_was_written_goes_before_the_end():
    def act(joined):
        joined.write(b"last words")
        joined.close()

    assert written(act) == ([b"last words", "closed"],) * 2


def test_much_does_not_wait():
    big = b"x" * 70_000

    def act(joined):
        joined.write(b"head")
        joined.write(big)
        joined.write(b"end")

    assert written(act) == ([b"head" + big], [b"head" + big, b"end"])


def test_an_answer_arrives_in_one_piece():
    with running(Model("plain", WordHashEncoder())) as address:
        url = httpx.URL(address)
        with socket.create_connection((url.host, url.port), timeout=20) as raw:
            for _ in range(20):
                raw.sendall(HEAD)
                answer = raw.recv(65_536)
                assert answer.startswith(b"HTTP/1.1 200")
                assert answer.endswith(b'{"status":"ok"}')
