"""What options take: times, prices, numbers."""

import argparse
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tunewise.errors import OptionError

if TYPE_CHECKING:
    from tunewise.costs import Use
    from tunewise.prices import Prices

USERS_MISTAKE = 2
"""The exit code of what the user can mend."""

_DEAREST = 1e9  # what a sum of many can still be told of
_UNITS = {"s": 1, "m": 60, "h": 3600, "": 1}


def number(parser: argparse.ArgumentParser, action: argparse.Action) -> Callable[[str], Any]:
    """What reads the number that an option takes, an int or a float by its type.

    What is none is refused in one line: the usage, a dozen of them, would not say more.
    """
    kind = int if action.type is int else float
    noun = "a whole number" if kind is int else "a number"
    such = "" if action.default is None else f" such as {action.default:g}"

    def read(given: str) -> Any:
        try:
            return kind(given)
        except ValueError:
            told = f"{action.option_strings[0]} takes {noun}{such}, not '{given}'."
            parser.exit(USERS_MISTAKE, f"{parser.prog}: error: {told}\n")

    return read


def numbers(listed: str | None, option: str) -> tuple[int, ...]:
    """Whole numbers with commas between; none for None. OptionError for anything else."""
    if listed is None:
        return ()
    try:
        return tuple(int(each) for each in listed.split(","))
    except ValueError as wrong:
        raise OptionError(f"{option} takes numbers such as 256,128,64, not '{listed}'.") from wrong


def seconds(budget: str | None) -> float | None:
    """A time such as 90s, 15m or 2h in seconds; None stays None. OptionError for anything else."""
    if budget is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", budget)
    if found is None:
        raise OptionError(f"--budget takes a time such as 90s, 15m or 2h, not '{budget}'.")
    return float(found[1]) * _UNITS[found[2]]


def add_prices(parser: argparse.ArgumentParser) -> None:
    """Adds the prices to reckon with."""
    parser.add_argument(
        "--price",
        action="append",
        default=[],
        metavar="WHAT=AMOUNT",
        help="a price to reckon with: judgment, machine_hour, gigabyte_month, million_tokens, "
        "watt (what a machine draws)",
    )


def prices(parsed: argparse.Namespace) -> "Prices":
    """The usual prices, with those that were given in their place."""
    from tunewise.prices import Prices

    given: dict[str, Any] = dict(_price(pair) for pair in parsed.price)
    return replace(Prices(), **given)


def add_use(parser: argparse.ArgumentParser) -> None:
    """Adds what a year is reckoned for."""
    add, year = parser.add_argument, "for a year's costs:"
    add("--corpus", type=int, metavar="N", help=f"{year} documents (default: those measured)")
    add("--traffic", type=float, metavar="N", help=f"{year} queries a day (default: 1000, assumed)")
    add("--retunes", type=float, metavar="N", help=f"{year} tunings anew (default: 1, assumed)")


def use(parsed: argparse.Namespace) -> "Use":
    """The usual use of a search, with what was given in its place."""
    from tunewise.costs import Use

    named = {name: getattr(parsed, name) for name in ("corpus", "traffic", "retunes")}
    return Use(**{name: value for name, value in named.items() if value is not None})


def _price(pair: str) -> tuple[str, float]:
    from tunewise.prices import ORIGINS

    what, _, amount = pair.partition("=")
    try:
        value = float(amount)
    except ValueError:
        value = -1.0
    if what not in ORIGINS or not 0 <= value <= _DEAREST:
        raise OptionError(
            f"--price takes WHAT=AMOUNT, not '{pair}'; what can be priced: {', '.join(ORIGINS)}."
        )
    return what, value
