"""`tunewise predict DIR "text"`: labels for new texts, with how sure each is."""

import argparse
from pathlib import Path
from typing import Any

from tunewise.cli.winner import answer_texts, load_winner


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "predict",
        help="label new texts with the winner of a classification",
        description="Labels a text, or every text of a file, with the winner that measure saved; "
        "prints a line of JSON for each: its label, how probable that is, and what else it might "
        "be; or, where texts have several labels, all of them, each with its probability; or that "
        "it has none of the labels, where that was learned.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder measure wrote")
    parser.add_argument(
        "words",
        metavar="TEXT",
        help="a text, or a file of them: one a line, or a table (CSV, TSV, JSONL) with text",
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Answers and prints."""
    answer_texts(load_winner(parsed.folder, ["classification", "multilabel"]), parsed.words)
    return 0
