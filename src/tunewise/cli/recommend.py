"""`tunewise recommend DIR --user ID`: what the winner of a recommendation would show somebody."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.progress import shown
from tunewise.cli.winner import load_winner, print_row
from tunewise.errors import OptionError

if TYPE_CHECKING:
    from tunewise.kinds import Loaded


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

    _require_known(loaded, parsed)
    had = loaded.about["users"][parsed.user] if parsed.user else _items(parsed.had)
    question = ask({parsed.user or "": had})
    with shown() as progress:
        answers = loaded.contender.answer(question)
        progress("", 0, 0)  # ends the bar that is drawn
    about = {**loaded.about, "most": parsed.k}
    for row in loaded.kind.told(loaded.contender, question, answers, about):
        print_row(row)
    return 0


def _require_known(loaded: "Loaded", parsed: argparse.Namespace) -> None:
    """Raises OptionError for a user or items that were not in the data."""
    if parsed.user is not None and parsed.user not in loaded.about["users"]:
        raise OptionError(
            f"There is no user '{parsed.user}' in what was measured. For somebody new say what "
            "they had: --had ITEM,ITEM."
        )
    unknown = [item for item in _items(parsed.had) if item not in loaded.about["texts"]]
    if unknown:
        raise OptionError(
            f"There is no item '{unknown[0]}' in what was measured. Leave it out, or check its id."
        )


def _items(listed: str | None) -> list[str]:
    return [item.strip() for item in (listed or "").split(",") if item.strip()]
