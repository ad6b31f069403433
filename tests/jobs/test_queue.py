"""The queue: every job ends once, whoever dies, whatever the clock says."""

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tunewise.database import Database
from tunewise.errors import AbsentError, BusyError, OptionError, OutputError, StoreError
from tunewise.jobs.home import Home, default_home
from tunewise.jobs.job import ENDED
from tunewise.jobs.queue import Queue

TAKER = """
import sys, os, signal
from pathlib import Path
from tunewise.jobs.queue import Queue
queue = Queue(Path(sys.argv[1]))
with queue.present() as worker:
    print(queue.take(worker).id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def queue(tmp_path):
    opened = Queue(tmp_path / "jobs.db", most=8)
    yield opened
    opened.close()


def test_jobs_are_taken_in_the_order_in_which_they_were_added(queue):
    added = [queue.add("count", {"to": n}).id for n in range(3)]
    with queue.present() as worker:
        taken = [queue.take(worker) for _ in range(4)]
    assert [job and job.id for job in taken] == [*added, None]
    assert taken[0].state == "running"
    assert (taken[0].attempts, taken[0].asked) == (1, {"to": 0})


def test_a_job_whose_worker_stopped_says_that_it_goes_on_with_another(queue):
    job = queue.add("count", {"to": 1})
    with queue.present() as worker:
        assert queue.give_back(queue.take(worker))
    [event] = queue.events(job.id)
    assert event.message == "Its worker ended; it goes on with another."


def test_a_key_sent_again_gives_the_same_job_and_another_request_with_it_is_refused(queue):
    first = queue.add("count", {"to": 1}, owner="key-a", key="k")
    assert queue.add("count", {"to": 1}, owner="key-a", key="k") == first
    assert queue.add("count", {"to": 1}, owner="key-b", key="k").id != first.id
    with pytest.raises(OptionError, match="sent before with another request"):
        queue.add("count", {"to": 2}, owner="key-a", key="k")
    assert len(queue.jobs()) == 2


def test_past_its_bound_the_queue_refuses_and_an_owner_has_a_quarter(queue):
    for _ in range(2):
        queue.add("count", {}, owner="key-a")
    with pytest.raises(BusyError, match=r"2 of them yours, and no more than 8 \(2 of one owner\)"):
        queue.add("count", {}, owner="key-a")
    for _ in range(6):
        queue.add("count", {})
    with pytest.raises(BusyError, match="8 jobs wait already"):
        queue.add("count", {})
    with queue.present() as worker:
        queue.take(worker)
    queue.add("count", {})


def test_only_the_last_taker_ends_a_job_and_only_once(queue):
    queue.add("count", {})
    with contextlib.ExitStack() as first, queue.present() as second:
        early = queue.take(first.enter_context(queue.present()))
        assert queue.take(second) is None
        first.close()  # gone, as if killed
        late = queue.take(second)
        assert (early.id, early.attempts, late.attempts) == (late.id, 1, 2)
        assert not queue.finish(early, result={"by": "first"})
        assert queue.finish(late, result={"by": "second"})
        assert not queue.finish(late, error="again")
    assert queue.job(late.id).result == {"by": "second"}


def test_what_a_killed_worker_had_is_there_for_the_next_at_once(queue, tmp_path):
    job = queue.add("count", {})
    ended = subprocess.run(
        [sys.executable, "-c", TAKER, str(tmp_path / "jobs.db")], capture_output=True, text=True
    )
    assert (ended.returncode, ended.stdout.strip()) == (-9, job.id)
    assert queue.job(job.id).state == "running"
    with queue.present() as worker:
        assert queue.take(worker).id == job.id
    assert [event.message for event in queue.events(job.id)] == [
        "Its worker ended; it goes on with another."
    ]


def test_a_job_whose_process_dies_again_and_again_fails_with_the_reason(queue):
    job = queue.add("count", {})
    with queue.present() as worker:
        for _ in range(3):
            assert queue.give_back(queue.take(worker), crashed="killed by signal 9")
        assert queue.take(worker) is None
    failed = queue.job(job.id)
    assert failed.state == "failed"
    assert "died 3 times, at last so: killed by signal 9" in failed.error
    assert failed.error == queue.events(job.id)[0].message


def test_a_job_given_back_without_a_crash_is_begun_as_often_as_need_be(queue):
    queue.add("count", {})
    with queue.present() as worker:
        for _ in range(5):
            queue.give_back(queue.take(worker))
        assert queue.take(worker).attempts == 6


def test_a_job_that_takes_its_workers_with_it_is_given_up_too(tmp_path):
    queue = Queue(tmp_path / "jobs.db", orphaned=2)
    job = queue.add("count", {})
    for _ in range(2):
        with queue.present() as worker:
            queue.take(worker)
    with queue.present() as worker:
        assert queue.take(worker) is None
    assert queue.job(job.id).error == "Its worker died 2 times."
    queue.close()


def test_cancelled_and_paused_jobs_are_nobodys_and_a_resumed_one_goes_on(queue):
    job = queue.add("count", {})
    with queue.present() as worker:
        taken = queue.take(worker)
        assert queue.has(taken)
        assert queue.pause(job.id).state == "paused"
        assert not queue.has(taken)
        assert queue.take(worker) is None
        assert queue.resume(job.id).state == "queued"
        again = queue.take(worker)
        assert not queue.has(taken)
        assert queue.has(again)
        assert queue.cancel(job.id).state == "cancelled"
        assert queue.cancel(job.id).state == "cancelled"
        assert not queue.finish(again, result={})
    for late in (queue.pause, queue.resume):
        with pytest.raises(OptionError, match=r"is over \(cancelled\)"):
            late(job.id)


def test_lists_go_on_where_they_ended(queue):
    ids = [queue.add("count", {}).id for _ in range(5)]
    other = queue.add("other", {}, owner="key-a").id
    assert [job.id for job in queue.jobs(limit=2)] == [other, ids[4]]
    assert [job.id for job in queue.jobs(after=ids[4])] == ids[3::-1]
    assert [job.id for job in queue.jobs("other")] == [other]
    assert [job.id for job in queue.jobs(owner="key-a")] == [other]
    queue.cancel(ids[0])
    assert [job.id for job in queue.jobs(states=("cancelled",))] == [ids[0]]
    assert queue.counts()["queued"] == 5
    for n in range(4):
        queue.add_event(ids[1], f"step {n}", data={"n": n})
    told = queue.events(ids[1], limit=2)
    assert [event.data for event in told] == [{"n": 3}, {"n": 2}]
    assert [event.message for event in queue.events(ids[1], told[-1].id)] == ["step 1", "step 0"]
    for asked in (
        queue.job,
        queue.events,
        queue.cancel,
        queue.delete,
        lambda name: queue.jobs(after=name),
    ):
        with pytest.raises(AbsentError, match="There is no"):
            asked("job-none")


def test_a_deleted_job_leaves_nothing_and_its_worker_ends_it_no_more(queue):
    job = queue.add("count", {})
    with queue.present() as worker:
        taken = queue.take(worker)
        queue.delete(job.id)
        assert not queue.has(taken)
        assert not queue.finish(taken, result={})
    with pytest.raises(AbsentError):
        queue.events(job.id)


def test_times_never_run_backwards_within_a_job_though_the_clock_does(tmp_path):
    now = iter([1000.0, 400.0, 100.0, 50.0, 20.0])
    queue = Queue(tmp_path / "jobs.db", clock=lambda: next(now))
    job = queue.add("count", {})
    with queue.present() as worker:
        queue.finish(queue.take(worker), result={})
    done = queue.job(job.id)
    assert done.created == done.started == done.finished == 1000.0
    queue.close()


def test_a_database_of_a_newer_tunewise_is_left_alone(tmp_path):
    Database(tmp_path / "jobs.db", "", version=7).close()
    with pytest.raises(StoreError, match="written by a newer Tunewise"):
        Queue(tmp_path / "jobs.db")


def test_one_server_has_a_home_at_a_time(tmp_path, monkeypatch):
    home = Home(tmp_path / "home")
    with home.held(), pytest.raises(OutputError, match="Another server works in"), home.held():
        pass
    with home.held():
        pass
    monkeypatch.setenv("TUNEWISE_HOME", str(tmp_path))
    assert default_home() == tmp_path
    monkeypatch.delenv("TUNEWISE_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_home() == tmp_path / "tunewise"


class Turns(RuleBasedStateMachine):
    """Workers that come and die, users who cancel and pause, a clock that jumps about."""

    def __init__(self):
        super().__init__()
        self.now = 1e9
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "jobs.db"
        self.queue = Queue(path, clock=lambda: self.now, crashes=10**6, orphaned=10**6)
        self.workers, self.taken, self.ended, self.added = {}, [], {}, []

    @rule(by=st.floats(-1e9, 1e9))
    def clock_jumps(self, by):
        self.now += by

    @rule()
    def add(self):
        self.added.append(self.queue.add("count", {}).id)

    @precondition(lambda self: len(self.workers) < 3)
    @rule()
    def worker_comes(self):
        stack = contextlib.ExitStack()
        self.workers[stack.enter_context(self.queue.present())] = stack

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def worker_dies(self, data):
        self.workers.pop(data.draw(st.sampled_from(sorted(self.workers)))).close()

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def worker_takes(self, data):
        job = self.queue.take(data.draw(st.sampled_from(sorted(self.workers))))
        if job is not None:
            assert job.id not in self.ended
            assert all(not self.queue.has(old) for old in self.taken if old.id == job.id)
            self.taken.append(job)

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), well=st.booleans())
    def somebody_finishes(self, data, well):
        job = data.draw(st.sampled_from(self.taken))
        if self.queue.finish(job, **({"result": {}} if well else {"error": "no"})):
            assert job.id not in self.ended
            self.ended[job.id] = "succeeded" if well else "failed"

    @precondition(lambda self: self.added)
    @rule(data=st.data(), what=st.sampled_from(["cancel", "pause", "resume"]))
    def user_changes(self, data, what):
        name = data.draw(st.sampled_from(self.added))
        if name not in self.ended:
            getattr(self.queue, what)(name)
            if what == "cancel":
                self.ended[name] = "cancelled"

    @invariant()
    def nothing_is_lost_and_what_ended_stays_so(self):
        states = {job.id: job.state for job in self.queue.jobs(limit=1000)}
        assert list(states) == self.added[::-1]
        assert {name: state for name, state in states.items() if state in ENDED} == self.ended

    def teardown(self):
        for job in self.queue.jobs(states=("paused",), limit=1000):
            self.queue.resume(job.id)
        for stack in self.workers.values():
            stack.close()
        with self.queue.present() as worker:
            while job := self.queue.take(worker):
                assert self.queue.finish(job, result={})
        assert all(job.state in ENDED for job in self.queue.jobs(limit=1000))
        self.queue.close()
        self.folder.cleanup()


TestTurns = Turns.TestCase
TestTurns.settings = settings(max_examples=8, stateful_step_count=25)
