"""The verdict as one HTML page that opens without a network."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from tunewise.report import amounts, curves, drawings, outlook, sureness, unmeasured, words, year

Facts = Mapping[str, Any]

_LONGEST_TEXT = 360


def to_page(facts: Facts) -> str:
    """One self-contained HTML document: style and drawings inside, no script, no address.

    Every text is escaped. A content security policy forbids the browser to fetch anything,
    should the escaping ever fail. The same facts give the same page, byte for byte.

    >>> Path("report.html").write_text(to_page(facts))  # doctest: +SKIP
    """
    shown = {**_drawn(facts), **_told(facts), **forecast_shown(facts)}
    return render("page.html.jinja", facts=facts, **shown)


def render(template: str, **values: Any) -> str:
    """A page made of a template of this folder, every text in it escaped."""
    return str(_surroundings().get_template(template).render(**values))


@cache
def _surroundings() -> Any:
    """Where templates are found, kept once they are compiled, with what they may call."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    surroundings = Environment(
        loader=PackageLoader("tunewise.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    surroundings.filters.update(_filters())
    return surroundings


def forecast_shown(facts: Facts) -> dict[str, Any]:
    """What forecast.html.jinja shows of the facts' forecast."""
    forecast = facts["forecast"]
    if forecast is None:
        return {"outlook": None}
    return {
        "outlook": curves.draw_outlook(forecast),
        "outlook_rows": outlook.outlook_rows(facts),
        "outlook_words": outlook.outlook_words(facts),
        "curve_words": outlook.curve_words(forecast),
        "labels_words": outlook.labels_words(facts),
        "height": curves.HEIGHT,
    }


def _drawn(facts: Facts) -> dict[str, Any]:
    scores = [one["scores"].get(facts["metric"]) for one in facts["contenders"]]
    names = [one["name"] for one in facts["contenders"]]
    reference = dict(zip(names, scores, strict=True)).get(facts["best_untuned"])
    gain, target = facts["gain"], facts["target"]
    price = _price(facts)
    return {
        "gain_drawing": drawings.draw_gain(gain, facts["worth"]) if gain else None,
        "target_drawing": drawings.draw_target(target) if target else None,
        "bars": drawings.draw_bars(scores, reference["mean"] if reference else None),
        "price": price,
        "plot": drawings.draw_plot(price["values"], scores),
        "plot_height": drawings.PLOT_HEIGHT,
        "stairs": drawings.draw_stairs(facts["differences"]),
        "stairs_height": drawings.STAIRS_HEIGHT,
    }


def _told(facts: Facts) -> dict[str, Any]:
    gain = facts["gain"]
    return {
        "headline": (facts["provisional"] or {}).get("headline") or words.headline(facts),
        "interval_words": sureness.interval_words(facts) if gain else None,
        "sure_words": sureness.sure_words(facts),
        "changes_words": sureness.changes_words(facts),
        "changes_rows": sureness.changes_rows(facts) if gain else [],
        "skipped": unmeasured.skipped(facts),
        "steps": words.next_steps(facts),
        "target_words": words.target_words(facts["target"]) if facts["target"] else None,
        "needed_words": words.needed_words(facts["needed"]) if facts["needed"] else None,
        "test_use_words": words.test_use_words(facts["data"]["test_use"]),
        "terms": words.glossary(facts),
        "metrics": _metrics(facts),
        "currency": facts["settings"]["prices"]["currency"],
        "use_words": year.use_words(facts["timing"]["costs"]["use"]),
        "year_rows": year.year_rows(facts),
        "price_rows": year.price_rows(facts["settings"]["prices"]),
        "measured": facts["timing"]["contenders"],
    }


def _price(facts: Facts) -> dict[str, Any]:
    """The price on the axis: money for the first year, or milliseconds where money is unknown."""
    names = [one["name"] for one in facts["contenders"]]
    costs = facts["timing"]["costs"]["contenders"]
    money = [costs[name]["total"]["money"] for name in names]
    if all(value is not None for value in money):
        currency = facts["settings"]["prices"]["currency"]
        told = [amounts.money(value, currency) for value in money]
        label = f"cost of the first year, {currency}"
        return {"values": money, "label": label, "joined": "for", "told": told}
    waits = [facts["timing"]["contenders"][name]["query_ms"] for name in names]
    return {
        "values": waits,
        "label": "milliseconds per query",
        "joined": "in",
        "told": [f"{amounts.milliseconds(value)} ms" for value in waits],
    }


def _metrics(facts: Facts) -> list[str]:
    """The metrics that occur, the main one first."""
    occurring = [metric for one in facts["contenders"] for metric in one["scores"]]
    return list(dict.fromkeys([facts["metric"], *occurring]))


def _filters() -> dict[str, Any]:
    return {
        "score": lambda value: _minus(amounts.score(value)),
        "interval": lambda one: _minus(amounts.interval(one["low"], one["high"])),
        "signed": lambda value: _minus(amounts.signed(value)),
        "signed_interval": lambda one: _minus(amounts.signed_interval(one["low"], one["high"])),
        "minus": _minus,
        "count": amounts.count,
        "plural": amounts.plural,
        "seconds": amounts.seconds,
        "milliseconds": amounts.milliseconds,
        "money": amounts.money,
        "share": amounts.share,
        "excerpt": _excerpt,
        "words": _unbroken,
        "judged": _judged,
        "missed": _missed,
        "setting": _setting,
    }


def _minus(number: str) -> str:
    """The hyphen of a number as the minus sign of the same width as a plus."""
    return number.replace("-", "−")


def _unbroken(command: str) -> Any:
    """A command whose words are not broken at their hyphens; it is copied as it is."""
    from markupsafe import Markup

    word = Markup('<span class="word">{}</span>')
    return Markup(" ").join(word.format(one) for one in command.split(" "))


def _excerpt(text: str) -> str:
    """The first part of a long text, cut between words where there are any."""
    if len(text) <= _LONGEST_TEXT:
        return text
    kept = text[:_LONGEST_TEXT]
    return f"{kept.rsplit(None, 1)[0] if ' ' in kept[-80:] else kept} …"


def _judged(document: Facts, relevant: Sequence[Facts]) -> str:
    """What the judgments say of a document found: relevant, not relevant or not judged."""
    grade = document["grade"]
    if document["id"] in {one["id"] for one in relevant} or (grade is not None and grade >= 1):
        return "relevant" if grade is None or grade == 1 else f"relevant, grade {grade:g}"
    return "not judged" if grade is None else "not relevant"


def _missed(query: Facts) -> list[Facts]:
    """The relevant documents that stand in neither of the two lists shown."""
    shown = {document["id"] for document in [*query["base"], *query["winner"]]}
    return [document for document in query["relevant"] if document["id"] not in shown]


def _setting(value: Any) -> str:
    """A setting as a person would write it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_setting(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_setting, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
