"""Finding: one thing noticed, with a stable code, examples, and what to do about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing noticed about the data.

    `code` never changes its meaning (D… for data); `count` is how many records are concerned;
    `examples` are at most three, each a short text a person can look up.
    """

    code: str
    severity: Severity
    title: str
    count: int
    examples: tuple[str, ...]
    advice: str

    def to_dict(self) -> Mapping[str, Any]:
        """Plain values, for JSON."""
        return {
            "code": self.code,
            "severity": self.severity,
            "title": self.title,
            "count": self.count,
            "examples": list(self.examples),
            "advice": self.advice,
        }


_ORDER = {"error": 0, "warning": 1, "note": 2}


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The gravest first, and by code among equals."""
    return sorted(findings, key=lambda finding: (_ORDER[finding.severity], finding.code))
