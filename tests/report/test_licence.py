"""The licence on the card is the one that the base's own card states, or none."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tunewise.report.tuned import licence

UNKNOWN = "unknown: look at the base's own card"


@pytest.mark.parametrize(
    ("stated", "found"),
    [
        ("license: apache-2.0", "apache-2.0"),
        ("license: 'cc-by-4.0'", "cc-by-4.0"),
        ("license:\n- mit", "mit"),
        ("license:\n  - mit\nlanguage: en", "mit"),
        ("license:\nlanguage: en", UNKNOWN),
        ("language: en", UNKNOWN),
    ],
)
def test_only_what_the_base_states_is_told(tmp_path: Path, stated: str, found: str) -> None:
    (tmp_path / "README.md").write_text(f"---\n{stated}\n---\n# A model\nlicense: none\n")
    assert licence(SimpleNamespace(folder=tmp_path)) == found


def test_a_base_without_a_card_has_no_licence_that_could_be_told(tmp_path: Path) -> None:
    assert licence(SimpleNamespace(folder=tmp_path)) == UNKNOWN
