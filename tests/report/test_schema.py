"""docs/verdict.schema.json describes what the report is made from."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from verdict_facts import ANSWERS, smallest_facts, verdict_facts

SCHEMA = Path(__file__).parents[2] / "docs" / "verdict.schema.json"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_answer_fits_the_schema(validator: Draft202012Validator, answer: str) -> None:
    validator.validate(verdict_facts(answer))


def test_the_smallest_verdict_fits_the_schema(validator: Draft202012Validator) -> None:
    validator.validate(smallest_facts())


def test_another_untuned_change_may_suffice(validator: Draft202012Validator) -> None:
    assert validator.is_valid(verdict_facts("suffices") | {"answer": "suffices with lexical"})


@pytest.mark.parametrize(
    "break_it",
    [
        lambda facts: facts.update(answer="maybe"),
        lambda facts: facts.update(format=2),
        lambda facts: facts.pop("gain"),
        lambda facts: facts.update(extra="nobody asked"),
        lambda facts: facts["gain"].update(p_value=0),
        lambda facts: facts["findings"][0].update(severity="fatal"),
        lambda facts: facts["contenders"][0].update(unjudged=1.2),
        lambda facts: facts["contenders"][0].pop("scores"),
        lambda facts: facts["data"]["test_use"].update(ordinal=0),
        lambda facts: facts["timing"].update(seconds="long"),
    ],
)
def test_a_broken_verdict_is_rejected(
    validator: Draft202012Validator, break_it: Callable[[dict[str, Any]], Any]
) -> None:
    facts = verdict_facts("tune")
    break_it(facts)
    assert not validator.is_valid(facts)


def test_every_entry_is_described() -> None:
    def undescribed(schema: Any, path: str) -> list[str]:
        found = []
        for name, entry in schema.get("properties", {}).items():
            if not entry.get("description"):
                found.append(f"{path}/{name}")
            found += undescribed(entry, f"{path}/{name}")
        return found

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    parts = [schema, *schema["$defs"].values()]
    assert [line for part in parts for line in undescribed(part, "")] == []
