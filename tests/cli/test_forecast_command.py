"""`tunewise forecast` as a user types it, and the forecast by itself as text, facts and page."""

import json
from dataclasses import replace

import numpy as np
import pytest

import tunewise
from tunewise.cli import main
from tunewise.learning_curve import Point, extrapolate
from tunewise.prices import Prices
from tunewise.report import forecast_facts, forecast_text, save_forecast
from tunewise.testing import WordHashEncoder, tiny_task

pytestmark = pytest.mark.usefixtures("home")

FORECAST = ["forecast", "tiny", "--encoder", "word-hash"]


def some_forecast():
    """Of a curve 0.10 - n^-0.5 / 2, measured on 200 queries."""
    units = np.random.default_rng(0).normal(0, 0.02, 200)
    points = [Point(n, units + 0.10 - 0.5 * n**-0.5) for n in (50, 100, 200, 400)]
    groups = [str(unit) for unit in range(200)]
    return extrapolate(points, groups, rung="adapter-query", metric="nDCG@10", worth=0.02)


def some_facts():
    """The same with a judgment at 0.4."""
    return forecast_facts(some_forecast(), tiny_task(), uses=2, prices=Prices(judgment=0.4))


@pytest.fixture(scope="module")
def told(home, tmp_path_factory):
    """What the command left in facts, and its exit code."""
    file = tmp_path_factory.mktemp("told") / "forecast.json"
    code = main([*FORECAST, "--price", "judgment=0.4", "--worth", "0.1", "--out", str(file)])
    return code, json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_command_forecasts_what_the_function_does(told):
    code, facts = told
    found = tunewise.forecast(tiny_task(), encoders=[WordHashEncoder()], worth=0.1)
    assert code == 0
    assert facts["forecast"]["queries"] == found.queries == 77
    assert [gain for _, gain in facts["forecast"]["curve"]] == pytest.approx(
        [gain for _, gain in found.curve], abs=1e-6
    )
    assert facts["forecast"]["worth_at"] == found.worth_at
    assert facts["settings"]["prices"]["judgment"] == 0.4


@pytest.mark.slow
def test_its_use_of_test_is_counted_once(told, home, capsys):
    _, facts = told
    assert main([*FORECAST, "--worth", "0.1"]) == 0
    uses = facts["data"]["test_uses"]
    times = "once" if uses == 1 else f"{uses} times"
    out = " ".join(capsys.readouterr().out.split())
    assert f"The test queries have been used {times} by now." in out
    assert out.startswith(("By its learning curve", "With the labels there are", "The points"))
    assert "154 (2×)" in out


def test_the_text_holds_sentences_table_prices_and_uses():
    text = forecast_text(some_facts(), width=90)
    assert max(map(len, text.splitlines())) <= 90
    rows = [line.split() for line in text.splitlines() if "×)" in line]
    # 400, 1,200 and 3,600 more queries of one judgment each, at 0.4
    assert [row[-1] for row in rows] == ["160.00", "480.00", "1,440"]
    plain = " ".join(text.split())
    assert "With the labels there are it probably reaches the 0.02 worth having" in plain
    assert "Deeper rungs may learn more" in plain
    assert "The test queries have been used 2 times by now." in plain


def test_the_page_holds_the_drawing_and_fetches_nothing(tmp_path):
    facts = some_facts()
    save_forecast(facts, tmp_path / "forecast.html")
    page = (tmp_path / "forecast.html").read_text(encoding="utf-8")
    assert page.count('<circle class="dot') == 4 + 3
    assert "default-src 'none'" in page
    assert "USD 160.00" in page
    save_forecast(facts, tmp_path / "forecast.json")
    assert json.loads((tmp_path / "forecast.json").read_text(encoding="utf-8")) == facts


def test_a_forecast_from_made_queries_says_so(tmp_path):
    facts = some_facts()
    assert "Provisional" not in forecast_text(facts)
    made = forecast_facts(some_forecast(), replace(tiny_task(), made={"kept": 1}), uses=1)
    assert "Provisional: label about" in forecast_text(made)
    save_forecast(made, tmp_path / "made.html")
    assert "Provisional." in (tmp_path / "made.html").read_text(encoding="utf-8")


def few(home):
    rows = [f"how old is house {n},it was built in {n}" for n in range(40)]
    (home / "few.csv").write_text("query,document\n" + "\n".join(rows) + "\n")


def tested_only(home):
    task = tiny_task()
    parts = dict.fromkeys(task.judgments, "test")
    tunewise.write_task(tunewise.Task(task.documents, task.queries, task.judgments, parts), "only")


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (few, ["few.csv"], "Fewer than 120 are measured in folds"),
        (tested_only, ["only"], "There are 0 training queries"),
        (None, ["tiny", "--out", "forecast.pdf"], "as facts (.json) or as a page (.html)"),
        (
            None,
            ["tiny", "--worth", "2"],
            "a metric goes from 0 to 1, and a gain",
        ),
        (None, ["nowhere"], "nowhere"),
    ],
)
def test_what_gives_no_curve_is_refused_before_test_is_used(home, capsys, make, arguments, message):
    if make is not None:
        make(home)
    before = sorted((home / "cache" / "uses").glob("*"))
    assert main(["forecast", *arguments, "--encoder", "word-hash"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert sorted((home / "cache" / "uses").glob("*")) == before
