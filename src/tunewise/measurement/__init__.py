"""Measurement: the story from a task to a verdict, and the only place that opens the test part."""

from tunewise.measurement.compare import compare
from tunewise.measurement.forecast import forecast
from tunewise.measurement.measure import measure
from tunewise.measurement.of_kind import measure_kind
from tunewise.measurement.shrink import Shrink, shrink
from tunewise.measurement.tune import tune
from tunewise.measurement.tuning import Tuning

__all__ = ["Shrink", "Tuning", "compare", "forecast", "measure", "measure_kind", "shrink", "tune"]
