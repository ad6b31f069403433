"""Tables opened again: what was found in a file is not looked for twice, unless it has changed."""

import json
import os
from pathlib import Path

from tunewise.data.tables import open_table


def test_a_file_that_has_changed_is_looked_at_anew(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"text": "a", "label": "b"}) + "\n")
    assert open_table(path).columns == ("text", "label")
    path.write_text(json.dumps({"text": "a", "intent": "b"}) + "\n")
    assert open_table(path).columns == ("text", "intent")


def test_a_file_that_is_as_it_was_is_not_read_again_to_know_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n')
    stamp = path.stat().st_mtime_ns
    assert open_table(path).columns == ("text",)
    path.write_text('{"test": "a"}\n')  # of the same length, and as if written at the same time
    os.utime(path, ns=(stamp, stamp))
    assert open_table(path).columns == ("text",)
