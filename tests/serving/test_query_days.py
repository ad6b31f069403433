"""Queries past their days: removed by a server that is started, and by one that nobody asks."""

import asyncio
from contextlib import closing

import pytest

from tunewise.jobs.home import Home
from tunewise.querylog import QueryLog
from tunewise.serving.access import Access
from tunewise.serving.batching import Limits
from tunewise.serving.models import Offer
from tunewise.serving.service import Service, Settings

DAY = 86_400.0


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr("tunewise.serving.service._TIDIED", 0.005)
    made = Home(tmp_path)
    with closing(QueryLog(made.queries, clock=lambda: 100 * DAY)) as log:
        log.record("old", "0" * 16, [], words="x")
    return made


async def left(home, count):
    """The collections in the log, once there are so many or two seconds have passed."""
    with closing(QueryLog(home.queries)) as log:
        for _ in range(200):
            found = [each.collection for each in log.read()]
            if len(found) == count:
                break
            await asyncio.sleep(0.01)
    return found


def test_a_server_removes_them_when_it_starts_and_while_it_is_idle(home):
    async def story():
        now = [101 * DAY + 1]
        service = Service(
            Offer({}), Access(None), Limits(), home=home, settings=Settings(query_days=1),
            clock=lambda: now[0],
        )  # fmt: skip
        await service.begin(0)
        try:
            assert await left(home, 0) == []
            with closing(QueryLog(home.queries, clock=lambda: 100.5 * DAY)) as other:
                other.record("later", "0" * 16, [], words="x")
            now[0] += DAY / 2
            assert await left(home, 0) == []
        finally:
            await service.close()

    asyncio.run(story())


def test_a_server_whose_log_breaks_says_so_and_goes_on(home, caplog):
    async def story():
        now = [101 * DAY]
        service = Service(Offer({}), Access(None), Limits(), home=home, clock=lambda: now[0])
        await service.begin(0)
        try:
            service.queries.close()
            for told in (1, 2):
                now[0] += DAY
                async with asyncio.timeout(5):
                    while len(caplog.records) < told:
                        await asyncio.sleep(0.005)
        finally:
            await service.close()

    asyncio.run(story())
    assert caplog.text.count("queries past their days were not removed") == 2
