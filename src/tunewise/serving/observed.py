"""Observed: what the service counts, and how its log lines look. Neither holds a text of anyone."""

import json
import logging
import traceback
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 120)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Meters:
    """All that is counted since the start, in Prometheus' own types."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.requests = Counter(
            "tunewise_requests_total",
            "Requests answered.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.latency = Histogram(
            "tunewise_request_seconds",
            "Seconds from a request to its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.batches = Histogram(
            "tunewise_batch_texts", "Texts encoded in one go.", buckets=_TEXTS, registry=registry
        )
        self.encoded = Counter(
            "tunewise_encoded_tokens_total", "Tokens encoded.", registry=registry
        )
        self.charged = Counter(
            "tunewise_tokens_total", "Tokens asked for.", ["model"], registry=registry
        )
        self.cut = Counter(
            "tunewise_cut_texts_total",
            "Texts longer than their model reads.",
            ["model"],
            registry=registry,
        )
        self.lookups = Counter(
            "tunewise_vectors_total",
            "Vectors asked for, by whether they were at hand.",
            ["at_hand"],
            registry=registry,
        )
        self.overloaded = Counter(
            "tunewise_overloaded_total",
            "Requests not taken in for want of room.",
            registry=registry,
        )
        self.waiting = Gauge(
            "tunewise_waiting_tokens", "Tokens that wait to be encoded.", registry=registry
        )

    def began_batch(self, texts: int, tokens: int) -> None:
        """Counts a batch."""
        self.batches.observe(texts)
        self.encoded.inc(tokens)

    def looked_up(self, texts: int, found: int) -> None:
        """Counts vectors asked for, and those of them that were at hand."""
        self.lookups.labels("yes").inc(found)
        self.lookups.labels("no").inc(texts - found)


class JsonLines:
    """Log records as lines of JSON, for `logging`'s `formatter`; `facts` of a record are fields.

    Of an exception only its type and where it was raised are told: its message may quote a text.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            frames = traceback.extract_tb(record.exc_info[2])
            told["error"] = record.exc_info[0].__name__
            told["raised"] = [f"{each.filename}:{each.lineno} {each.name}" for each in frames]
        return json.dumps(told)


def log_settings() -> dict[str, object]:
    """What `logging` is told by the server: lines of JSON on standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": JsonLines}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "lines",
                "level": "INFO",  # bm25s sets its own logger to DEBUG when it is imported
            }
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {"tunewise": {"level": "INFO"}, "uvicorn": {"level": "INFO"}},
    }
