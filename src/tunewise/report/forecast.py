"""The forecast by itself made readable: facts first, then text and a page."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunewise.data.making import ADVICE, BIAS
from tunewise.errors import OptionError
from tunewise.files import check_writable, write_text
from tunewise.learning_curve import Forecast
from tunewise.prices import Prices
from tunewise.report.outlook import curve_words, labels_words, outlook_rows, outlook_words
from tunewise.report.page import forecast_shown, render
from tunewise.report.told import bullets, rows_text, wrapped
from tunewise.report.tuned import rounded
from tunewise.report.versions import version_of, versions
from tunewise.report.words import uses_words
from tunewise.task import Task

Facts = Mapping[str, Any]

FORMAT = 1
_PACKAGES = ("numpy", "torch", "sentence-transformers", "bm25s")


def forecast_facts(
    found: Forecast, task: Task, *, uses: int, prices: Prices | None = None
) -> dict[str, Any]:
    """Everything a forecast says, in plain values; `uses` counts those of the test part."""
    facts: dict[str, Any] = rounded(
        {
            "format": FORMAT,
            "tunewise": version_of("tunewise"),
            "forecast": found.to_dict(),
            "provisional": {"bias": BIAS, "advice": ADVICE} if task.made else None,
            "data": {
                "source": task.source,
                "fingerprint": task.fingerprint,
                "judged": len(task.judgments),
                "judgments": sum(len(grades) for grades in task.judgments.values()),
                "test_uses": uses,
            },
            "settings": {"prices": (prices or Prices()).to_dict()},
            "versions": dict(versions(_PACKAGES)),
        }
    )
    return facts


def check_forecast_place(file: str | Path) -> None:
    """Makes sure, before long work, that a forecast can be written to `file`.

    Raises OptionError for a name that ends in neither .json nor .html, OutputError for a folder
    that cannot be written.
    """
    if Path(file).suffix not in (".json", ".html"):
        raise OptionError(
            f"A forecast is written as facts (.json) or as a page (.html), not as '{file}'. Give "
            "--out such a name."
        )
    check_writable(Path(file).parent)


def save_forecast(facts: Facts, file: str | Path) -> None:
    """Writes the facts to a .json file, or a page of them to an .html file, whole or not at all."""
    check_forecast_place(file)
    if Path(file).suffix == ".html":
        write_text(Path(file), forecast_page(facts))
        return
    text = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False)
    write_text(Path(file), text + "\n")


def forecast_page(facts: Facts) -> str:
    """One HTML document that opens without a network."""
    uses = uses_words(facts["data"]["test_uses"])
    return render("labels.html.jinja", facts=facts, uses_words=uses, **forecast_shown(facts))


def forecast_text(facts: Facts, *, width: int = 100) -> str:
    """What a forecast came to, for the terminal; no line of text is wider than `width`."""
    told = [labels_words(facts), curve_words(facts["forecast"])]
    if facts["provisional"]:
        told.append(
            f"Provisional: {facts['provisional']['advice']}. {facts['provisional']['bias']}"
        )
    return "\n".join(
        [
            *wrapped(outlook_words(facts), width),
            "",
            *rows_text(outlook_rows(facts)),
            "",
            *bullets([*told, uses_words(facts["data"]["test_uses"])], width),
            "",
        ]
    )
