"""A run that is killed or broken off goes on where it was, to the very same verdict.

The task is real text, the documentation of some of Python's own modules, and the encoder the
real one, so that a kill can fall into loading, encoding, training, scoring and saving.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

import tunewise

pytestmark = pytest.mark.slow

KILLS = 4
LATEST = 9  # lines of progress after which a run is killed at the latest; a whole run has about 14
SPREAD = 2.0  # seconds that a kill may come after its line

TRIED = "lexical,pretrained,hybrid,adapter"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    task = tunewise.read_task("docstrings:json,email,argparse,http")
    tunewise.write_task(task, folder / "data")
    return folder


def started(home, cache, folder="undisturbed"):
    """A run whose output is `folder`/out: the same command each time, since reports quote it."""
    environment = {"TUNEWISE_CACHE": str(home / cache), "HF_HUB_OFFLINE": "1"}
    (home / folder).mkdir(exist_ok=True)
    return subprocess.Popen(
        # the deep rungs have kills of their own, in tests/training/test_resume.py
        [sys.executable, "-m", "tunewise", "measure", "../data", "--try", TRIED, "--out", "out"],
        cwd=home / folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a run started in the background inherits that Ctrl-C is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def ended(run):
    """Exit code, output and errors of a run, after its end."""
    out, error = run.communicate(timeout=300)
    return run.returncode, out, error


def stopped(run, number, *, lines, after):
    """Sends the signal some seconds after so many lines of progress, or never if the run ends."""
    told = []
    while len(told) < lines and (line := run.stderr.readline()):
        told.append(line)
    time.sleep(after)
    run.send_signal(number)
    code, out, error = ended(run)
    return code, out, "".join(told) + error


def timeless(out):
    facts = json.loads((out / "verdict.json").read_text(encoding="utf-8"))
    del facts["timing"]
    return json.dumps(facts)


@pytest.fixture(scope="module")
def undisturbed(home):
    """The verdict of a run that nobody disturbed."""
    code, _, error = ended(started(home, "cache"))
    assert code == 0, error
    return timeless(home / "undisturbed" / "out")


def test_a_run_killed_again_and_again_ends_in_the_verdict_of_an_undisturbed_one(home, undisturbed):
    chance, out, kills = random.Random(time.time_ns()), home / "killed" / "out", 0
    moments = []
    while kills < KILLS and len(moments) < 4 * KILLS:
        moments.append((chance.randint(1, LATEST), chance.uniform(0, SPREAD)))
        run = started(home, "killed-cache", "killed")
        code, _, error = stopped(run, signal.SIGKILL, lines=moments[-1][0], after=moments[-1][1])
        assert code in (0, -signal.SIGKILL), error
        kills += code != 0
        if (out / "verdict.json").exists():  # then everything is there
            assert timeless(out) == undisturbed, moments
            assert (out / "model" / "tunewise.json").exists()
    assert kills == KILLS
    code, _, error = ended(started(home, "killed-cache", "killed"))
    assert code == 0, error
    assert timeless(out) == undisturbed, moments
    facts = json.loads((out / "verdict.json").read_text(encoding="utf-8"))
    tuned = next(one["tuned"] for one in facts["contenders"] if one["name"] == facts["contender"])
    open_still = {"rival"} if facts["answer"] == "cannot tell yet" and not tuned else set()
    assert {path.name for path in out.iterdir()} == {
        "verdict.json", "report.html", "model", "base", *open_still,
    }  # fmt: skip


def test_the_same_command_twice_gives_the_same_bytes_but_for_times(home, undisturbed):
    code, _, error = ended(started(home, "cache", "again"))
    assert code == 0
    assert timeless(home / "again" / "out") == undisturbed
    assert "encoding" not in error, "a second run encodes nothing"


@pytest.mark.parametrize("lines", [1, 6])
def test_ctrl_c_ends_with_one_message_and_leaves_nothing_half_written(home, lines):
    name = f"broken-off-{lines}"
    run = started(home, name, name)
    code, out, error = stopped(run, signal.SIGINT, lines=lines, after=0.1)
    assert (code, out) == (130, "")
    assert error.splitlines()[-1].startswith("tunewise: interrupted.")
    assert "the same command goes on from here" in error
    assert "Traceback" not in error
    assert list((home / name / "out").iterdir()) == []
