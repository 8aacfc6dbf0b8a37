"""An air that several processes of one machine share: who opens it by the same name is on it.

Nobody serves it. Each process has a datagram socket in the folder of the air, which only its user can open, and sends
each frame to all the others there. What a receiver hears of it, by the places and by its own loss and damage, it works
out as the air within one process does (`zigbee_han.sim.air`). A process that is gone leaves a socket that refuses: the
next one to notice takes it away.

    datagram = magic(4) version(1) channel(1) x(4) y(4) frame(3 to 127)        most significant octet first

Time is real: a frame arrives when the air time that it takes has passed on the clocks that all processes of a machine
share. A process may be busy elsewhere when a frame comes, as no radio is; so nodes on a shared air are made with a
patience of PATIENCE_MS.
"""

import errno
import os
import re
import socket
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.sim.air import RANGE, Air

MAGIC = b"SMAR"
VERSION = 1
# How much later than on the air an answer may come: key establishment keeps a process busy for 200 ms, and a frame is
# sent four times.
PATIENCE_MS = 100
# How many processes may be on one air: each frame is sent to each of them.
MEMBERS_LIMIT = 64
FRAME_LIMIT = 127
_FRAME_SHORTEST = 3
_HEADER = 14
_CHANNELS = range(11, 27)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
_MEMBER = re.compile(r"([0-9]+)-[0-9a-f]{8}")
# What the kernel takes as the path of a socket, without the zero at its end.
_PATH_LIMIT = 107
# How many datagrams are taken in one turn: what floods the socket does not stop the clock.
_TURN = 64
# The kernel keeps few datagrams for a process; so many more are kept here until it has read those.
_BACKLOG = 256
_TRY_AGAIN_MS = 1


class Frame:
    """What a datagram says: octets, on which channel, from where."""

    def __init__(self, octets: bytes, channel: int, x: int, y: int) -> None:
        self.octets = octets
        self.channel = channel
        self.x = x
        self.y = y


def build(frame: Frame) -> bytes:
    """The datagram; EncodeError when a value is not one that an air carries."""
    if not _FRAME_SHORTEST <= len(frame.octets) <= FRAME_LIMIT or frame.channel not in _CHANNELS:
        raise EncodeError("a frame has 3 to 127 octets, on a channel from 11 to 26")
    try:
        place = frame.x.to_bytes(4, "big", signed=True) + frame.y.to_bytes(4, "big", signed=True)
    except OverflowError as error:
        raise EncodeError("a place is two numbers of 32 bits") from error
    return MAGIC + bytes((VERSION, frame.channel)) + place + frame.octets


def parse(datagram: bytes) -> Frame:
    """The frame; DecodeError when it is not one of an air."""
    if datagram[:4] != MAGIC:
        raise DecodeError("not a frame of an air")
    if datagram[4:5] != bytes((VERSION,)):
        raise DecodeError("a frame of another version of slotmeter", 4)
    octets = datagram[_HEADER:]
    if not _FRAME_SHORTEST <= len(octets) <= FRAME_LIMIT:
        raise DecodeError("a frame of a length that is not on the air", _HEADER)
    if datagram[5] not in _CHANNELS:
        raise DecodeError("a channel that there is not", 5)
    x = int.from_bytes(datagram[6:10], "big", signed=True)
    return Frame(octets, datagram[5], x, int.from_bytes(datagram[10:14], "big", signed=True))


def _base() -> Path:
    """Where the airs of this user are."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given:
        return Path(given) / "slotmeter"
    # The same folder with and without a login session: else two processes would look for one air in two places.
    usual = Path("/run/user/%d" % os.getuid())
    if os.access(usual, os.W_OK):
        return usual / "slotmeter"
    return Path(tempfile.gettempdir()) / ("slotmeter-%d" % os.getuid())


def _private(folder: Path) -> None:
    """Makes `folder`, or looks whether it is one that only this user can open."""
    way_out = "; set XDG_RUNTIME_DIR to a folder of your own"
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError as error:
        raise SlotmeterError("%s cannot be made for the air: %s%s" % (folder, error.strerror, way_out)) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise SlotmeterError("%s is not a folder of this user%s" % (folder, way_out))
    if found.st_mode & 0o077:
        raise SlotmeterError("others may open the folder %s; chmod 700 it, if nobody else put it there" % folder)


def _folder(name: str) -> Path:
    """The folder of the air `name`, whether it is there or not."""
    if not _NAME.fullmatch(name):
        raise SlotmeterError("the name of an air is 1 to 32 letters, digits, - and _; %r is none" % name)
    return _base() / name


def _is_there(path: Path) -> bool:
    """Whether a process still has this socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        try:
            one.connect(str(path))
        except OSError as error:
            return error.errno not in (errno.ECONNREFUSED, errno.ENOENT)
    return True


def members(name: str) -> "list[int]":
    """The processes on the air `name`, by their numbers; what the dead left is taken away."""
    folder = _folder(name)
    found = []
    for one in _entries(folder):
        member = _MEMBER.fullmatch(one)
        if member and _is_there(folder / one):
            found.append(int(member.group(1)))
        elif member:
            (folder / one).unlink(missing_ok=True)
    return sorted(found)


