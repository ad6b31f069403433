"""The query log: what is kept, what is not, for how long, and by whom."""

import subprocess
import sys
import threading

import pytest

from tunewise.errors import DataError, OptionError, StoreError
from tunewise.querylog import QueryLog

STAMP = "0123456789abcdef"
FOUND = [("d1#0", 0.9), ("d2#4", 0.5)]


@pytest.fixture
def log(tmp_path):
    opened = QueryLog(tmp_path / "log" / "queries.db")
    yield opened
    opened.close()


def test_texts_are_kept_only_if_that_is_said(log, tmp_path):
    log.record("faq", STAMP, FOUND, words="my secret illness")
    [one] = log.read("faq")
    assert (one.collection, one.stamp, one.found, one.words) == ("faq", STAMP, FOUND, None)
    for file in (tmp_path / "log").iterdir():
        assert b"illness" not in file.read_bytes()
    told = QueryLog(tmp_path / "told.db", texts=True)
    told.record("faq", STAMP, [], words="how do I pay?")
    assert [each.words for each in told.read()] == ["how do I pay?"]
    told.close()


def test_who_reads_a_log_that_is_not_there_is_told_so_and_makes_none(tmp_path):
    missing = tmp_path / "state" / "queries.db"
    with pytest.raises(DataError, match=r"There is no query log '.*queries\.db'.*--home"):
        QueryLog(str(missing), new=False)
    assert not missing.parent.exists()
    QueryLog(str(missing)).close()
    QueryLog(missing, new=False).close()


def test_a_long_log_is_read_in_its_order_and_not_at_once(tmp_path):
    now = iter(float(n // 3) for n in range(10_000))  # three at each moment
    log = QueryLog(tmp_path / "queries.db", clock=lambda: next(now), days=1)
    keys = [log.record("a" if n % 2 else "b", STAMP, FOUND, words="x") for n in range(2_500)]
    reading = log.read()
    first = next(reading)
    later = log.record("a", STAMP, FOUND, words="x")
    rest = [first, *reading]
    assert sorted(one.id for one in rest) == sorted([*keys, later])
    assert [one.time for one in rest] == sorted(one.time for one in rest)
    assert len(list(log.read("a"))) == 1_251
    late = [one for one in rest if one.collection == "a" and one.time >= 400]
    assert 600 < len(late) == len(list(log.read("a", since=400.0)))
    log.close()


def test_feedback_joins_what_was_given_before_and_is_checked(log):
    key = log.record("faq", STAMP, FOUND, words="x")
    log.add_feedback(key, {"d1#0": 1})
    log.add_feedback(key, {"d2#4": 0, "d1#0": 2})
    assert next(log.read()).feedback == {"d1#0": 2, "d2#4": 0}
    refused = {"'d9#0' cannot be graded so: it was not found": {"d9#0": 1},
               "cannot be graded so: -1 is no grade": {"d1#0": -1},
               "cannot be graded so: nan is no grade": {"d1#0": float("nan")}}  # fmt: skip
    for told, wrong in refused.items():
        with pytest.raises(DataError, match=told):
            log.add_feedback(key, wrong)
    with pytest.raises(DataError, match="no query 'none'"):
        log.add_feedback("none", {})


def test_records_go_after_their_days_and_a_clock_that_goes_back_takes_none(tmp_path):
    now = [100 * 86_400.0]
    longer = QueryLog(tmp_path / "queries.db", days=30, clock=lambda: now[0])
    for day in (0, 1, 2, 3):
        now[0] = (100 + day) * 86_400.0
        longer.record(f"c{day}", STAMP, [], words="x")
    longer.close()
    log = QueryLog(tmp_path / "queries.db", days=2, clock=lambda: now[0])
    assert log.prune() == 1
    assert [each.collection for each in log.read()] == ["c1", "c2", "c3"]
    assert [each.collection for each in log.read(since=102 * 86_400)] == ["c2", "c3"]
    assert [each.collection for each in log.read("c2")] == ["c2"]
    now[0] = 0.0
    assert log.prune() == 0
    log.close()
    with pytest.raises(OptionError, match="0 days"):
        QueryLog(tmp_path / "queries.db", days=0)


def test_an_hour_after_its_days_a_record_and_its_words_go_with_the_next(tmp_path):
    now = [100 * 86_400.0]
    path = tmp_path / "log" / "queries.db"
    log = QueryLog(path, texts=True, days=1, clock=lambda: now[0])
    log.record("old", STAMP, [], words="my secret illness")
    now[0] += 86_400 - 60
    log.record("later", STAMP, [], words="x")  # within its day: it stays
    assert [each.collection for each in log.read()] == ["old", "later"]
    now[0] += 3_600
    log.record("last", STAMP, [], words="x")
    assert [each.collection for each in log.read()] == ["later", "last"]
    assert not any(b"illness" in each.read_bytes() for each in path.parent.iterdir())
    log.close()


def test_a_log_is_pruned_once_an_hour_and_by_nobody_who_only_reads(tmp_path):
    now = [100 * 86_400.0]
    log = QueryLog(tmp_path / "queries.db", days=1, clock=lambda: now[0])
    log.record("old", STAMP, [], words="x")
    now[0] += 86_400 - 1_800
    log.prune_if_due()
    now[0] += 3_599  # past its day, and within the hour
    log.prune_if_due()
    assert [each.collection for each in log.read()] == ["old"]
    now[0] += 1
    reading = QueryLog(tmp_path / "queries.db", days=1, clock=lambda: now[0])
    assert [each.collection for each in reading.read()] == ["old"]
    reading.close()
    log.prune_if_due()
    assert list(log.read()) == []
    log.record("new", STAMP, [], words="x")
    now[0] -= 86_400 * 50  # the clock was wrong, and is right now
    log.record("before", STAMP, [], words="x")
    now[0] += 86_400 + 3_600
    log.prune_if_due()
    assert [each.collection for each in log.read()] == ["new"]
    log.close()


def test_threads_and_processes_at_once_lose_no_record(log, tmp_path):
    code = (
        "import sys; from pathlib import Path; from tunewise.querylog import QueryLog\n"
        "log = QueryLog(Path(sys.argv[1]))\n"
        "for n in range(50): log.record('other', 's', [], words='x')\n"
        "log.close()"
    )
    path = tmp_path / "log" / "queries.db"
    other = subprocess.Popen([sys.executable, "-c", code, str(path)])

    def write():
        for _ in range(50):
            log.record("own", STAMP, FOUND, words="x")

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other.wait(timeout=60) == 0
    assert len(list(log.read("own"))) == 100
    assert len(list(log.read("other"))) == 50


def test_a_damaged_log_is_said(tmp_path):
    (tmp_path / "queries.db").write_bytes(b"not a database, but long enough to look like a file")
    with pytest.raises(StoreError, match=r"cannot be read or written.*move the file away"):
        QueryLog(tmp_path / "queries.db")
