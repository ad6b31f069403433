"""`tunewise measure DATA`: do off-the-shelf embeddings suffice, or does tuning pay?"""

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.data import SEARCH, add_data, add_engine, kind_of, read_data
from tunewise.cli.making import add_making, made_data, require_no_making
from tunewise.cli.of_kind import how_to_measure, measured_kind, print_places
from tunewise.cli.progress import shown
from tunewise.cli.values import add_prices, add_use, prices, use

if TYPE_CHECKING:
    from tunewise.task import Task


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "measure",
        help="do off-the-shelf embeddings suffice, or does tuning pay?",
        description="Measures every contender on the data and answers: suffices, suffices with "
        "hybrid, tune, or cannot tell yet; with intervals, prices, and the winner saved.",
    )
    add_data(parser)
    add_making(parser)
    add_kind(parser)
    add_measuring(parser)
    parser.set_defaults(run=run)


def add_kind(parser: argparse.ArgumentParser) -> None:
    """Adds what kind of task the data is, and what only some kinds ask for."""
    add = parser.add_argument
    add(
        "--kind",
        metavar="KIND",
        help="what the data is for: search, classification, multilabel, similarity, clustering, "
        "anomaly or recommendation (default: told by the columns)",
    )
    add(
        "--file",
        dest="files",
        action="append",
        default=[],
        metavar="ROLE=FILE",
        help="a further file of this kind: items=FILE or users=FILE of a recommendation, odd=FILE "
        "of an anomaly or a classification",
    )
    add(
        "--set",
        dest="options",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what only this kind asks for, such as odd=LABEL, none=LABEL, groups=20 or "
        "separator=; (may be repeated)",
    )


def add_measuring(
    parser: argparse.ArgumentParser, *, default_folder: str = "tunewise-out/NAME"
) -> None:
    """Adds everything about how to measure and where to."""
    add = parser.add_argument
    add("--out", type=Path, metavar="DIR", help=f"where to (default: {default_folder})")
    add(
        "--encoder",
        action="append",
        metavar="NAME",
        help="folder or hub name of a sentence-transformers model, or openai:MODEL (repeatable)",
    )
    add("--base-url", metavar="URL", help="where a hosted encoder (openai:…) is")
    add_engine(parser)
    add("--metric", help="what decides (default: nDCG@10; for other kinds than search, theirs)")
    add("--worth", type=float, default=0.02, help="smallest gain worth having (default: 0.02)")
    add("--target", type=float, metavar="LEVEL", help="a level of the metric you want to reach")
    add("--budget", metavar="TIME", help="time for fitting: 90s, 15m, 2h (default: no limit)")
    add("--try", dest="contenders", metavar="LIST", help="e.g. lexical,pretrained,hybrid,adapter")
    add("--seed", type=int, default=0)
    add_use(parser)
    add_prices(parser)


def run(parsed: argparse.Namespace) -> int:
    """Reads the data, or makes queries of documents alone, and measures it."""
    if parsed.make_queries is None:
        require_no_making(parsed)
        kind = kind_of(parsed)
        if kind != SEARCH:
            return measured_kind(kind, parsed)
        return measured(read_data(parsed), parsed)
    from tunewise.report.place import usual_folder

    parsed.out = parsed.out or usual_folder(parsed.data)
    return measured(made_data(parsed), parsed)


def measured(task: "Task", parsed: argparse.Namespace) -> int:
    """Measures, saves, prints."""
    from tunewise.measurement import measure
    from tunewise.report import check_place, save_verdict, to_text
    from tunewise.report.place import usual_folder

    reckoned, used = prices(parsed), use(parsed)
    folder = parsed.out or usual_folder(task.source)
    check_place(folder)
    with shown() as progress:
        verdict = measure(
            task,
            **how_to_measure(parsed),
            metric=parsed.metric or "nDCG@10",
            progress=progress,
        )
        progress("saving the winner and the report", 0, 0)
        facts = save_verdict(verdict, folder, prices=reckoned, use=used)
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    print(to_text(facts, width=width, color=sys.stdout.isatty()))
    print_places(folder, facts)
    return 0
