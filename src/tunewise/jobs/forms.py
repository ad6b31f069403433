"""Forms: files made for tuning chat models, as queries and the documents that answer them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from tunewise.errors import DataError
from tunewise.files import whole

_LONGEST = 4 * 2**20  # bytes of a line; more is no example


def as_ours(uploaded: Sequence[tuple[str, Path]], to: Path) -> int:
    """Writes uploaded JSONL files, by their names, as `read_examples` reads them; rows changed.

    Rows with "messages" give a query and a positive for each answer that follows a user's message;
    "prompt" and "completion" are query and positive. Files of any other form stay as they are.
    Raises DataError for a file that is no JSONL or has rows of another form than its first.
    """
    changed, chat = 0, None
    with whole(to) as beside, beside.open("w", encoding="utf-8") as out:
        for number, line in (each for name, path in uploaded for each in _lines(name, path)):
            pairs = list(_pairs(_row(line, number), number))
            if chat not in (None, bool(pairs)):
                raise DataError(
                    f"Line {number} is of another form than those before it. Give messages (or "
                    "prompt and completion) on every line, or on none."
                )
            chat = bool(pairs)
            changed += chat
            for query, positive in pairs:
                out.write(json.dumps({"query": query, "positive": positive}) + "\n")
            if not pairs:
                out.write(line + "\n")
    return changed


def check_first(name: str, start: bytes, *, whole: bool) -> None:
    """Raises DataError where nothing is a line, or the first is no JSON object.

    `start` is what an upload begins with; `whole` says that this is all of it. A line that goes on
    past `start` is left to who reads the file.
    """
    for count, line in enumerate(start.splitlines(keepends=True), start=1):
        if not whole and not line.endswith(b"\n"):
            return
        number = f"{count} of '{name}'"
        if text := _decoded(line, count, number):
            _row(text, number)
            return
    if whole:
        raise DataError(f"'{name}' holds nothing. A training file has one JSON object a line.")


def _lines(name: str, path: Path) -> Iterator[tuple[str, str]]:
    """The lines that hold something, each with its number and the file's name."""
    with path.open("rb") as file:
        count = 0
        while line := file.readline(_LONGEST + 1):
            count += 1
            number = f"{count} of '{name}'"
            if len(line) > _LONGEST:
                raise DataError(f"Line {number} is longer than {_LONGEST:,} bytes. Cut it.")
            if text := _decoded(line, count, number):
                yield number, text


def _decoded(line: bytes, count: int, number: str) -> str:
    try:
        return line.decode("utf-8-sig" if count == 1 else "utf-8").strip()
    except UnicodeDecodeError as wrong:
        raise DataError(
            f"Line {number} is not UTF-8: {wrong.reason}. Convert the file with iconv."
        ) from wrong


def _row(line: str, number: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as wrong:
        raise DataError(
            f"Line {number} is no JSON ({wrong}). A training file has one JSON object a line."
        ) from wrong
    if not isinstance(row, dict):
        raise DataError(f"Line {number} is no JSON object. Write one on each line: {{...}}.")
    return row


def _pairs(row: Mapping[str, Any], number: str) -> Iterator[tuple[str, str]]:
    if "messages" in row:
        yield from _of_messages(row["messages"], number)
    elif "prompt" in row and "completion" in row:
        yield _text(row["prompt"], number), _text(row["completion"], number)


def _of_messages(messages: Any, number: str) -> Iterator[tuple[str, str]]:
    """Each user's message with the answer that follows it; what systems and tools say is left."""
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        raise DataError(f"In line {number} 'messages' is no list of messages.")
    said = [each for each in messages if each.get("role") in ("user", "assistant")]
    found = [
        (_text(asked.get("content"), number), _text(answer.get("content"), number))
        for asked, answer in pairwise(said)
        if asked["role"] == "user" and answer["role"] == "assistant" and answer.get("weight") != 0
    ]
    if not found:
        raise DataError(
            f"In line {number} no assistant's message answers a user's, so there is nothing to "
            "learn from. Give both, or leave the line out."
        )
    yield from found


def _text(content: Any, number: str) -> str:
    """A message's text, which may come in parts."""
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    if not isinstance(content, str) or not content.strip():
        raise DataError(f"In line {number} a text is missing or empty. Give it, or leave it out.")
    return content
