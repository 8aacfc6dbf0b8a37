"""Makes .venv and installs the project into it; says nothing and does nothing when that is done already.

    python3 tools/venv.py                  what `slotmeter` needs to run
    python3 tools/venv.py --dev            what the tests and checks need too

An editable installation is a tree of links, made when it is installed: a file added later is not in it. So a stamp in
.venv remembers the two files that describe the project and the names of its Python files, and the installation is made
again when they differ. Written for any Python 3, so that an old one gets told what is wrong.
"""

import hashlib
import os
import subprocess
import sys

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
NOT_SOURCE = (".git", ".venv", "build", "dist", "docs", "node_modules", "tests", "tools")


def described():
    """A digest of what the project says it needs."""
    digest = hashlib.sha256(sys.version.encode() + ROOT.encode())
    for name in ("setup.cfg", "pyproject.toml"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def listed():
    """A digest of the names of the Python files that are installed."""
    names = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name != "__pycache__" and (folder != ROOT or name not in NOT_SOURCE)]
        sources = [name for name in files if name.endswith((".py", ".typed"))]
        names.extend(os.path.relpath(os.path.join(folder, name), ROOT) for name in sources)
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()


def linked():
    """Whether the tree of links that an editable installation consists of is still there."""
    build = os.path.join(ROOT, "build")
    return os.path.isdir(build) and any(name.startswith("__editable__") for name in os.listdir(build))


def run(command, failure):
    """Runs a command whose output matters only when it fails."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    output = process.communicate()[0]
    if process.returncode:
        sys.stderr.write(output.decode("utf-8", "replace"))
        sys.exit(failure)


def stamp(name):
    """What the stamp of that name remembers, or nothing."""
    try:
        with open(os.path.join(VENV, name), encoding="utf-8") as file:
            return file.read().split()
    except OSError:
        return []


def main(arguments):
    """Brings .venv up to date."""
    if sys.version_info < OLDEST:
        sys.exit(
            "slotmeter needs Python %d.%d or newer, and %s is %d.%d. "
            "Install a newer one and name it: make PYTHON=python3.11 ..."
            % (OLDEST + (sys.executable,) + tuple(sys.version_info[:2]))
        )
    dev = "--dev" in arguments
    wanted = [described(), listed()]
    # What is installed for the tests serves to run as well.
    stamps = ["slotmeter-dev"] if dev else ["slotmeter-run", "slotmeter-dev"]
    if os.path.exists(PYTHON) and linked() and any(stamp(name) == wanted for name in stamps):
        return
    if not os.path.exists(PYTHON):
        print("Making .venv ...")
        run(
            [sys.executable, "-m", "venv", "--clear", VENV],
            "The virtual environment could not be made. On Debian and Ubuntu: apt-get install python3-venv",
        )
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    online = "Installing failed (above). It needs the Python package index, or a mirror named in pip's configuration."
    settled = any(stamp(name)[:1] == wanted[:1] for name in stamps)
    if settled:
        print("Installing again, because files were added or removed ...")
    else:
        print("Installing what slotmeter needs%s ..." % (", and what its tests need" if dev else ""))
        run([*pip, "setuptools>=77"], online)
    # Built with the setuptools that is in .venv, so that an installation for a new file needs no network.
    extra = ["--no-deps"] if settled else []
    run([*pip, "--no-build-isolation", *extra, "--editable", ".[dev]" if dev else "."], online)
    for name in ("slotmeter-run", "slotmeter-dev"):
        # The links are new for both; what is installed beside them is as good as it was.
        if name == stamps[0] or (stamp(name)[:1] == wanted[:1]):
            with open(os.path.join(VENV, name), "w", encoding="utf-8") as file:
                file.write("\n".join(wanted))


if __name__ == "__main__":
    main(sys.argv[1:])
