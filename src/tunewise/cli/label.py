"""`tunewise label DIR`: which queries to label first, in a file to be filled in."""

import argparse
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.progress import shown
from tunewise.cli.search import measured_task
from tunewise.errors import OptionError, OutputError
from tunewise.progress import Progress

if TYPE_CHECKING:
    from tunewise.contenders import Contender
    from tunewise.task import Task

_TEN = 10  # documents that each of the two contenders gives for a query
_USUAL = 50  # queries, where the verdict asks for no number


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "label",
        help="which queries to label first, to be surer of the answer",
        description="Draws unlabelled queries, those more often on which the two contenders in "
        "question disagree, and writes them with the documents that both find into a file to be "
        "filled in. `tunewise measure DATA --labels FILE` takes it back, each query with the "
        "weight of its draw, so that the answer is not biased by the choice.",
    )
    option = parser.add_argument
    option("folder", type=Path, metavar="DIR", help="the folder measure wrote")
    option(
        "--queries",
        metavar="FILE",
        help="queries to draw from: a table, or a text file with one a line "
        "(default: those of the data without judgments)",
    )
    option(
        "-n",
        type=int,
        help="how many queries (default: as many as the verdict asks for, or 50)",
    )
    option("--out", type=Path, default=Path("to-label.csv"), metavar="FILE", help="where to")
    option("--on", dest="data", metavar="DATA", help="where the data is, if it has been moved")
    option("--seed", type=int, default=0)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Loads the two contenders, asks both, draws, writes, prints."""
    from tunewise.data.labels import write_labels
    from tunewise.data.unlabelled import unlabelled
    from tunewise.files import check_writable, put_back
    from tunewise.measurement.label import label

    if parsed.n is not None and parsed.n < 1:
        raise OptionError(f"-n is {parsed.n}, so nothing would be drawn. Give 1 or more.")
    if parsed.out.exists():
        raise OutputError(
            f"'{parsed.out}' is there already, and grades in it would be lost. Name another file "
            "with --out."
        )
    put_back(parsed.folder)
    task = measured_task(parsed.folder, parsed.data)
    queries = unlabelled(task, parsed.queries)
    check_writable(parsed.out.absolute().parent)
    with shown() as progress:
        pair = _pair(parsed.folder, task, progress)
        progress("ranking the queries", 0, 0)
        n = parsed.n or _asked_for(parsed.folder)
        drawn = label(task, pair, queries, n=n, seed=parsed.seed)
        write_labels(drawn, task.documents, parsed.out)
    new = [query for query in drawn.queries.ids if query not in task.weights]
    rows = sum(len(drawn.documents[query]) for query in new)
    print(
        f"{len(new):,} of {len(queries):,} unlabelled queries, drawn by how much {pair[0].name} "
        f"and {pair[1].name} disagree: {rows:,} rows to grade."
    )
    if new and all(len(drawn.documents[query]) <= _TEN for query in new):
        print(
            "On each of these both find the same ten documents, so grades will hardly tell them "
            "apart: what is missing is training queries, not test queries."
        )
    if task.weights:
        print(f"The {len(task.weights):,} labelled before come first, with their grades.")
    print(f"Written to {parsed.out}. Fill in the column grade: 0 not relevant, 1 or more relevant.")
    print(f"Then:  {_again(parsed.folder, task)} --labels {parsed.out}")
    return 0


def _again(folder: Path, task: "Task") -> str:
    """The command that measured, without labels of an earlier round."""
    words = shlex.split(str(_told(folder).get("reproduce", "")))
    while "--labels" in words:
        place = words.index("--labels")
        del words[place : place + 2]
    return shlex.join(words or ["tunewise", "measure", task.source])


def _told(folder: Path) -> dict[str, Any]:
    """The verdict's facts; none where `tune` wrote the folder."""
    path = folder / "verdict.json"
    if (folder / "tuned.json").is_file() or not path.is_file():
        return {}
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _asked_for(folder: Path) -> int:
    """How many more queries the verdict says would settle it, else the usual number."""
    return (_told(folder).get("needed") or {}).get("more") or _USUAL


def _pair(folder: Path, task: "Task", progress: Progress) -> "tuple[Contender, Contender]":
    """The two contenders in question: winner and rival where there is one, else base and winner."""
    from tunewise.contenders import load_contender
    from tunewise.report.save import RIVAL

    first, second = ("model", RIVAL) if (folder / RIVAL).is_dir() else ("base", "model")
    return (
        load_contender(folder / first, task.documents, progress=progress),
        load_contender(folder / second, task.documents, progress=progress),
    )
