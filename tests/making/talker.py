"""A stand-in for a language model's endpoint, and shelves of documents to ask about."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

THINGS = ("kettle", "ladder", "bicycle", "umbrella", "violin", "compass", "lantern", "anchor")
PLACES = ("harbour", "attic", "workshop", "garden", "library", "cellar")
STEPS = ("wash it with lukewarm water", "oil every hinge", "tighten all the screws again")


class Talker:
    """Answers chat completions on 127.0.0.1; `says` makes an answer of the document's text.

    Each entry of `script` answers one request in its place: a (status, headers, body) triple.
    """

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.script: list[tuple[int, dict[str, str], Any]] = []
        self.says = lambda text: json.dumps([f"How do I look after {text.split('.')[0].lower()}?"])
        talker = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                talker.headers.append(dict(self.headers))
                talker.seen.append({"path": self.path, **body})
                status, headers, answer = talker._answer(body)
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def _answer(self, body: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        if self.script:
            return self.script.pop(0)
        text = body["messages"][-1]["content"].partition("Text:\n")[2]
        return (
            200,
            {},
            {"choices": [{"message": {"role": "assistant", "content": self.says(text)}}]},
        )


def shelf() -> list[dict[str, str]]:
    """48 documents about a thing in a place, each with a title of its own."""
    return [
        {
            "_id": f"{place}-{thing}",
            "title": f"Care of the {thing} in the {place}",
            "text": f"The {thing} of our {place}. Whoever keeps one should {STEPS[number % 3]}. "
            f"A {thing} that stood in a {place} over winter must dry for {number} days first. "
            "After that it goes back to where everybody can find it again.",
        }
        for number, (place, thing) in enumerate((p, t) for p in PLACES for t in THINGS)
    ]


def write(folder: Path, records: list[dict[str, str]], name: str = "corpus.jsonl") -> Path:
    """The folder with these documents in it, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record) for record in records]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
