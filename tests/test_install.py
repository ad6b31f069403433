"""Set-up installs by uv what pip would, from where pip is told."""

import os
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "tools" / "install.py"


def test_pips_settings_of_the_environment_count_more_than_those_of_files(tmp_path, monkeypatch):
    (tmp_path / "pip.conf").write_text("[global]\nfind-links = /nowhere\nretries = 7\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_FIND_LINKS", "/here /there")
    told = dict(runpy.run_path(str(SCRIPT))["told"]([sys.executable, "-m", "pip"]))
    assert told["find-links"] == "/here /there"
    assert told["retries"] == "7"


def test_of_several_files_and_sections_those_count_that_count_for_pip_install(
    tmp_path, monkeypatch
):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    (tmp_path / "user" / "pip").mkdir(parents=True)
    (tmp_path / "user" / "pip" / "pip.conf").write_text(
        "[global]\nfind-links = /user\nindex-url = https://user.invalid\n"
        "[wheel]\nfind-links = /wheels\nwheel-dir = /made\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "named.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "")
    (tmp_path / "named.conf").write_text(
        "[global]\nfind-links = /named\n[install]\nindex-url = https://named.invalid\n"
    )
    script = runpy.run_path(str(SCRIPT))
    told = dict(script["told"]([sys.executable, "-m", "pip"]))
    assert (told["find-links"], told["index-url"]) == ("/named", "https://named.invalid")
    assert "wheel-dir" not in told, "which is none of its business"
    assert told["config-file"] and "config-file" in script["HARMLESS"], "what it says is told"


def test_what_uv_would_not_understand_is_left_to_pip_and_said(tmp_path):
    words = [sys.executable, str(SCRIPT), "--dry-run", "--no-deps", "pip"]
    told = {**os.environ, "PIP_PROXY": "http://127.0.0.1:9"}
    ran = subprocess.run(words, env=told, cwd=SCRIPT.parents[1], capture_output=True, text=True)
    assert ran.stdout.splitlines()[0].startswith("pip is told proxy: pip installs")


@pytest.mark.skipif(find_spec("uv") is None, reason="it would be installed here")
def test_what_uv_cannot_install_is_installed_by_pip(tmp_path):
    words = [sys.executable, str(SCRIPT), "--dry-run", "--no-deps", "pip"]
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    told = {**mine, "PIP_CONFIG_FILE": os.devnull, "UV_CONFIG_FILE": str(tmp_path / "absent")}
    ran = subprocess.run(words, env=told, cwd=SCRIPT.parents[1], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "pip installs" in ran.stdout.splitlines()[0]


def test_uv_is_told_where_pip_is(monkeypatch):
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    monkeypatch.delenv("UV_INDEX", raising=False)
    settings = {
        "find-links": "/here\n/there",
        "extra-index-url": "https://a.invalid\nhttps://b.invalid",
    }
    told = runpy.run_path(str(SCRIPT))["environment"](settings)
    assert told["UV_FIND_LINKS"] == "/here,/there"
    assert told["UV_INDEX"] == "https://a.invalid https://b.invalid"
