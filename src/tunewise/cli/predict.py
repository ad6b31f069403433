"""`tunewise predict DIR "text"`: labels for new texts, with how sure each is."""

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.progress import shown
from tunewise.errors import OptionError

if TYPE_CHECKING:
    from tunewise.kinds import Loaded

_AT_ONCE = 4_096  # texts answered together: memory does not grow with the file


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "predict",
        help="label new texts with the winner of a classification",
        description="Labels a text, or every text of a file, with the winner that measure saved; "
        "prints a line of JSON for each: its label, how probable that is, and what else it might "
        "be.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder measure wrote")
    parser.add_argument(
        "words",
        metavar="TEXT",
        help="a text, or a file of them: one a line, or a table (CSV, TSV, JSONL) with text",
    )
    parser.add_argument("-k", type=int, default=3, help="labels told of (default: 3)")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Answers and prints."""
    if parsed.k < 1:
        raise OptionError(f"-k is {parsed.k}, so nothing could be told. Give 1 or more.")
    loaded = load_winner(parsed.folder, "classification")
    with shown() as progress:
        asked = texts_of(parsed.words)
        while some := list(islice(asked, _AT_ONCE)):
            found = loaded.contender.answer([text for _, text in some])
            progress("", 0, 0)  # ends the bar that is drawn
            for (key, text), chances in zip(some, found, strict=True):
                print(json.dumps(_told(key, text, chances, loaded, parsed.k), ensure_ascii=False))
    return 0


def load_winner(folder: Path, kind: str) -> "Loaded":
    """The winner saved in `folder`. OptionError where it is of another kind."""
    from tunewise.files import put_back
    from tunewise.kinds import KINDS, kind_in, load

    put_back(folder)
    there = kind_in(folder / "model")
    if there is not None and there != kind:
        raise OptionError(
            f"'{folder}' holds the winner of a task of {there}, and this command answers those of "
            f"{kind}. Try: {KINDS[there].trial.replace('DIR', str(folder))}"
        )
    return load(KINDS, folder / "model")


def texts_of(words: str) -> Iterator[tuple[str | None, str]]:
    """The text itself, or the texts of the file it names, each with its id."""
    path = Path(words)
    if not _is_file(path):
        yield None, words
        return
    from tunewise.data.queries import read_queries
    from tunewise.data.tables import format_of
    from tunewise.data.textfile import lines

    if format_of(path) is None:
        for number, line in enumerate(lines(path), start=1):
            if line.strip():
                yield str(number), line.strip()
    else:
        found = read_queries(path)
        yield from zip(found.ids, found.texts, strict=True)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a text too long to be a name
        return False


def _told(
    key: str | None, text: str, chances: Sequence[float], loaded: "Loaded", k: int
) -> dict[str, Any]:
    names = loaded.about["names"]
    best = sorted(range(len(names)), key=lambda label: -chances[label])[:k]
    told = {"id": key} if key is not None else {}
    label, *others = [
        {"label": names[each], "probability": round(float(chances[each]), 4)} for each in best
    ]
    return {**told, "text": text, **label, "others": others}
