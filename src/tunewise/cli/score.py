"""`tunewise score DIR "one text" "another"`: how alike they are; one text alone: how odd."""

import argparse
from pathlib import Path
from typing import Any

from tunewise.cli.winner import answer, answer_texts, is_file, load_winner, pairs_of
from tunewise.errors import OptionError


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
        answer(loaded, iter([(None, (parsed.first, parsed.second))]))
    elif is_file(Path(parsed.first)):
        answer(loaded, ((None, pair) for pair in pairs_of(Path(parsed.first))))
    else:
        raise OptionError(
            f"'{parsed.first}' is one text and no file. Give two texts, or a file of pairs."
        )
    return 0
