"""`tunewise search DIR "words"`: the winner tried by hand, beside its base."""

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.data import add_data, read_data
from tunewise.cli.progress import shown
from tunewise.errors import DataError, OptionError

if TYPE_CHECKING:
    from tunewise.contenders import Contender
    from tunewise.task import Task


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "search",
        help="try the winner by hand, base and winner side by side",
        description="Searches the measured documents with the winner and with its base.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder measure wrote")
    parser.add_argument("words", metavar="WORDS", help="what to search for")
    parser.add_argument("-k", type=int, default=5, help="how many documents (default: 5)")
    add_data(parser, flag="--on")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Loads the two contenders over the documents, asks both, prints them side by side."""
    from tunewise.contenders import load_contender
    from tunewise.contenders.shrunk import shrunk
    from tunewise.files import put_back
    from tunewise.report.save import SHRUNK
    from tunewise.task import Texts

    if parsed.k < 1:
        raise OptionError(f"-k is {parsed.k}, so nothing could be shown. Give 1 or more.")
    put_back(parsed.folder)
    task = read_data(parsed) if parsed.data else measured_task(parsed.folder)
    query = Texts(["words"], [parsed.words])
    lists, note = [], ""
    with shown() as progress:
        for part in ("base", "model"):
            contender = load_contender(parsed.folder / part, task.documents, progress=progress)
            form = parsed.folder / SHRUNK[0]
            if part == "model" and form.is_file():
                contender = shrunk(contender, form, task.documents)
                note = contender.notes[-1]
            lists.append((contender, contender.rank(query).best(0, parsed.k)))
    (base, _), (winner, _) = lists
    print(_page(task, lists if base.name != winner.name or note else lists[1:]))
    if note:
        print(f"{winner.name}: {note}")
    return 0


def measured_task(folder: Path, moved_to: str | None = None) -> "Task":
    """The task that the verdict or the tuned model in this folder was made of, read as then."""
    from tunewise.data.read import read_task

    tuned = folder / "tuned.json"
    told = tuned if tuned.is_file() else folder / "verdict.json"
    try:
        data = json.loads(told.read_text(encoding="utf-8"))["data"]
        source, read_with = str(data["source"]), dict(data["read_with"])
    except (OSError, ValueError, LookupError, TypeError) as wrong:
        raise DataError(
            f"'{folder}' holds no verdict of Tunewise ({wrong}). Give the folder that "
            "`tunewise measure` or `tunewise tune` wrote, the one that `model` is in."
        ) from wrong
    if data.get("kind", "retrieval") != "retrieval":
        raise DataError(
            f"'{folder}' was tuned on {data['units']}, and only documents can be searched. "
            f"Use its vectors: SentenceTransformer('{folder / 'model'}')."
        )
    return read_task(moved_to or source, **read_with)


def _page(task: "Task", lists: "list[tuple[Contender, list[tuple[str, float]]]]") -> str:
    width = (min(shutil.get_terminal_size((100, 24)).columns, 160) - 3) // len(lists)
    columns = [
        [f"{contender.name}", ""] + [line for hit in hits for line in _hit(task, hit, width)]
        for contender, hits in lists
    ]
    height = max(len(column) for column in columns)
    padded = [column + [""] * (height - len(column)) for column in columns]
    return "\n".join(
        " │ ".join(f"{cell:<{width}}" for cell in row).rstrip() for row in zip(*padded, strict=True)
    )


def _hit(task: "Task", hit: tuple[str, float], width: int) -> list[str]:
    from tunewise.report import printable

    document, score = hit
    text = printable(" ".join(task.documents.text(document).split()))
    head = printable(f"{score:.3f}  {document}")
    return [head[:width], text[:width], text[width : 2 * width], ""]
