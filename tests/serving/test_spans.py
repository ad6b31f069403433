"""Spans, as a real collector reads them: over a socket, in OpenTelemetry's own protocol."""

import gzip
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from running import Waits, running

from tunewise.serving.models import Model
from tunewise.serving.spans import NoSpans, spans_wanted
from tunewise.testing import WordHashEncoder

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module")
def reads():
    """What OTLP's messages are read with."""
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return ExportTraceServiceRequest


@contextmanager
def collector(reads):
    """An address, and the (service, span) that were sent to it."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            for resource in reads.FromString(body).resource_spans:
                service = told(resource.resource)["service.name"]
                got.extend((service, s) for scope in resource.scope_spans for s in scope.spans)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def told(holder):
    """Attributes of a span or a resource."""
    kinds = ("string_value", "int_value", "bool_value")
    return {
        each.key: next(getattr(each.value, kind) for kind in kinds if each.value.HasField(kind))
        for each in holder.attributes
    }


def embed(url, text, model, **headers):
    asked = {"model": model, "input": text}
    return httpx.post(f"{url}/v1/embeddings", json=asked, headers=headers, timeout=30)


def test_a_request_its_batch_and_its_encoding_are_told_to_a_collector(reads, monkeypatch):
    with collector(reads) as (address, got):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "faq")
        models = Model("plain", WordHashEncoder()), Model("hosted", Waits())
        with running(*models, spans=spans_wanted()) as url:
            caller = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            assert embed(url, "my secret text", "plain", **caller).status_code == 200
            assert embed(url, "NaN secret", "hosted").status_code == 502
            httpx.get(f"{url}/v1/none/secret")
    assert {service for service, _ in got} == {"faq"}
    spans = {span.name: span for _, span in reversed(got)}
    assert set(spans) == {"POST /v1/embeddings", "GET none", "batch", "encode"}
    request, batch, encode = (spans[n] for n in ("POST /v1/embeddings", "batch", "encode"))
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert request.kind == request.SPAN_KIND_SERVER
    facts = told(request)
    assert facts["http.response.status_code"] == 200
    assert (facts["tunewise.model"], facts["tunewise.tokens"]) == ("plain", 3)
    assert [link.span_id for link in batch.links] == [request.span_id]
    assert (encode.trace_id, encode.parent_span_id) == (batch.trace_id, batch.span_id)
    assert told(batch) == {"tunewise.texts": 1, "tunewise.tokens": 3}
    failed = [span for _, span in got if told(span).get("http.response.status_code") == 502]
    assert [span.status.code for span in failed] == [failed[0].status.STATUS_CODE_ERROR]
    assert "secret" not in "".join(str(span) for _, span in got)


def test_without_a_collector_there_are_none(monkeypatch):
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(spans_wanted(), NoSpans)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert isinstance(spans_wanted(), NoSpans)


@pytest.mark.slow
def test_a_collector_that_is_not_there_holds_nobody_up(reads, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with running(Model("plain", WordHashEncoder()), spans=spans_wanted()) as url:
        assert embed(url, "open a file", "plain").status_code == 200


@pytest.mark.slow
def test_none_of_it_is_loaded_where_it_is_not_wanted():
    code = (
        "import sys, json; import tunewise.serving.app, tunewise.serving.spans as s; "
        "s.spans_wanted(); print(json.dumps([m for m in sys.modules if 'opentelemetry.sdk' in m]))"
    )
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OTEL")}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=plain)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == []
