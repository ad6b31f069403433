"""The page in a real browser: nothing sticks out, nothing is fetched."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from verdict_facts import ENDLESS, rename, smallest_facts, verdict_facts

from tunewise.report import to_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on PATH to open the page in"),
]

# Opens everything, measures, and tells the page around it. A phone does not see the table's
# head; a name without end may make the table scroll in its own box, never the page.
_MEASURE = """<script>addEventListener("load", () => {
  document.querySelectorAll("details").forEach(one => one.open = true);
  const width = document.documentElement.clientWidth;
  const out = [...document.querySelectorAll("body *")]
    .filter(one => !one.closest("thead, .scroll"))
    .filter(one => one.getBoundingClientRect().right > width + 1)
    .map(one => one.tagName + "." + (one.getAttribute("class") || ""));
  const cut = [...document.querySelectorAll(".scroll")]
    .filter(one => one.scrollWidth > one.clientWidth)
    .map(one => one.getAttribute("aria-labelledby"));
  parent.postMessage({width, scroll: document.documentElement.scrollWidth, out, cut,
    fetched: performance.getEntriesByType("resource").map(one => one.name)}, "*");
});</script>"""

_FRAME = """<!doctype html><iframe src="page.html" style="width:{width}px;height:900px;border:0">
</iframe><script>onmessage = message => {{
  document.body.dataset.found = JSON.stringify(message.data); }}</script>"""


def _crowded() -> dict[str, Any]:
    facts = verdict_facts("tune", sentence=ENDLESS, reasons=[ENDLESS], reproduce=ENDLESS)
    facts["data"]["source"] = ENDLESS
    rename(facts, 3, ENDLESS)
    return facts


@pytest.mark.parametrize("width", [375, 800, 1280])
@pytest.mark.parametrize("facts", [verdict_facts(), smallest_facts(), _crowded()])
def test_nothing_sticks_out_of_the_page_and_nothing_is_fetched(
    facts: dict[str, Any], width: int, tmp_path: Path
) -> None:
    found = _measured(to_page(facts), width, tmp_path)
    del found["cut"]  # a name without end may
    assert found == {"width": width, "scroll": width, "out": [], "fetched": []}


def test_no_table_of_a_usual_verdict_is_cut_off_on_a_small_screen(tmp_path: Path) -> None:
    assert _measured(to_page(verdict_facts()), 1000, tmp_path)["cut"] == []


def _measured(page: str, width: int, folder: Path) -> dict[str, Any]:
    loosened = page.replace(
        "default-src 'none';", "default-src 'none'; script-src 'unsafe-inline';"
    )
    measuring = loosened.replace("</body>", f"{_MEASURE}</body>")
    (folder / "page.html").write_text(measuring, encoding="utf-8")
    (folder / "frame.html").write_text(_FRAME.format(width=width), encoding="utf-8")
    seen = subprocess.run(
        [
            *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--disable-dev-shm-usage", "--hide-scrollbars", "--virtual-time-budget=3000"),
            *(f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000", "--dump-dom"),
            (folder / "frame.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    (found,) = re.findall(r"data-found=\"(.*?)\"", seen)
    return dict(json.loads(found.replace("&quot;", '"')))
