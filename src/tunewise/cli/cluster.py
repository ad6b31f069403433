"""`tunewise cluster DIR FILE`: the group each text falls into, by the winner of a clustering."""

import argparse
from pathlib import Path
from typing import Any

from tunewise.cli.winner import answer_texts, load_winner


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "cluster",
        help="the group new texts fall into, by the winner of a clustering",
        description="Puts a text, or every text of a file, into the nearest of the groups that the "
        "winner found, and prints a line of JSON for each: the group's number and name.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder measure wrote")
    parser.add_argument("words", metavar="TEXT", help="a text, or a file of them")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Answers and prints."""
    answer_texts(load_winner(parsed.folder, ["clustering"]), parsed.words)
    return 0
