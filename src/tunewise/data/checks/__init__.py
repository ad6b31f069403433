"""Checks: what can be wrong with a task, one file for each thing looked at."""
