"""Workers: the processes that do a server's jobs: started with it, watched, gone when it is."""

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

from tunewise.jobs.home import Home

_SILENT = 60.0  # seconds without a sign of life until a worker is taken to be stuck
_GOOD = 60.0  # seconds up after which a death is a first one again
_LONGEST = 60.0  # seconds until a worker that keeps dying is started again
_GRACE = 10.0  # seconds a worker has to give its job back

logger = logging.getLogger(__name__)


class Workers:
    """So many workers over a home. They are told to stop when this closes, and die with it."""

    def __init__(self, home: Home, count: int, *, options: Sequence[str] = ()) -> None:
        self._home, self._count, self._options = home, count, options
        self._kept: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Starts them. From a thread that lives as long as they should: Linux ends them with it."""
        self._kept = [asyncio.create_task(self._keep()) for _ in range(self._count)]

    async def close(self) -> None:
        """Stops them; jobs under way are queued again."""
        for task in self._kept:
            task.cancel()
        await asyncio.gather(*self._kept, return_exceptions=True)

    async def _keep(self) -> None:
        """Keeps one alive; the oftener in a row it dies, the longer until it is started again."""
        clock, delay = asyncio.get_running_loop().time, 1.0
        while True:
            began = clock()
            code = await self._run()
            delay = 1.0 if clock() - began > _GOOD else min(2 * delay, _LONGEST)
            logger.error("a worker ended with %s; another is started in %g seconds", code, delay)
            await asyncio.sleep(delay)

    async def _run(self) -> int:
        """Runs a worker until it ends, and gives its exit code."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tunewise.jobs.worker", str(self._home.folder), "--watched"),
            *self._options,
            stdin=PIPE,
            stdout=PIPE,
            start_new_session=True,  # Ctrl-C is for the server, which tells them
        )
        try:
            await _heard(process)
        finally:
            await asyncio.shield(_stopped(process))
        assert process.returncode is not None  # noqa: S101 - it has been waited for
        return process.returncode


async def _heard(process: Process) -> None:
    """Returns once a worker has ended or says nothing any more."""
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    with suppress(TimeoutError):
        while await asyncio.wait_for(process.stdout.read(4_096), _SILENT):
            pass


async def _stopped(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _GRACE)
        except TimeoutError:
            process.kill()
    await process.wait()
