"""The model card, written from facts, and the page of a tuning."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tunewise.report import curves, told
from tunewise.report.amounts import count, seconds
from tunewise.report.page import render
from tunewise.report.text import printable
from tunewise.report.words import test_use_words

Facts = Mapping[str, Any]

_MEASURED = (
    "Measured on {}; in brackets the interval that holds the true value with 95 % confidence, "
    "over groups of what belongs together."
)


def model_card(facts: Facts) -> str:
    """README.md of a tuned model: what it is, what it was made of, what it gained, its limits."""
    sections = [
        _head(facts),
        f"# {called(facts['encoder']['name'])}, tuned ({facts['rung']})",
        told.headline(facts),
        *_provisional(facts),
        _use(facts),
        "## Base against delivered",
        _markdown(told.gain_rows(facts)),
        _MEASURED.format(facts["measured_on"]),
        "## Data",
        _listed(_data(facts)),
        "## Recipe",
        _listed(_made(facts)),
        *_tables(facts),
        "## Limits",
        _listed(_limits(facts)),
        "## Time and energy",
        energy_words(facts),
        "## Licence of the base",
        f"{called(facts['encoder']['name'])}: {facts['encoder']['licence']}.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def tuned_page(facts: Facts) -> str:
    """The report of a tuning: one HTML document that opens without a network, no script in it."""
    training = facts["training"] or {"looks": [], "of_steps": 0, "steps": 0}
    steps = training["steps"]
    keep = facts["keep"]
    return render(
        "tuned.html.jinja",
        facts=facts,
        headline=told.headline(facts),
        recipe=told.recipe_words(facts),
        gains=told.gain_rows(facts),
        scores=curves.draw_steps(training["looks"], "score", steps),
        losses=curves.draw_steps(training["looks"], "loss", steps),
        frontier=curves.draw_frontier(facts["frontier"], keep["loss"]) if keep else None,
        frontier_rows=told.frontier_rows(facts) if facts["frontier"] else None,
        frontier_words=told.frontier_words(facts) if keep else None,
        prefixes=told.prefix_rows(facts) if facts["matryoshka"] else None,
        prefix_words=told.prefix_words(facts) if facts["matryoshka"] else None,
        energy=energy_words(facts),
        limits=_limits(facts),
        data=[line.replace("`", "") for line in _data(facts)],
        height=curves.HEIGHT,
    )


def energy_words(facts: Facts) -> str:
    """Time measured, energy estimated, and how."""
    timing = facts["timing"]
    energy = timing["energy"]
    return (
        f"Training took {seconds(timing['training_seconds'])} on "
        f"{energy['cores']} processor cores. Energy, an estimate and not a measurement: "
        f"{energy['watt_hours']:.2g} Wh, at {energy['watts_a_core']:g} W assumed for each core and "
        "without a GPU's share."
    )


def called(name: str) -> str:
    """An encoder or a data source by its name, without the folders it lies in.

    >>> called("models/mine"), called("intfloat/e5-small")
    ('mine', 'intfloat/e5-small')
    """
    local = Path(name).is_absolute() or Path(name).exists() or name.count("/") > 1
    name = Path(name).name if local or name.startswith(("models/", ".")) else name
    return printable(name)


def _head(facts: Facts) -> str:
    lines = ["---", "library_name: sentence-transformers", "tags: [sentence-similarity, tunewise]"]
    stated = facts["encoder"]["licence"]
    if not stated.startswith("unknown"):
        lines.append(f"license: {json.dumps(stated)}")
    return "\n".join([*lines, f"base_model: {json.dumps(called(facts['encoder']['name']))}", "---"])


def _provisional(facts: Facts) -> list[str]:
    """What made queries are worth, where it was tuned and measured on some."""
    made = [one for one in facts["findings"] if one["code"] == "D090"]
    return [f"**Provisional.** {one['title']}. {one['advice']}" for one in made]


def _use(facts: Facts) -> str:
    if facts["improved"] and facts["rung"] != "adapter" and facts["delivered"]["share"] < 1:
        way = f"{100 * facts['delivered']['share']:.0f} %"
        more = f" Its weights lie {way} of the way from the base's to the tuned ones."
    else:
        more = ""
    return (
        "```python\nfrom sentence_transformers import SentenceTransformer\n\n"
        'model = SentenceTransformer("model")\n```\n\n'
        f"Why this is what is delivered: {facts['reason']}.{more}"
    )


def _data(facts: Facts) -> list[str]:
    data = facts["data"]
    parts = ", ".join(f"{name} {count(number)}" for name, number in data["counts"].items())
    lines = [
        f"Source: {called(data['source'])} ({data['kind']}), fingerprint `{data['fingerprint']}`",
        f"Split ({data['units']}): {parts}",
        f"Learned from {count(data['rows'])} rows ({data['shape']})",
    ]
    if data["documents"] is not None:
        lines.append(f"Documents: {count(data['documents'])}")
    if data["test_use"]:
        lines.append(test_use_words(data["test_use"]).rstrip("."))
    return lines


def _made(facts: Facts) -> list[str]:
    lines = [told.recipe_words(facts)]
    if facts["loss"]:
        lines.append(f"Loss `{facts['loss']['name']}`: {facts['loss']['reason']}")
    lines.append(f"Made again by: `{facts['reproduce']}`".replace(
        facts["data"]["source"], called(facts["data"]["source"])))  # fmt: skip
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    return [*lines, f"Versions: {versions}"]


def _tables(facts: Facts) -> list[str]:
    sections = []
    if facts["keep"] and facts["frontier"]:
        rows = _markdown(told.frontier_rows(facts))
        sections += ["## What was kept elsewhere", told.frontier_words(facts), rows]
    if facts["matryoshka"]:
        rows = _markdown(told.prefix_rows(facts))
        sections += ["## Fewer dimensions", rows, told.prefix_words(facts)]
    return sections


def _limits(facts: Facts) -> list[str]:
    units, groups = facts["data"]["units"], facts["gain"]["groups"] if facts["gain"] else 0
    lines = [
        f"The figures hold for {units} like these; other users, languages or years were not asked",
        f"One training run with one seed; {count(groups)} independent groups in what was measured",
    ]
    if not facts["keep"]:
        lines.append("What tuning cost on other tasks was not measured")
    serious = [one for one in facts["findings"] if one["severity"] != "note"]
    lines += [f"{one['code']}: {printable(one['title'])} ({count(one['count'])})"
              for one in serious]  # fmt: skip
    return [*lines, *facts["notes"]]


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {printable(line)}" for line in lines)


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    rule = ["---"] * len(head)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *body))
