"""`tunewise score DIR "one text" "another"`: how alike they are; one text alone: how odd."""

import argparse
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.winner import (
    AT_ONCE,
    answer_texts,
    is_file,
    load_winner,
    pairs_of,
    print_row,
)
from tunewise.errors import OptionError

if TYPE_CHECKING:
    from tunewise.kinds import Loaded


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "score",
        help="how alike two texts are, or how odd one is, by the winner",
        description="With the winner of a similarity task: how alike two texts are, or each pair "
        "of a file, and whether they are duplicates. With that of an anomaly task: how odd a text "
        "is, or each text of a file, and whether it raises the alarm. Lines of JSON.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder measure wrote")
    parser.add_argument("first", metavar="TEXT", help="a text, or a file of pairs or of texts")
    parser.add_argument("second", metavar="OTHER", nargs="?", help="the text to hold it against")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Answers and prints."""
    loaded = load_winner(parsed.folder, ["similarity", "anomaly"])
    if loaded.kind.name == "anomaly":
        if parsed.second is not None:
            raise OptionError("How odd a text is takes one text. Leave the second out.")
        answer_texts(loaded, parsed.first)
        return 0
    if parsed.second is not None:
        _answer(loaded, iter([(parsed.first, parsed.second)]))
    elif is_file(Path(parsed.first)):
        _answer(loaded, pairs_of(Path(parsed.first)))
    else:
        raise OptionError(
            f"'{parsed.first}' is one text and no file. Give two texts, or a file of pairs."
        )
    return 0


def _answer(loaded: "Loaded", asked: Any) -> None:
    while some := list(islice(asked, AT_ONCE)):
        answers = loaded.contender.answer(some)
        for row in loaded.kind.told(loaded.contender, some, answers, loaded.about):
            print_row(row)
