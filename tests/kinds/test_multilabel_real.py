"""Several labels a text, on real ones: which programs a sentence asks for."""

import os
import runpy
from pathlib import Path

import numpy as np
import pytest

from tunewise.encoders import load_encoder
from tunewise.kinds import KINDS, Source
from tunewise.measurement import measure_kind

ROOT = Path(__file__).parents[2]
REAL = Path(os.environ.get("TUNEWISE_DATA", ROOT.parent / "shared" / "data")) / "nl2bash"
KIND = KINDS["multilabel"]


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason=f"nl2bash is not in {REAL}")
def test_vectors_and_words_tell_which_programs_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))
    made = runpy.run_path(str(ROOT / "benchmarks" / "classification.py"))["by_programs"]
    whole = KIND.read(Source(str(made(REAL, tmp_path))))
    assert len(whole.names) == 100
    assert not whole.labels.any(axis=1).all()  # some ask for none of them
    found = measure_kind(
        whole.among(np.arange(0, len(whole), 16)),
        KIND,
        encoders=[load_encoder(engine="torch")],
        contenders=["majority", "names", "lexical", "linear", "hybrid"],
    )
    level = {one.name: one.scores.mean("micro-F1") for one in found.standings}
    assert min(level["lexical"], level["linear"]) > level["majority"] + 0.05
    assert level["hybrid"] > 0.55
    assert found.answer == "cannot tell yet"  # nothing tuned was tried
