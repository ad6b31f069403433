"""A user's files become a task: read, looked at, divided.

`read.py` turns files into a `Task`, `check.py` says what is wrong with it, `split.py` divides
it into train, dev and test.
"""
