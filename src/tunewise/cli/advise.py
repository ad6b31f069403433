"""`tunewise advise`: before there is data."""

import argparse
from typing import Any

from tunewise.cli.values import add_prices, prices


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "advise",
        help="before there is data: rules of the field, what to collect, what it will cost",
        description="The prior rules of the field with their sources, what to collect first, "
        "and a price estimate.",
    )
    parser.add_argument("--documents", type=int, help="how many documents you have")
    parser.add_argument("--queries-per-month", type=int, help="how many queries a month")
    parser.add_argument("--pairs", type=int, help="how many query-document pairs you have")
    parser.add_argument("--worth", type=float, default=0.02, help="smallest gain worth having")
    add_prices(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Prints the advice."""
    from tunewise.advice import advise, render

    print(
        render(
            advise(
                documents=parsed.documents,
                queries_per_month=parsed.queries_per_month,
                pairs=parsed.pairs,
                worth=parsed.worth,
                prices=prices(parsed),
            )
        )
    )
    return 0
