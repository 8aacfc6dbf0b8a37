"""Where the worked examples of key establishment are; they are the specification's, and not part of this repository."""

import json
import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "vectors"


@pytest.fixture(scope="session")
def cbke():
    """The content of cbke-vectors.json; without it the test is skipped, with a sentence that says where it belongs."""
    path = Path(os.environ.get("VECTORS_DIR") or _BESIDE) / "cbke-vectors.json"
    if not path.is_file():
        pytest.skip("cbke-vectors.json holds the examples of Smart Energy annex C; set VECTORS_DIR to its folder")
    return json.loads(path.read_text(encoding="utf-8"))
