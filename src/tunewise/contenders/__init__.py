"""Contenders: complete ways to answer the task, one file each; the file's name is the word to type.

A new contender is one file with `fit` and `load`, and one line in `TABLE`.
"""

from tunewise.contenders.again import fit_again
from tunewise.contenders.contender import (
    Contender,
    Entrant,
    Setting,
    calibrated,
    check_depth,
    dev_mean,
)
from tunewise.contenders.table import RUNGS, TABLE, line_up, load_contender, save_contender

__all__ = [
    "RUNGS",
    "TABLE",
    "Contender",
    "Entrant",
    "Setting",
    "calibrated",
    "check_depth",
    "dev_mean",
    "fit_again",
    "line_up",
    "load_contender",
    "save_contender",
]
