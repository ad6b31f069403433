"""`tunewise recommend DIR --user ID`: what the winner of a recommendation would show somebody."""

import argparse
from pathlib import Path
from typing import Any

from tunewise.cli.progress import shown
from tunewise.cli.winner import load_winner, print_row
from tunewise.errors import OptionError


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "recommend",
        help="what to show a user, by the winner of a recommendation",
        description="Recommends items to a user the winner knows, or to somebody new who had "
        "certain items; prints a line of JSON for each item, best first.",
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="the folder measure wrote")
    add("--user", metavar="ID", help="a user of the data that was measured")
    add("--had", metavar="ITEMS", help="items somebody had, oldest first: a,b,c")
    add("-k", type=int, default=10, help="how many items (default: 10)")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Answers and prints."""
    if parsed.k < 1:
        raise OptionError(f"-k is {parsed.k}, so nothing could be recommended. Give 1 or more.")
    if (parsed.user is None) == (parsed.had is None):
        raise OptionError("Say for whom: --user ID, or --had ITEM,ITEM for somebody new.")
    loaded = load_winner(parsed.folder, ["recommendation"])
    from tunewise.kinds.recommendation.part import ask

    had = [item.strip() for item in (parsed.had or "").split(",") if item.strip()]
    question = ask({parsed.user or "": had})
    with shown() as progress:
        answers = loaded.contender.answer(question)
        progress("", 0, 0)  # ends the bar that is drawn
    about = {**loaded.about, "most": parsed.k}
    for row in loaded.kind.told(loaded.contender, question, answers, about):
        print_row(row)
    return 0
