"""Installs what `pip install` with the same words would, by uv, in a fraction of the time.

    python tools/install.py [words of `pip install`]

uv reads none of pip's settings, so it is told those that say where packages come from. Where pip
was told something else of the way there, where there is no uv for this machine, or where uv fails
(it trusts other certificates than pip, and knows other ways to say a password), pip installs.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec

# of `pip config list`, and uv's own word for the same
SAME = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}
BETWEEN = {"find-links": ","}  # uv's lists; the others are words apart
# what changes nothing of where packages come from
HARMLESS = {"timeout", "default-timeout", "disable-pip-version-check", "no-input", "progress-bar",
            "root-user-action", "no-cache-dir", "cache-dir", "retries", "require-virtualenv",
            "no-warn-script-location", "no-compile", "no-python-version-warning",
            "config-file"}  # fmt: skip
# what `pip install` reads, the ones that count more after the others
SECTIONS = ("global", "install", ":env:")

UV = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]


def main(words: list[str]) -> int:
    pip = [sys.executable, "-m", "pip"]
    settings = dict(told(pip))
    strange = sorted(settings.keys() - SAME.keys() - HARMLESS)
    if strange:
        why = f"pip is told {', '.join(strange)}"
    elif not has_uv(pip):
        why = "there is no uv for this machine"
    elif subprocess.run([*UV, *words], env=environment(settings)).returncode:
        why = "uv could not install this"
    else:
        return 0
    print(f"{why}: pip installs, which takes some minutes more.", flush=True)
    return subprocess.run([*pip, "install", "--quiet", *words]).returncode


def environment(settings: dict[str, str]) -> dict[str, str]:
    """What uv is told: what pip is, where nobody told uv itself."""
    same = {
        SAME[name]: BETWEEN.get(name, " ").join(value.split())
        for name, value in settings.items()
        if name in SAME
    }
    # as pip: the best version of all places
    return {"UV_INDEX_STRATEGY": "unsafe-best-match", **same, **os.environ}


def has_uv(pip: list[str]) -> bool:
    """Whether uv is there, or could be had."""
    words = ["install", "--quiet", "--constraint", "constraints.txt", "uv"]
    return find_spec("uv") is not None or not subprocess.run([*pip, *words]).returncode


def told(pip: list[str]) -> Iterator[tuple[str, str]]:
    """Names and values of pip's settings, the ones that count more after the others."""

    def config(*words: str) -> str:
        ran = subprocess.run([*pip, "config", *words], capture_output=True, text=True, check=True)
        return ran.stdout.strip()

    listed: dict[str, list[str]] = {}
    for line in config("list").splitlines():
        key, _, value = line.partition("=")
        listed.setdefault(key, []).append(str(ast.literal_eval(value)))
    for section in SECTIONS:
        for key, values in listed.items():
            place, _, name = key.rpartition(".")
            # where several files say it, the list does not tell which of them counts
            value = values[0] if len(values) == 1 else config("get", key)
            if place == section and value:
                yield name, value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
