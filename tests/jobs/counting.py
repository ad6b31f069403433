"""A made-up work: counts aloud, a step at a time, and goes on where it was broken off."""

import os
import signal
import time

from tunewise.errors import DataError
from tunewise.files import write_text


def run(asked, place):
    """Counts to `to`, `pause` seconds a step; every step is one line of `steps` in the home."""
    if asked.get("refuse"):
        raise DataError("There is nothing to count. Send something.")
    if asked.get("astray"):
        raise DataError(f"There is no folder '{place.home.models / 'x'}'.")
    if asked.get("break"):
        raise RuntimeError("a text of somebody's")
    if asked.get("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    counted = place.folder / "counted"
    done = int(counted.read_text()) if counted.exists() else 0
    place.told("counting", "info", {"from": done})
    if asked.get("child"):
        os.system("sleep 1000 &")
    while done < asked["to"]:
        time.sleep(asked.get("pause", 0))
        done += 1
        write_text(counted, str(done))
        place.progress("counting", done, asked["to"])
    with (place.home.folder / "ended").open("a") as told:
        told.write(f"{place.job}\n")
    return {"counted": done}
