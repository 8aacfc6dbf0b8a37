"""MicroPython's own WebAssembly build from npm, pinned, kept under build/; and jobs run on it.

It is upstream's interpreter with the boards' small integers and limits: 32 bits, no `.frozen` modules on the path, and
a stack for 29 nested calls, which is what a Pico has.
"""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / "build" / "wasm"
PACKAGE = "@micropython/micropython-webassembly-pyscript"
# The oldest release that the portable code is written for, and the newest there is.
VERSIONS = ("1.27.0", "1.29.0-6")
# Words of stack for Python frames: 29 nested calls.
PYSTACK = 320
_SECONDS = 600


class RuntimeMissing(Exception):
    """There is no runtime; the text is one sentence that says what to install."""


def runtime(version: str) -> Path:
    """The folder of the runtime, fetched with npm when it is not there yet."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise RuntimeMissing("%s is not installed; install nodejs and npm (apt-get install nodejs npm)" % tool)
    home = CACHE / version
    folder = home / "node_modules" / PACKAGE
    if not (folder / "micropython.wasm").exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text(json.dumps({"private": True, "dependencies": {PACKAGE: version}}))
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        run = subprocess.run(
            command, cwd=home, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=_SECONDS
        )
        if run.returncode:
            raise RuntimeMissing("npm could not fetch %s@%s: %s" % (PACKAGE, version, run.stderr.strip()[-300:]))
    return folder


def run_jobs(version: str, jobs: "list[dict[str, Any]]") -> "list[dict[str, Any]]":
    """The answers {job, step, ms, out, error} of all steps; a crash of the runtime is a RuntimeError."""
    folder = runtime(version)
    with tempfile.TemporaryDirectory() as scratch:
        order = Path(scratch) / "jobs.json"
        order.write_text(json.dumps({"runtime": str(folder), "pystack": PYSTACK, "jobs": jobs}))
        command = ["node", str(Path(__file__).with_name("run.mjs")), str(order)]
        run = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            env={**os.environ, "NODE_NO_WARNINGS": "1"},
        )
    answers = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    if run.returncode:
        raise RuntimeError("MicroPython %s stopped: %s" % (version, run.stderr.strip()[-2000:]))
    return answers
