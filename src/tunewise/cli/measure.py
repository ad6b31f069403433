"""`tunewise measure DATA`: do off-the-shelf embeddings suffice, or does tuning pay?"""

import argparse
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.data import add_data, add_engine, read_data
from tunewise.cli.progress import shown
from tunewise.errors import OptionError

if TYPE_CHECKING:
    from tunewise.prices import Prices
    from tunewise.task import Task

_UNITS = {"s": 1, "m": 60, "h": 3600, "": 1}


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "measure",
        help="do off-the-shelf embeddings suffice, or does tuning pay?",
        description="Measures every contender on the data and answers: suffices, suffices with "
        "hybrid, tune, or cannot tell yet; with intervals, prices, and the winner saved.",
    )
    add_data(parser)
    add_measuring(parser)
    parser.set_defaults(run=run)


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
    add("--metric", default="nDCG@10", help="what decides (default: nDCG@10)")
    add("--worth", type=float, default=0.02, help="smallest gain worth having (default: 0.02)")
    add("--target", type=float, metavar="LEVEL", help="a level of the metric you want to reach")
    add("--budget", metavar="TIME", help="time for fitting: 90s, 15m, 2h (default: no limit)")
    add("--try", dest="contenders", metavar="LIST", help="e.g. lexical,pretrained,hybrid,adapter")
    add("--seed", type=int, default=0)
    add_prices(parser)


def add_prices(parser: argparse.ArgumentParser) -> None:
    """Adds the prices to reckon with."""
    parser.add_argument(
        "--price",
        action="append",
        default=[],
        metavar="WHAT=AMOUNT",
        help="a price to reckon with: judgment, machine_hour, gigabyte_month, million_tokens",
    )


def run(parsed: argparse.Namespace) -> int:
    """Reads the data and measures it."""
    return measured(read_data(parsed), parsed)


def measured(task: "Task", parsed: argparse.Namespace) -> int:
    """Measures, saves, prints."""
    from tunewise.encoders import DEFAULT_ENCODER
    from tunewise.measurement import measure
    from tunewise.report import check_place, save_verdict, to_text

    reckoned = prices(parsed)
    folder = parsed.out or Path("tunewise-out") / stem(task.source)
    check_place(folder)
    with shown() as progress:
        verdict = measure(
            task,
            encoders=parsed.encoder or [DEFAULT_ENCODER],
            base_url=parsed.base_url,
            engine=parsed.engine,
            metric=parsed.metric,
            worth=parsed.worth,
            target=parsed.target,
            budget=seconds(parsed.budget),
            contenders=parsed.contenders.split(",") if parsed.contenders is not None else None,
            seed=parsed.seed,
            progress=progress,
        )
        progress("saving the winner and the report", 0, 0)
        facts = save_verdict(verdict, folder, prices=reckoned)
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    print(to_text(facts, width=width, color=sys.stdout.isatty()))
    print(f"Report: {folder / 'report.html'}   Facts: {folder / 'verdict.json'}")
    print(f'Try it:  tunewise search {folder} "your words"')
    return 0


def seconds(budget: str | None) -> float | None:
    """A time such as 90s, 15m or 2h in seconds; None stays None. OptionError for anything else."""
    if budget is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", budget)
    if found is None:
        raise OptionError(f"--budget takes a time such as 90s, 15m or 2h, not '{budget}'.")
    return float(found[1]) * _UNITS[found[2]]


def prices(parsed: argparse.Namespace) -> "Prices":
    """The usual prices, with those that were given in their place."""
    from tunewise.prices import Prices

    given: dict[str, Any] = dict(_price(pair) for pair in parsed.price)
    return replace(Prices(), **given)


def _price(pair: str) -> tuple[str, float]:
    from tunewise.prices import ORIGINS

    what, _, amount = pair.partition("=")
    try:
        value = float(amount)
    except ValueError:
        value = -1.0
    if what not in ORIGINS or value < 0:
        raise OptionError(
            f"--price takes WHAT=AMOUNT, not '{pair}'; what can be priced: {', '.join(ORIGINS)}."
        )
    return what, value


def stem(source: str) -> str:
    """A folder's name made of where the data came from."""
    name = Path(source).stem if not source.startswith("docstrings") else "docstrings"
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "data"
