"""Workers: each job in a process of its own, ended within seconds, going on after any kill."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tunewise.jobs.home import Home
from tunewise.jobs.job import ENDED
from tunewise.jobs.queue import Queue

HERE = Path(__file__).parent


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


@pytest.fixture
def queue(home):
    opened = Queue(home.jobs)
    yield opened
    opened.close()


@pytest.fixture
def start(home):
    """Starts a worker that can count."""
    started = []

    def worker(*options):
        path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tunewise.jobs.worker", home.folder),
                *("--work", "count=counting:run", *options),
            ],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        started.append(process)
        return process

    yield worker
    for process in started:
        process.stdin.close()
        process.kill()
        process.wait()


def wait(true, seconds=30.0):
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


def children(pid):
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_a_job_is_run_its_events_told_and_its_folder_removed(home, queue, start):
    job = queue.add("count", {"to": 3})
    refused = queue.add("count", {"refuse": True})
    astray = queue.add("count", {"astray": True})
    broken = queue.add("count", {"break": True})
    unknown = queue.add("dance", {})
    start()
    wait(lambda: queue.job(unknown.id).state == "failed")
    assert queue.job(job.id).result == {"counted": 3}
    assert [event.message for event in queue.events(job.id)][::-1] == [
        "counting",
        "counting",
        "The job succeeded.",
    ]
    assert queue.job(refused.id).error == "There is nothing to count. Send something."
    assert queue.job(astray.id).error == "There is no folder 'models/x'."
    assert queue.job(broken.id).error.startswith("The work failed inside (RuntimeError).")
    assert queue.job(unknown.id).error == "There is no work 'dance' in this version."
    wait(lambda: not list((home.folder / "jobs").iterdir()))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_cancelled_job_ends_within_seconds_with_all_that_it_started(queue, start):
    job = queue.add("count", {"to": 10**6, "pause": 0.01, "child": True})
    worker = start()
    wait(lambda: queue.events(job.id))
    [child] = children(worker.pid)
    group = wait(lambda: [pid for pid in _in_group(child) if pid != child])
    began = time.monotonic()
    queue.cancel(job.id)
    wait(lambda: not any(map(alive, [child, *group])))
    assert time.monotonic() - began < 3
    assert queue.job(job.id).state == "cancelled"
    follower = queue.add("count", {"to": 1})
    wait(lambda: queue.job(follower.id).state == "succeeded")


@pytest.mark.slow
def test_a_paused_job_goes_on_where_it_was(queue, start):
    job = queue.add("count", {"to": 40, "pause": 0.03})
    start()
    wait(lambda: queue.events(job.id))
    time.sleep(0.4)
    queue.pause(job.id)
    time.sleep(0.5)
    told = len(queue.events(job.id))
    time.sleep(0.5)
    assert len(queue.events(job.id)) == told
    queue.resume(job.id)
    wait(lambda: queue.job(job.id).state == "succeeded")
    begun = [event.data["from"] for event in queue.events(job.id) if "from" in (event.data or {})]
    assert begun[0] > begun[1] == 0


@pytest.mark.slow
def test_a_job_that_takes_too_long_is_ended_and_one_that_kills_its_process_given_up(queue, start):
    long = queue.add("count", {"to": 10**6, "pause": 0.01})
    deadly = queue.add("count", {"die": True})
    start("--hours", "0.0002")
    wait(lambda: queue.job(deadly.id).state == "failed")
    assert queue.job(long.id).error == "It took longer than 0.0002 hours."
    assert "died 3 times, at last so: signal SIGKILL" in queue.job(deadly.id).error
    assert queue.job(deadly.id).attempts == 3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_worker_told_to_stop_gives_its_job_back_and_none_outlives_its_parent(queue, start):
    job = queue.add("count", {"to": 10**6, "pause": 0.01})
    worker = start("--watched")
    wait(lambda: queue.events(job.id))
    [child] = children(worker.pid)
    worker.terminate()
    assert worker.wait(10) == 0
    assert not alive(child)
    assert queue.job(job.id).state == "queued"
    assert not [event for event in queue.events(job.id) if event.level == "warn"]
    worker = start("--watched")
    wait(lambda: queue.job(job.id).state == "running")
    worker.stdin.close()  # as the end of the parent does
    assert worker.wait(10) == 0
    assert queue.job(job.id).state == "queued"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_whatever_is_killed_whenever_each_job_ends_once(queue, start):
    chance, crashes = random.Random(0), 0
    jobs = [queue.add("count", {"to": 20, "pause": 0.01}).id for _ in range(4)]
    workers = [start(), start()]
    for _ in range(6):
        time.sleep(chance.uniform(0.1, 0.6))
        which = chance.randrange(2)
        if crashes < 2 and (there := children(workers[which].pid)):  # the third gives a job up
            _kill(there[0])
            crashes += 1
        else:
            workers[which].kill()
            workers[which].wait()
            workers[which] = start()
    wait(lambda: all(queue.job(job).state in ENDED for job in jobs), 60)
    assert [queue.job(job).state for job in jobs] == ["succeeded"] * 4
    for job in jobs:
        told = [event.message for event in queue.events(job, limit=100)]
        assert told.count("The job succeeded.") == 1


def _kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _in_group(leader):
    found = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(each.read_text().rpartition(")")[2].split()[2]) == leader:
                found.append(int(each.parent.name))
        except FileNotFoundError:
            continue
    return found
