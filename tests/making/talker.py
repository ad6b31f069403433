"""A stand-in for a language model's endpoint, and shelves of documents to ask about."""

import json
from pathlib import Path
from typing import Any

from endpoint import Answer, Endpoint

THINGS = ("kettle", "ladder", "bicycle", "umbrella", "violin", "compass", "lantern", "anchor")
PLACES = ("harbour", "attic", "workshop", "garden", "library", "cellar")
STEPS = ("wash it with lukewarm water", "oil every hinge", "tighten all the screws again")


class Talker:
    """Answers chat completions on 127.0.0.1; `says` makes an answer of the document's text.

    Each entry of `script` answers one request in its place: a (status, headers, body) triple.
    """

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.says = lambda text: json.dumps([f"How do I look after {text.split('.')[0].lower()}?"])
        self.endpoint = Endpoint(self._answer)
        self.seen, self.headers = self.endpoint.seen, self.endpoint.headers
        self.url = self.endpoint.url

    def _answer(self, body: dict[str, Any]) -> Answer:
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
