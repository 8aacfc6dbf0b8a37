"""Commands of slotmeter as processes of their own, in a user's folders that are made for one test."""

import os
import re
import signal
import subprocess
import sys
import time


class Home:
    """A user's folders, and what is started in them."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = dict(os.environ, XDG_DATA_HOME=str(folder / "data"), XDG_RUNTIME_DIR=str(folder))
        self.environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        folder.chmod(0o700)
        self.processes = []

    def command(self, *arguments):
        return [sys.executable, "-m", "slotmeter.boards.pc", *arguments]

    def call(self, *arguments, status=0):
        """What one command says; it must end with that status."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=60, check=False, env=self.environment
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def start(self, *arguments):
        """A process that stays."""
        one = Started(self, arguments, self.folder / ("%d.out" % len(self.processes)))
        self.processes.append(one)
        return one

    def close(self):
        for one in self.processes:
            one.kill()


class Started:
    """A process, and what it says."""

    def __init__(self, home, arguments, path):
        self.path = path
        with open(path, "wb") as file:
            self.process = subprocess.Popen(
                home.command(*arguments), stdout=file, stderr=subprocess.STDOUT, env=home.environment
            )

    def text(self):
        return self.path.read_text()

    def see(self, pattern, seconds=20):
        """Waits until it says something that fits; the match."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = re.search(pattern, self.text())
            if found:
                return found
            assert self.process.poll() is None, self.text()
            time.sleep(0.02)
        raise AssertionError("no %s in\n%s" % (pattern, self.text()))

    def kill(self):
        """The power goes."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(20) == 130, self.text()
