"""Which meters and hubs are running on this machine, so that `send` and `request` find one without being told.

Each `run` keeps a small file, data folder/running/PROCESS.json, as long as it listens. A file whose process is gone is
left over from a crash and removed.
"""

import json
import os
from pathlib import Path
from typing import Any

from slotmeter.boards.pc.errors import SlotmeterError


def data_home() -> Path:
    """The folder of the bench's own files: $XDG_DATA_HOME/slotmeter, else ~/.local/share/slotmeter."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "slotmeter"


METER = "meter"
HUB = "hub"


class RunningMeter:
    """One meter that listens, or a hub (kind). store: its file, or "" for a temporary one; keys and rtds: folders of
    its credentials.
    """

    def __init__(
        self,
        port: int,
        variant: str = "single",
        store: str = "",
        keys: str = "",
        rtds: str = "",
        kind: str = METER,
    ) -> None:
        self.port = port
        self.variant = variant
        self.store = store
        self.keys = keys
        self.rtds = rtds
        self.kind = kind


def _folder() -> Path:
    return data_home() / "running"


def announce(meter: RunningMeter) -> Path:
    """Writes this process's file and returns its path; OSError when the folder cannot be written."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("%d.json" % os.getpid())
    path.write_text(json.dumps(vars(meter)), encoding="utf-8")
    return path


def withdraw(path: Path) -> None:
    """Removes the file; one that is gone is no error."""
    try:
        path.unlink()
    except OSError:
        pass


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        # It exists and belongs to somebody else.
        return True
    return True


def _read(path: Path) -> "RunningMeter | None":
    """What a file says, or None when it is not one of ours."""
    try:
        facts: Any = json.loads(path.read_text(encoding="utf-8"))
        port = facts["port"]
        texts = [facts[name] for name in ("variant", "store", "keys", "rtds")] + [facts.get("kind", METER)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(port, int) or not all(isinstance(text, str) for text in texts):
        return None
    return RunningMeter(port, *texts)


def running(kind: str = METER) -> "list[RunningMeter]":
    """The meters that listen now, or the hubs, the latest last."""
    found = []
    try:
        paths = sorted(_folder().glob("*.json"), key=lambda path: path.stat().st_mtime)
    except OSError:
        return []
    for path in paths:
        if not path.stem.isdigit() or not _alive(int(path.stem)):
            withdraw(path)
            continue
        meter = _read(path)
        if meter is not None and meter.kind == kind:
            found.append(meter)
    return found


def find(port: "int | None" = None, store: "Path | None" = None) -> RunningMeter:
    """The meter on that port or with that store, else the one that runs; SlotmeterError says how to start one."""
    meters = running()
    if store is not None:
        wanted = str(store.resolve())
        meters = [meter for meter in meters if meter.store == wanted]
        if not meters:
            raise SlotmeterError(
                "no meter is running on the store %s: start it with slotmeter run --store %s" % (store, store)
            )
    if port is not None:
        for meter in meters:
            if meter.port == port:
                return meter
        # It may run where its file is not seen, as in a container: the port is enough to talk to it.
        return RunningMeter(port)
    if not meters:
        raise SlotmeterError("no meter is running: start one in another terminal with slotmeter run")
    if len(meters) > 1:
        ports = ", ".join("%d (%s)" % (meter.port, meter.store or "temporary") for meter in meters)
        raise SlotmeterError("several meters are running: choose one with --port out of %s" % ports)
    return meters[0]


def find_hub(port: "int | None" = None) -> RunningMeter:
    """The hub on that port, else the one that runs; SlotmeterError says how to start one."""
    hubs = running(HUB)
    if port is not None:
        return next((hub for hub in hubs if hub.port == port), RunningMeter(port, kind=HUB))
    if not hubs:
        raise SlotmeterError(
            "no hub is running: start one in another terminal with slotmeter hub --radio PORT or --air NAME"
        )
    if len(hubs) > 1:
        ports = ", ".join("%d (%s)" % (hub.port, hub.store or "temporary") for hub in hubs)
        raise SlotmeterError("several hubs are running: choose one with --port out of %s" % ports)
    return hubs[0]
