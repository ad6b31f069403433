"""`tunewise shrink DIR`: the winner's vectors in as few bytes as keep its quality."""

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.data import add_data, read_data
from tunewise.cli.progress import shown
from tunewise.cli.search import measured_task
from tunewise.cli.values import add_prices, numbers, prices

if TYPE_CHECKING:
    from tunewise.contenders import Contender


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "shrink",
        help="keep the winner's vectors in fewer bytes, as few as keep its quality",
        description="Measures prefixes and principal components of the vectors in float32, "
        "float16, int8 and binary, with and without scoring the best again; chooses on dev the "
        "smallest that surely keeps enough, confirms it on test, and saves it for search.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="what measure or tune wrote")
    parser.add_argument(
        "--keep", type=float, default=0.99, metavar="SHARE", help="of the metric (default: 0.99)"
    )
    parser.add_argument(
        "--by",
        default="total",
        metavar="WHAT",
        help="what is to be small: total (all copies; the default) or searched",
    )
    parser.add_argument(
        "--prefixes",
        metavar="LIST",
        help="first numbers to try, such as 256,128; alone, without components "
        "(default: those that the encoder was tuned for)",
    )
    parser.add_argument("--metric", default="nDCG@10", help="what is kept (default: nDCG@10)")
    parser.add_argument("--seed", type=int, default=0)
    add_data(parser, flag="--on")
    add_prices(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Loads the winner over its documents, shrinks, saves, prints."""
    from tunewise.contenders import load_contender
    from tunewise.measurement import shrink
    from tunewise.report import save_shrunk, shrunk_text

    reckoned = prices(parsed)
    task = read_data(parsed) if parsed.data else measured_task(parsed.folder)
    with shown() as progress:
        contender = load_contender(parsed.folder / "model", task.documents, progress=progress)
        found = shrink(
            contender,
            task,
            metric=parsed.metric,
            keep=parsed.keep,
            by=parsed.by,
            matryoshka=_prefixes(parsed, contender),
            seed=parsed.seed,
            progress=progress,
        )
        facts = save_shrunk(found, parsed.folder, prices=reckoned)
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    print(shrunk_text(facts, width=width))
    print(f"Report: {parsed.folder / 'shrink.html'}   Facts: {parsed.folder / 'shrink.json'}")
    print(f'Try it:  tunewise search {parsed.folder} "your words"')
    return 0


def _prefixes(parsed: argparse.Namespace, contender: "Contender") -> tuple[int, ...]:
    """Those that were asked for, else those that the winner was trained for."""
    if parsed.prefixes is not None:
        return numbers(parsed.prefixes, "--prefixes")
    recipe = contender.settings.get("recipe") or {}
    return tuple(recipe.get("matryoshka") or ())
