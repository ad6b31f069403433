"""A kind's verdict in the terminal, and the words that it shares with the page."""

from collections.abc import Callable, Mapping
from typing import Any

from tunewise.report import amounts, outlook, sureness, words
from tunewise.report.text import findings_text
from tunewise.report.told import bullets, rows_text, wrapped
from tunewise.report.unmeasured import skipped

Facts = Mapping[str, Any]


def kind_text(facts: Facts, *, width: int = 100) -> str:
    """What ends a run in the terminal, no line wider than `width` (at least 80)."""
    said = said_of(facts)
    blocks = [
        wrapped(facts["sentence"], width),
        bullets(facts["reasons"], width),
        [*rows_text(_rows(facts)), "* saved under model/"],
        _about(facts, said, width),
        findings_text(facts["findings"], width=width).splitlines(),
        bullets([f"not measured: {n}: {why}" for n, why in skipped(facts)], width),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def said_of(facts: Facts) -> Callable[[str], str]:
    """What is said of queries, said of what is counted here."""
    words_ = {"queries": facts["units"], "query": facts["unit"]}
    if not facts["data"]["judgments"]:  # nobody labels what these learn from
        words_ |= {"labels": facts["units"], "Labels": facts["units"].capitalize()}

    def said(told: str) -> str:
        for word, other in words_.items():
            told = told.replace(word, other)
        return told

    return said


def metrics_of(facts: Facts) -> list[str]:
    """Everything that was scored, what decides first."""
    scored = [metric for one in facts["contenders"] for metric in one["scores"]]
    return list(dict.fromkeys([facts["metric"], *scored]))


def _rows(facts: Facts) -> list[list[str]]:
    metric = facts["metric"]
    others = metrics_of(facts)[1:]
    head = ["contender", metric, f"minus {facts['best_untuned']}", *others, "train"]
    rows = [head]
    for one in facts["contenders"]:
        mark = "*" if one["name"] == facts["contender"] else " "
        main, against = one["scores"][metric], one["against"]
        rows.append(
            [
                f"{mark} {one['name']}",
                f"{amounts.score(main['mean'])} {amounts.interval(main['low'], main['high'])}",
                "best untuned"
                if against is None
                else f"{amounts.signed(against['difference'])} "
                f"{amounts.signed_interval(against['low'], against['high'])}",
                *(amounts.score(one["scores"][name]["mean"]) for name in others),
                amounts.seconds(facts["timing"]["contenders"][one["name"]]["fit_seconds"]),
            ]
        )
    return rows


def _about(facts: Facts, said: Callable[[str], str], width: int) -> list[str]:
    lines = []
    if sure := sureness.sure_words(facts):
        lines += wrapped(f"Sure: {said(sure)}", width)
    if facts["target"]:
        lines += wrapped(f"Target: {words.target_words(facts['target'])}", width)
    if facts["forecast"]:
        lines += wrapped(said(f"Labels: {outlook.outlook_words(facts)}"), width)
    if changes := sureness.changes_words(facts):
        lines += wrapped(f"Change: {said(changes)}", width)
    for known in filter(None, (panel.get("said") for panel in facts["panels"])):
        lines += wrapped(f"Known: {known}", width)
    lines += wrapped(f"Cost: {_cost_words(facts)}", width)
    lines += wrapped(f"Test: {said(words.test_use_words(facts['data']['test_use']))}", width)
    return lines


def _cost_words(facts: Facts) -> str:
    """What the first year costs with the recommended contender, and with the best of the rest."""
    currency = facts["settings"]["prices"]["currency"]
    names = dict.fromkeys([facts["contender"], facts["best_untuned"], facts["best_tuned"]])
    costs = facts["timing"]["costs"]
    told = [
        f"{amounts.money(costs[name]['total']['money'], currency)} with {name}"
        for name in names
        if name is not None
    ]
    return f"the first year takes {', '.join(told)}; report.html has its parts."
