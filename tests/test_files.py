"""A set of files is there whole, or as it was before, wherever the program that writes it dies."""

import subprocess
import sys
from pathlib import Path

from tunewise.files import put_back, whole_set

WRITES = """
import os, sys
from pathlib import Path
from tunewise.files import whole_set

left = int(sys.argv[2])
armed = False

def hook(event, arguments):
    global left
    if armed and event in ("os.rename", "shutil.rmtree", "os.rmdir"):
        left -= 1
        if left < 0:
            os._exit(9)

sys.addaudithook(hook)
with whole_set(Path(sys.argv[1]), seal="seal.json") as beside:
    (beside / "model").mkdir()
    (beside / "model" / "weights").write_text("new")
    for name in ("README.md", "seal.json"):
        (beside / name).write_text("new")
    armed = True
"""


def fill(folder: Path, text: str) -> None:
    with whole_set(folder, seal="seal.json") as beside:
        (beside / "model").mkdir()
        (beside / "model" / "weights").write_text(text)
        for name in ("README.md", "seal.json"):
            (beside / name).write_text(text)


def state(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def of(text: str) -> dict[str, str]:
    return {"README.md": text, "model/weights": text, "seal.json": text}


def test_a_kill_leaves_the_old_set_or_the_new_one(tmp_path: Path) -> None:
    found = []
    for step in range(40):
        fill(tmp_path, "old")
        ran = subprocess.run([sys.executable, "-c", WRITES, tmp_path, str(step)], check=False)
        put_back(tmp_path)
        found.append(state(tmp_path))
        if ran.returncode == 0:
            break
    assert ran.returncode == 0
    assert len(found) > 6
    assert all(one in (of("old"), of("new")) for one in found)
    assert found[0] == of("old") and found[-1] == of("new")


def test_a_kill_in_a_new_folder_leaves_nothing_or_all(tmp_path: Path) -> None:
    for step in range(40):
        folder = tmp_path / str(step)
        ran = subprocess.run([sys.executable, "-c", WRITES, folder, str(step)], check=False)
        put_back(folder)
        assert state(folder) in ({}, of("new"))
        if ran.returncode == 0:
            return
    raise AssertionError("it never came to its end")


def test_what_belongs_to_others_stays(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    fill(tmp_path, "old")
    fill(tmp_path, "new")
    assert state(tmp_path) == {**of("new"), "mine.txt": "mine"}


def test_two_that_write_at_once_leave_one_whole_set(tmp_path: Path) -> None:
    both = [subprocess.Popen([sys.executable, "-c", WRITES, tmp_path, "1000"]) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    assert state(tmp_path) == of("new")
