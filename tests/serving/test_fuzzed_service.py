"""Requests made up from the service's own description: none may make it fail."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from running import running_app

from tunewise.serving.app import make_app
from tunewise.serving.models import Model, Offer
from tunewise.testing import WordHashEncoder


class EveryName(dict):
    """Models by whatever name, so that what is made up gets past the name."""

    def __contains__(self, name):
        return True

    def __missing__(self, name):
        return self["word-hash"]


@pytest.mark.slow
def test_no_request_made_from_the_description_makes_it_fail(tmp_path):
    fuzzer = Path(sys.executable).with_name("schemathesis")
    models = EveryName({"word-hash": Model("word-hash", WordHashEncoder(), prefixes=(32,))})
    with running_app(make_app(Offer(models))) as url:
        ran = subprocess.run(
            [fuzzer, "run", f"{url}/openapi.json", "--checks", "not_a_server_error",
             "--max-examples", "60", "--seed", "1", "--generation-database", "none"],
            cwd=tmp_path, capture_output=True, text=True, timeout=500,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout[-4_000:] + ran.stderr[-2_000:]
        told = httpx.get(f"{url}/metrics").text
    assert 'status="5' not in told
    assert 'route="/v1/embeddings",status="200"' in told
