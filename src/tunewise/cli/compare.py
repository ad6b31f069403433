"""`tunewise compare A B --on DATA`: two models or two runs on the same queries."""

import argparse
from typing import TYPE_CHECKING, Any

from tunewise.cli.data import add_data, read_data
from tunewise.cli.progress import shown

if TYPE_CHECKING:
    from tunewise.comparison import Comparison


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "compare",
        help="two saved models or two TREC run files on the same queries",
        description="Compares two contenders on the same judged queries, with intervals. "
        "A and B are run files, folders that measure wrote, or encoders.",
    )
    what = "a TREC run file, a folder that measure wrote, or an encoder"
    parser.add_argument("first", metavar="A", help=what)
    parser.add_argument("second", metavar="B", help="likewise")
    add_data(parser, flag="--on")
    parser.add_argument("--base-url", metavar="URL", help="where a hosted encoder (openai:…) is")
    parser.add_argument("--metric", action="append", help="which metrics (repeatable)")
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Compares and prints a line a metric."""
    from tunewise.errors import OptionError
    from tunewise.measurement import compare
    from tunewise.metrics import DEFAULT_METRICS

    if parsed.data is None:
        raise OptionError("Say what to compare on: --on DATA, the data with the judgments.")
    task = read_data(parsed)
    with shown() as progress:
        found = compare(
            parsed.first,
            parsed.second,
            on=task,
            base_url=parsed.base_url,
            metrics=parsed.metric or DEFAULT_METRICS,
            seed=parsed.seed,
            progress=progress,
        )
    print(f"A = {parsed.first}\nB = {parsed.second}\n{found[0].units:,} queries", end="")
    print(f" in {found[0].groups:,} independent groups; 95 % intervals of A − B\n")
    print(f"{'metric':<14}{'A':>8}{'B':>8}{'A − B':>9}  {'interval':<20}{'A wins/ties/loses':>18}")
    for one in found:
        print(_line(one))
    return 0


def _line(one: "Comparison") -> str:
    from tunewise.comparison import signed, signed_interval

    counts = f"{one.wins}/{one.ties}/{one.losses}"
    return (
        f"{one.metric:<14}{one.first:>8.3f}{one.second:>8.3f}{signed(one.difference):>9}  "
        f"{signed_interval(one.low, one.high):<20}{counts:>18}"
    )
