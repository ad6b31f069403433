"""`tunewise search DIR "words"`: the winner tried by hand; `--queries FILE`: asked many at once."""

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.collection import add_search, refuse_alone, search_collection
from tunewise.cli.data import add_data, read_data
from tunewise.cli.progress import shown
from tunewise.errors import DataError, OptionError

if TYPE_CHECKING:
    from tunewise.contenders import Contender
    from tunewise.progress import Progress
    from tunewise.task import Task

_AT_ONCE = 4_096  # queries asked together; each has 200 documents found


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "search",
        help="try the winner by hand, base and winner side by side, or ask it many queries",
        description="Searches the measured documents: for WORDS with the winner and with its base, "
        "or for all queries of a file with the winner, printed as lines of JSON. With "
        "--collection, what was indexed is searched.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder measure wrote")
    parser.add_argument("words", metavar="WORDS", nargs="?", help="what to search for")
    parser.add_argument("-k", type=int, default=5, help="how many documents (default: 5)")
    parser.add_argument(
        "--index",
        metavar="WHICH",
        default="auto",
        help="how the winner's vectors are searched: exact, graph (approximate, kept in DIR), or "
        "auto, the default: a graph where it pays",
    )
    add_data(
        parser,
        flag="--on",
        queries="without WORDS: the queries to ask, one a line or a table as in data; "
        "else queries of the data, if in a file of their own",
    )
    add_search(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Loads what is asked over the documents, asks, prints."""
    from tunewise.files import put_back

    if parsed.k < 1:
        raise OptionError(f"-k is {parsed.k}, so nothing could be shown. Give 1 or more.")
    blank = parsed.words is not None and not parsed.words.strip()
    if blank or (parsed.words is None and parsed.queries is None):
        raise OptionError(
            f"There is nothing to search for. Say what: tunewise search {parsed.folder} "
            '"your words", or give a file of queries with --queries.'
        )
    refuse_alone(parsed)
    put_back(parsed.folder)
    if parsed.collection is not None:
        return search_collection(parsed)
    return _side_by_side(parsed) if parsed.words is not None else _all_at_once(parsed)


def _side_by_side(parsed: argparse.Namespace) -> int:
    """One query, asked of the base and of the winner."""
    from tunewise.contenders import load_contender
    from tunewise.task import Texts

    task = read_data(parsed) if parsed.data else measured_task(parsed.folder)
    query = Texts(["words"], [parsed.words])
    with shown() as progress:
        base = load_contender(parsed.folder / "base", task.documents, progress=progress)
        winner, note = _winner(parsed, task, 1, progress)
        lists = [(one, one.rank(query).best(0, parsed.k)) for one in (base, winner)]
    print(_page(task, lists if base.name != winner.name or note else lists[1:]))
    if note:
        print(f"{winner.name}: {note}")
    return 0


def _all_at_once(parsed: argparse.Namespace) -> int:
    """Many queries, asked of the winner; what it finds is printed for other programs to read."""
    from tunewise.data.queries import read_queries

    asked = read_queries(Path(parsed.queries))
    if parsed.documents is None:  # else the data is in files of its own, and this is one of them
        parsed = argparse.Namespace(**{**vars(parsed), "queries": None})
    task = read_data(parsed) if parsed.data else measured_task(parsed.folder)
    with shown() as progress:
        winner, note = _winner(parsed, task, len(asked), progress)
        progress("", 0, 0)  # ends the bar that is drawn
        print(f"{winner.name}: {note}", file=sys.stderr)
        for begin in range(0, len(asked), _AT_ONCE):
            some = asked.take(range(begin, min(begin + _AT_ONCE, len(asked))))
            rankings = winner.rank(some)
            for row, query in enumerate(some.ids):
                for document, score in rankings.best(row, parsed.k):
                    hit = {"query_id": query, "document_id": document, "score": round(score, 6)}
                    print(json.dumps(hit, ensure_ascii=False))
    return 0


def _winner(
    parsed: argparse.Namespace, task: "Task", asked: int, progress: "Progress"
) -> "tuple[Contender, str]":
    """The winner, and how it is searched; nothing to say of one query, searched exactly."""
    from tunewise.contenders import load_contender
    from tunewise.contenders.indexed import asked_before, indexed
    from tunewise.contenders.shrunk import shrunk
    from tunewise.report.save import SHRUNK

    contender = load_contender(parsed.folder / "model", task.documents, progress=progress)
    form = parsed.folder / SHRUNK[0]
    if form.is_file():
        contender = shrunk(contender, form, task.documents)
        without = ", all of them: a graph would be of whole vectors"
        return contender, contender.notes[-1] + (without if parsed.index == "graph" else "")
    if parsed.index == "auto" and parsed.words is not None:
        return contender, ""
    contender = indexed(
        contender,
        task.documents,
        parsed.folder / "graph",
        index=parsed.index,
        asked=asked,
        sample=asked_before(task),
        k=parsed.k,
        progress=progress,
    )
    return contender, contender.notes[-1]


def measured_task(folder: Path, moved_to: str | None = None) -> "Task":
    """The task that the verdict or the tuned model in this folder was made of, read as then."""
    from tunewise.data.read import read_task

    tuned = folder / "tuned.json"
    told = tuned if tuned.is_file() else folder / "verdict.json"
    try:
        facts = json.loads(told.read_text(encoding="utf-8"))
        data = facts["data"]
        require_search(folder, facts)
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


def require_search(folder: Path, facts: Mapping[str, Any]) -> None:
    """Raises OptionError where `facts` are those of another kind of task."""
    from tunewise.kinds import KINDS

    kind = KINDS.get(facts.get("kind", ""))
    if kind is not None:
        raise OptionError(
            f"'{folder}' holds the winner of a task of {kind.name}, and there is nothing to "
            f"search. Try: {kind.trial_in(folder)}"
        )


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