def names() -> "list[str]":
    """The airs of this user that somebody is on."""
    return [one for one in sorted(_entries(_base())) if _NAME.fullmatch(one) and members(one)]


def _entries(folder: Path) -> "list[str]":
    try:
        return os.listdir(folder)
    except OSError:
        return []


class SharedAir(Air):
    """The air `name`, as one process is on it. `loss`, `damage`, `doubling`: parts in a thousand of what it hears.

    After a radio was told something, and when `fileno` can be read, and at the deadline, `tick` is due; it is given the
    milliseconds of a clock that never goes back. `tap` hears all of the air, on all channels. `dropped` counts what was
    not taken, or not sent, by reason.
    """

    def __init__(
        self, name: str, seed: int = 1, loss: int = 0, damage: int = 0, doubling: int = 0, range_: int = RANGE
    ) -> None:
        super().__init__(seed, loss, damage, doubling, 0, range_)
        self.name = name
        self.dropped: dict[str, int] = {}
        self._folder = _folder(name)
        _private(self._folder.parent)
        _private(self._folder)
        if len(members(name)) >= MEMBERS_LIMIT:
            raise SlotmeterError("%d processes are on the air %s: that is all that it takes" % (MEMBERS_LIMIT, name))
        self._own = "%d-%s" % (os.getpid(), os.urandom(4).hex())
        path = str(self._folder / self._own)
        if len(os.fsencode(path)) > _PATH_LIMIT:
            raise SlotmeterError(
                "the path %s is too long for a socket (%d octets); set XDG_RUNTIME_DIR to a shorter one, such as /tmp"
                % (path, _PATH_LIMIT)
            )
        # What waits for a process that does not read, by its socket.
        self._waiting: dict[str, list[bytes]] = {}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.bind(path)
        except OSError as error:
            self._socket.close()
            raise SlotmeterError("the air %s cannot be opened: %s: %s" % (name, path, error.strerror)) from error

    def fileno(self) -> int:
        """Readable when something was sent by another process."""
        return self._socket.fileno()

    def others(self) -> int:
        """How many other processes are on the air."""
        return len(members(self.name)) - 1

    def close(self) -> None:
        """Leaves the air. Closing twice is harmless."""
        self._socket.close()
        (self._folder / self._own).unlink(missing_ok=True)

    def attach(self, radio: Any, x: int = 0, y: int = 0) -> int:
        """See Air. EncodeError when the place is not two numbers of 32 bits."""
        build(Frame(bytes(_FRAME_SHORTEST), _CHANNELS[0], x, y))
        return super().attach(radio, x, y)

    def transmit(self, station: int, octets: bytes) -> None:
        """See Air; and to the other processes."""
        one = self._stations[station]
        if not one.radio.channel:
            return
        try:
            datagram = build(Frame(octets, one.radio.channel, one.x, one.y))
            there = os.listdir(self._folder)
        except EncodeError as error:
            self._count("not sent: %s" % error)
            return
        except OSError as error:
            self._count("not sent: the folder of the air: %s" % error.strerror)
            return
        super().transmit(station, octets)
        for other in there:
            if other != self._own and _MEMBER.fullmatch(other):
                waiting = self._waiting.setdefault(other, [])
                if len(waiting) >= _BACKLOG:
                    self._count("a process does not read")
                else:
                    waiting.append(datagram)
        self._send()

    def _send(self) -> None:
        for other in list(self._waiting):
            waiting = self._waiting[other]
            while waiting:
                try:
                    self._socket.sendto(waiting[0], str(self._folder / other))
                except BlockingIOError:
                    break
                except OSError as error:
                    waiting.clear()
                    if error.errno in (errno.ECONNREFUSED, errno.ENOENT):
                        (self._folder / other).unlink(missing_ok=True)
                    else:
                        self._count("not sent: %s" % error.strerror)
                else:
                    waiting.pop(0)
            if not waiting:
                del self._waiting[other]

    def deadline_ms(self) -> "int | None":
        """See Air."""
        due = super().deadline_ms()
        if self._waiting:
            again = self.now_ms + _TRY_AGAIN_MS
            return again if due is None else min(due, again)
        return due

    def tick(self, now_ms: int) -> None:
        """Takes what others sent, lets time pass to `now_ms`, and sends what is to be sent."""
        self.now_ms = max(self.now_ms, now_ms)
        self._send()
        for _ in range(_TURN):
            try:
                datagram = self._socket.recv(_HEADER + FRAME_LIMIT + 1)
            except OSError:
                break
            try:
                frame = parse(datagram)
            except DecodeError as error:
                self._count(error.reason)
                continue
            self.arrive(frame.octets, frame.channel, frame.x, frame.y)
        super().tick(self.now_ms)

    def run(self, until_ms: int) -> None:
        """Does all that is due until `until_ms`, which is now: this air cannot run ahead of the others."""
        self.tick(until_ms)
        due = self.deadline_ms()
        while due is not None and due <= until_ms:
            self.tick(until_ms)
            due = self.deadline_ms()

    def _count(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
