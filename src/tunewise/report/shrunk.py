"""The shrink made readable: facts first, then text, a page, and what search takes as it is."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tunewise.contenders.shrunk import save_compact
from tunewise.files import check_writable, whole_set, write_text
from tunewise.measurement.shrink import Measured, Shrink
from tunewise.prices import Prices
from tunewise.report import curves
from tunewise.report.amounts import count, milliseconds, money, score, share, signed_interval
from tunewise.report.page import render
from tunewise.report.save import SHRUNK
from tunewise.report.told import bullets, rows_text, wrapped
from tunewise.report.tuned import rounded
from tunewise.report.versions import versions
from tunewise.report.words import test_use_words
from tunewise.retrieval.compact import Form

Facts = Mapping[str, Any]

FORMAT = 1
_PACKAGES = ("tunewise", "numpy", "torch", "openvino", "sentence-transformers")
_MILLIONS = (1, 100)


def shrunk_facts(found: Shrink, *, prices: Prices | None = None) -> dict[str, Any]:
    """Everything a shrink says, in plain values. Times are under "query_ms"."""
    costs = prices or Prices()
    return {
        "format": FORMAT,
        "contender": found.contender.name,
        "metric": found.metric,
        "keep": found.keep,
        "by": found.by,
        "dimension": found.dimension,
        "whole": {"dev": found.whole[0], "test": found.whole[1], "place": _whole(found)},
        "asked": {"dev": found.asked[0], "test": found.asked[1]},
        "chosen": _measured(found.chosen),
        "confirmed": _measured(found.confirmed),
        "frontier": [_measured(one) for one in found.frontier],
        "forms": [_measured(one) for one in found.forms],
        "costs": [_cost(found, millions, costs) for millions in _MILLIONS],
        "prices": costs.to_dict(),
        "data": {"source": found.task.source, "fingerprint": found.task.fingerprint},
        "seed": found.seed,
        "versions": dict(versions(_PACKAGES)),
        "test_use": {"ordinal": found.test_use, "earlier": found.test_use - 1},
        "notes": list(found.notes),
    }


def save_shrunk(
    found: Shrink, folder: str | Path, *, prices: Prices | None = None
) -> dict[str, Any]:
    """Writes `shrink.json`, `shrink.html` and, for search, `shrink.safetensors` into `folder`.

    All of it or nothing. Raises OutputError when the folder cannot be written.
    """
    facts: dict[str, Any] = rounded(shrunk_facts(found, prices=prices))
    check_writable(Path(folder))
    form, told, page = SHRUNK
    with whole_set(Path(folder), seal=told) as beside:
        save_compact(found.compact, found.contender, found.task.documents, beside / form)
        write_text(beside / page, shrunk_page(facts))
        text = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False)
        write_text(beside / told, text + "\n")
    return facts


def shrunk_text(facts: Facts, *, width: int = 100) -> str:
    """What a shrink came to, for the terminal."""
    lines = [*wrapped(headline(facts), width), "", *rows_text(_rows(facts)), ""]
    lines += rows_text(_cost_rows(facts))
    told = [*facts["notes"], f"{test_use_words(facts['test_use'])}"]
    return "\n".join([*lines, "", *bullets(told, width)]) + "\n"


def shrunk_page(facts: Facts) -> str:
    """The report of a shrink: one HTML document that opens without a network."""
    amount, currency = facts["prices"]["gigabyte_month"], facts["prices"]["currency"]
    points = [
        {"bytes": one["total" if facts["by"] == "total" else "searched"], **one}
        for one in facts["frontier"]
    ]
    return render(
        "shrunk.html.jinja",
        facts=facts,
        headline=headline(facts),
        drawing=curves.draw_sizes(points, facts["chosen"]["form"]["name"]),
        rows=_rows(facts),
        costs=_cost_rows(facts),
        price=f"{money(amount, currency)} a gigabyte and month",
        height=curves.HEIGHT,
    )


def headline(facts: Facts) -> str:
    """The form, how small it is, and what of it test confirmed, in two sentences."""
    chosen, test = facts["chosen"], facts["confirmed"]
    whole = 4 * facts["dimension"]
    sizes = f"{count(chosen['total'])} bytes a document in place of {count(whole)}"
    if chosen["searched"] != chosen["total"]:
        sizes += f", {count(chosen['searched'])} of them searched"
    spare = signed_interval(test["spare"]["low"], test["spare"]["high"])
    asked = share(facts["keep"])
    sure = f"surely {asked} or more"
    if test["spare"]["low"] < 0:
        sure = (
            f"not surely {asked}, which were asked: ask for a little more with --keep, judge more "
            "queries, or remove shrink.safetensors to search the whole vectors"
        )
    return (
        f"{chosen['form']['name']}: {sizes} ({whole / chosen['total']:.1f} times fewer, "
        f"{whole / chosen['searched']:.1f} times to search). On "
        f"{count(facts['asked']['test'])} test queries it keeps {share(test['kept'])} of "
        f"{facts['metric']} {score(facts['whole']['test'])}, {sure} "
        f"({facts['metric']} less {asked} of the whole vectors' {spare})."
    )


def _whole(found: Shrink) -> int:
    """Which of the forms is the whole vectors."""
    whole = Form(found.dimension)
    return [one.form for one in found.forms].index(whole)


def _measured(one: Measured) -> dict[str, Any]:
    return {
        "form": {"name": one.form.name, **asdict(one.form)},
        "score": one.score,
        "kept": one.kept,
        "spare": asdict(one.spare),
        "holds": one.holds,
        "searched": one.searched,
        "total": one.total,
        "query_ms": one.query_ms,
    }


def _cost(found: Shrink, millions: int, prices: Prices) -> dict[str, Any]:
    documents = millions * 10**6
    plain, kept = 4 * found.dimension * documents, found.chosen.total * documents
    return {
        "documents": documents,
        "bytes": {"whole": plain, "kept": kept, "searched": found.chosen.searched * documents},
        "money_a_month": {
            "whole": plain / 1e9 * prices.gigabyte_month,
            "kept": kept / 1e9 * prices.gigabyte_month,
        },
    }


def _rows(facts: Facts) -> list[list[str]]:
    chosen = facts["chosen"]["form"]["name"]
    share_asked = f"less {share(facts['keep'])} of whole"
    head = ["form, on dev", "bytes", "searched", facts["metric"], "kept", share_asked, "ms/query"]
    return [
        head,
        *(
            [
                f"{'*' if one['form']['name'] == chosen else ' '} {one['form']['name']}",
                count(one["total"]),
                count(one["searched"]),
                score(one["score"]),
                share(one["kept"]),
                signed_interval(one["spare"]["low"], one["spare"]["high"]),
                milliseconds(one["query_ms"]),
            ]
            for one in _listed(facts)
        ),
    ]


def _listed(facts: Facts) -> Sequence[Facts]:
    """The frontier, the chosen form and the whole vectors, by what was to be small."""
    listed = [*facts["frontier"], facts["chosen"], facts["forms"][facts["whole"]["place"]]]
    each = {one["form"]["name"]: one for one in listed}
    by = facts["by"]
    return sorted(each.values(), key=lambda one: (one[by], one["score"]))


def _cost_rows(facts: Facts) -> list[list[str]]:
    currency = facts["prices"]["currency"]
    rows = [["documents", "float32", "kept", "searched", "float32 a month", "kept a month"]]
    for one in facts["costs"]:
        sizes = [f"{one['bytes'][key] / 1e9:,.2f} GB" for key in ("whole", "kept", "searched")]
        amounts = [money(one["money_a_month"][key], currency) for key in ("whole", "kept")]
        rows.append([count(one["documents"]), *sizes, *amounts])
    return rows
