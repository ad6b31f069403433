"""`tunewise forecast DATA`: what more labels would bring."""

import argparse
import shutil
from pathlib import Path
from typing import Any

from tunewise.cli.data import add_data, add_engine, read_data
from tunewise.cli.progress import shown
from tunewise.cli.values import add_prices, prices


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "forecast",
        help="would more labels help, how many, and at what cost?",
        description="Trains an adapter on parts of the training queries and forecasts what 2, 4 "
        "and 10 times the labels would bring, how many would make the gain worth having, and what "
        "they cost; or says why that cannot be told. `measure` does this too, beside its answer.",
    )
    add_data(parser)
    add = parser.add_argument
    add("--out", type=Path, metavar="FILE", help="facts (.json) or a page (.html)")
    add(
        "--encoder",
        action="append",
        metavar="NAME",
        help="folder or hub name of a sentence-transformers model, or openai:MODEL (repeatable)",
    )
    add("--base-url", metavar="URL", help="where a hosted encoder (openai:…) is")
    add_engine(parser)
    add("--metric", default="nDCG@10", help="what the gain is in (default: nDCG@10)")
    add("--worth", type=float, default=0.02, help="smallest gain worth having (default: 0.02)")
    add("--seed", type=int, default=0)
    add_prices(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Trains, forecasts, saves, prints."""
    from tunewise.encoders import DEFAULT_ENCODER
    from tunewise.measurement import forecast
    from tunewise.measurement.uses import used
    from tunewise.report import check_forecast_place, forecast_facts, forecast_text, save_forecast

    reckoned = prices(parsed)
    if parsed.out:
        check_forecast_place(parsed.out)
    task = read_data(parsed)
    with shown() as progress:
        found = forecast(
            task,
            encoders=parsed.encoder or [DEFAULT_ENCODER],
            base_url=parsed.base_url,
            engine=parsed.engine,
            metric=parsed.metric,
            worth=parsed.worth,
            seed=parsed.seed,
            progress=progress,
        )
    facts = forecast_facts(found, task, uses=used(task), prices=reckoned)
    if parsed.out:
        save_forecast(facts, parsed.out)
    print(forecast_text(facts, width=min(shutil.get_terminal_size((100, 24)).columns, 120)))
    if parsed.out:
        print(f"Written: {parsed.out}")
    return 0
