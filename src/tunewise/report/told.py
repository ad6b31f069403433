"""The text that ends a tuning in the terminal, and the sentences all its forms share."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any

from tunewise.report.amounts import (
    count,
    interval,
    plural,
    score,
    seconds,
    signed,
    signed_interval,
)
from tunewise.report.text import findings_text, printable
from tunewise.report.words import test_use_words

Facts = Mapping[str, Any]

_UNITS = {"queries": "query", "pairs": "pair", "texts": "text"}


def tuned_text(facts: Facts, *, width: int = 100) -> str:
    """What a tuning came to: the gain first, then loss, recipe, tables and notes.

    No line is wider than `width`, and nothing in it can steer a terminal.
    """
    lines = [*wrapped(headline(facts), width), ""]
    lines += bullets([facts["reason"], *_how(facts)], width)
    if facts["improved"] and len(facts["gains"]) > 1:
        lines += ["", *rows_text(gain_rows(facts))]
    if facts["keep"] and len(facts["frontier"]) > 1:
        lines += ["", *wrapped(frontier_words(facts), width), *rows_text(frontier_rows(facts))]
    if facts["matryoshka"]:
        lines += ["", *rows_text(prefix_rows(facts)), *wrapped(prefix_words(facts), width)]
    if facts["notes"]:
        lines += ["", *bullets(facts["notes"], width)]
    if facts["findings"]:
        lines += ["", findings_text(facts["findings"], width=width)]
    return "\n".join(lines) + "\n"


def headline(facts: Facts) -> str:
    """What tuning brought, in one sentence with its numbers."""
    gain = facts["gain"]
    if gain is None:
        return f"Tuned ({facts['rung']}): not measured by this process."
    before, after = score(gain["base"]["mean"]), score(gain["tuned"]["mean"])
    part = facts["measured_on"]
    many = facts["data"]["units"]
    on = f"on {plural(gain['units'], f'{part} {_UNITS[many]}', f'{part} {many}')}"
    if not facts["improved"]:
        return f"The base is delivered as it is: {gain['metric']} {before} {on}."
    difference = gain["difference"]
    ends = signed_interval(difference["low"], difference["high"])
    return (
        f"Tuned ({facts['rung']}): {gain['metric']} {before} → {after}, "
        f"{signed(difference['mean'])} {ends} {on} in {plural(gain['groups'], 'group')}."
    )


def _how(facts: Facts) -> list[str]:
    told = []
    if facts["loss"]:
        told.append(f"Loss: {facts['loss']['name']} ({facts['loss']['reason']})")
    told.append(f"Recipe: {recipe_words(facts)}")
    training = facts["timing"]["training_seconds"]
    whole = facts["timing"]["seconds"]
    told.append(
        f"Training took {seconds(training)} of {seconds(whole)}"
        if training <= whole
        else f"Training took {seconds(training)}, most of it earlier"
    )
    use = facts["data"]["test_use"]
    return [*told, test_use_words(use)] if use and facts["data"]["units"] == "queries" else told


def recipe_words(facts: Facts) -> str:
    """The settings of the run that decide most."""
    recipe, rows = facts["recipe"], count(facts["data"]["rows"])
    if facts["rung"] == "adapter":
        side = recipe.get("side")
        return f"a map of {'queries' if side == 'query' else 'both sides'} from {rows} pairs"
    told = [
        f"{plural(recipe['epochs'], 'epoch')} of {rows} rows",
        f"batches of {recipe['batch']}",
        f"learning rate {recipe['learning_rate']:g}",
        f"temperature {recipe['temperature']:g}",
    ]
    if recipe["frozen_layers"]:
        told.append(f"{recipe['frozen_layers']} layers frozen")
    if recipe["rank"]:
        told.append(f"rank {recipe['rank']}")
    if recipe["negatives"]:
        told.append(f"{plural(recipe['negatives'], 'negative')} a row")
    if recipe["matryoshka"]:
        told.append(f"Matryoshka {', '.join(map(str, recipe['matryoshka']))}")
    return ", ".join([*told, recipe["precision"], f"seed {recipe['seed']}"])


def gain_rows(facts: Facts) -> list[list[str]]:
    """A head, and for each metric base, tuned and their difference with its interval."""
    rows = [["metric", "base", "delivered", "difference", "better/worse"]]
    for gain in facts["gains"]:
        difference = gain["difference"]
        ends = signed_interval(difference["low"], difference["high"])
        units = "" if gain["better"] is None else f"{gain['better']:,}/{gain['worse']:,}"
        rows.append(
            [
                gain["metric"],
                with_ends(gain["base"]),
                with_ends(gain["tuned"]),
                f"{signed(difference['mean'])} {ends}",
                units,
            ]
        )
    return rows


def with_ends(one: Facts) -> str:
    """A score with the ends of its interval."""
    return f"{score(one['mean'])} {interval(one['low'], one['high'])}"


def frontier_words(facts: Facts) -> str:
    """What the frontier is of, in one sentence."""
    keep = facts["keep"]
    return (
        f"The frontier: weights so far from the base's to the tuned ones, by an exam on dev and "
        f"one of {plural(keep['queries'], 'query', 'queries')} of {keep['source']}, which may lose "
        f"{keep['loss']:g} {keep['metric']} at the most. An exam has few documents, so its scores "
        "are not those of the whole."
    )


def frontier_rows(facts: Facts) -> list[list[str]]:
    """A head, and for each share of the way dev and what is kept of the other task."""
    rows = [["share", f"dev {facts['metric']}", "other task", "against base", ""]]
    first = facts["frontier"][0]["kept"]
    for point in facts["frontier"]:
        lost = None if point["kept"] is None else point["kept"] - first
        mark = "delivered" if point["delivered"] else ""
        share = f"{100 * point['share']:.0f} %"
        rows.append([share, score(point["score"]), score(point["kept"]), signed(lost), mark])
    return rows


def prefix_rows(facts: Facts) -> list[list[str]]:
    """A head, and for each number of dimensions the metric of base, tuned without and with."""
    rows = [["dimensions", "base", "tuned without Matryoshka", "delivered"]]
    for row in facts["matryoshka"]["rows"]:
        values = (row["base"], row["without"], row["tuned"])
        rows.append([str(row["size"]), *(score(value) for value in values)])
    return rows


def prefix_words(facts: Facts) -> str:
    """Whether a third of the dimensions keep enough, and if not, why."""
    found = facts["matryoshka"]
    told = f"{found['third']} of {found['full']} dimensions keep {100 * found['keeps']:.1f} %"
    return f"{told}." if found["holds"] else f"{told}, less than 97 %: {found['why']}."


def rows_text(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table's rows under each other."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def bullets(texts: Iterable[str], width: int) -> list[str]:
    """Each text after a dash, no line wider than `width`."""
    return [
        line
        for text in texts
        for line in wrap(printable(text), width, initial_indent="- ", subsequent_indent="  ")
    ]


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines no wider than `width`, without what could steer a terminal."""
    return wrap(printable(text), width) or [""]
