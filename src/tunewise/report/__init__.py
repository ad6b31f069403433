"""A verdict made readable: one plain dict first, then text, page and files.

Nothing here decides anything. Every word and number comes from the dict that
`docs/verdict.schema.json` describes, so the terminal, the page and `verdict.json` agree.
"""

from tunewise.report.facts import facts
from tunewise.report.forecast import (
    check_forecast_place,
    forecast_facts,
    forecast_text,
    save_forecast,
)
from tunewise.report.of_kind import (
    check_kind_place,
    kind_facts,
    kind_page,
    save_kind_verdict,
)
from tunewise.report.page import to_page
from tunewise.report.save import check_place, save_report, save_verdict
from tunewise.report.shrunk import save_shrunk, shrunk_text
from tunewise.report.text import findings_text, printable, to_text
from tunewise.report.text_of_kind import kind_text
from tunewise.report.told import tuned_text
from tunewise.report.tuned import check_tuned_place, save_tuned

__all__ = [
    "check_forecast_place",
    "check_kind_place",
    "check_place",
    "check_tuned_place",
    "facts",
    "findings_text",
    "forecast_facts",
    "forecast_text",
    "kind_facts",
    "kind_page",
    "kind_text",
    "printable",
    "save_forecast",
    "save_kind_verdict",
    "save_report",
    "save_shrunk",
    "save_tuned",
    "save_verdict",
    "shrunk_text",
    "to_page",
    "to_text",
    "tuned_text",
]
