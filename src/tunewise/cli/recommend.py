"""`tunewise recommend DIR --user ID`: what the winner of a recommendation would show somebody."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.progress import shown
from tunewise.cli.winner import load_winner, print_row
from tunewise.errors import OptionError

if TYPE_CHECKING:
    from tunewise.kinds import Loaded
    from tunewise.kinds.recommendation.part import Question

_NOTHING = (
    "Nothing is recommended: {name}, the winner, knows no item that was not had already. "
    "Measure with --set again=yes to have these recommended too."
)


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "recommend",
        help="what to show a user, by the winner of a recommendation",
        description="Recommends items to a user the winner knows, or to somebody new who had "
        "certain items, or of whom something is said; prints a line of JSON for each item, best "
        "first.",
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="the folder measure wrote")
    add("--user", metavar="ID", help="a user of the data that was measured")
    add("--had", metavar="ITEMS", help="items somebody had, oldest first: a,b,c")
    add(
        "--user-text",
        metavar="TEXT",
        help="what is said of somebody new, such as a profile (for a winner that reads them)",
    )
    add("-k", type=int, default=10, help="how many items (default: 10)")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Answers and prints."""
    if parsed.k < 1:
        raise OptionError(f"-k is {parsed.k}, so nothing could be recommended. Give 1 or more.")
    if (parsed.user is None) == (parsed.had is None and parsed.user_text is None):
        raise OptionError(
            "Say for whom: --user ID; or for somebody new --had ITEM,ITEM; where the winner reads "
            "texts about users --user-text TEXT, or both of these."
        )
    _check_said(parsed)
    loaded = load_winner(parsed.folder, ["recommendation"])
    question = _question(loaded, parsed)
    with shown() as progress:
        answers = loaded.contender.answer(question)
        progress("", 0, 0)  # ends the bar that is drawn
    rows = list(
        loaded.kind.told(loaded.contender, question, answers, {**loaded.about, "most": parsed.k})
    )
    for row in rows:
        print_row(row)
    if not rows:
        print(_NOTHING.format(name=loaded.contender.name), file=sys.stderr)
    return 0


def _check_said(parsed: argparse.Namespace) -> None:
    """Raises OptionError where what is said of somebody new says nothing."""
    if parsed.had is not None and not _items(parsed.had):
        raise OptionError(f"--had '{parsed.had}' names no item. Give some with commas between.")
    if parsed.user_text is not None and not parsed.user_text.strip():
        raise OptionError("--user-text is empty. Say what somebody is like, or leave it out.")


def _question(loaded: "Loaded", parsed: argparse.Namespace) -> "Question":
    """What is asked. Raises OptionError for a user or items that were not in the data."""
    from tunewise.kinds.recommendation.part import ask, known_of
    from tunewise.kinds.recommendation.profile import reads

    if parsed.user is not None:
        found = known_of(loaded.about, parsed.user)
        if found is None:
            like = ", or are like, --user-text TEXT" if reads(loaded.contender) else ""
            raise OptionError(
                f"There is no user '{parsed.user}' in what was measured. For somebody new say what "
                f"they had, --had ITEM,ITEM{like}."
            )
        return found
    if parsed.user_text is not None and not reads(loaded.contender):
        raise OptionError(
            f"{loaded.contender.name}, the winner, goes by what users had and reads no texts about "
            "them. Give --had ITEM,ITEM, or measure with a file of them: --file users=FILE."
        )
    had = _items(parsed.had)
    if unknown := sorted(set(had) - set(loaded.about["items"])):
        raise OptionError(
            f"There is no item '{unknown[0]}' in what was measured. Leave it out, or check its id."
        )
    return ask({"": had}, {"": parsed.user_text or ""})


def _items(listed: str | None) -> list[str]:
    return [item.strip() for item in (listed or "").split(",") if item.strip()]
