"""Fuzzes EZSP: frames for co-processors of six versions, with and without a network, that go on living between them.

Each is on an air; those that are in a network have another one in it, whose host says nothing, and which hears and
acknowledges what is sent.
"""

import mutate

from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.ncp import commands, ezsp
from slotmeter.zigbee_han.ncp.flash import Flash
from slotmeter.zigbee_han.ncp.server import Server
from slotmeter.zigbee_han.sim import node
from slotmeter.zigbee_han.sim.air import Air, Dice

EUI = bytes.fromhex("0200000000000001")
ROUTER = bytes.fromhex("0200000000000002")
KEY = bytes(range(16))
NETWORK = {"extended_pan": bytes(range(8)), "pan": 0x1A62, "channel": 20, "channels": 1 << 20}


class Node:
    """A server, the host that asks it, and a router next to it."""

    def __init__(self, version, formed):
        self.dialect = ezsp.Dialect(version)
        self.formed = formed
        self.now_ms = 0
        self.asked = 0
        self.air = Air()
        self.device = node.Node(EUI, HostCrypto(), Dice(1))
        self.router = node.Node(ROUTER, HostCrypto(), Dice(2))
        self.air.attach(self.device)
        self.air.attach(self.router)
        self.server = Server(version, Flash(EUI), self.device, SeededEntropy(1))
        self.begin()

    def begin(self):
        self.server.reset(self.now_ms)
        frames = [ezsp.build_version(0, self.dialect.version)]
        if self.formed:
            for name, values in (
                ("add_endpoint", {"endpoint": 1, "profile": 0x0109}),
                ("set_initial_security_state", {"bitmask": 0x0B04, "preconfigured": KEY}),
                ("form_network", NETWORK),
                ("permit_joining", {"seconds": 60}),
            ):
                frames.append(command(self.dialect, name, values))
        for frame in frames:
            self.server.receive(frame, self.now_ms)
        while self.server.to_send():
            pass
        if self.formed:
            self.router.restart(ROUTER, self.now_ms)
            self.router.scan((20,), self.now_ms)
            self.live(200)
            for event in iter(self.router.next_event, None):
                if isinstance(event, node.Scanned) and event.networks:
                    self.router.join(event.networks[0], KEY, self.now_ms)
            self.live(1000)
            assert self.router.state == node.UP, "the router is not in the network"
            for number in range(3):
                self.server.addresses[number] = (ROUTER, self.router.short)

    def live(self, ms):
        """Lets time pass."""
        end_ms = self.now_ms + ms
        while self.now_ms < end_ms:
            self.now_ms += 10
            self.air.run(self.now_ms)
            due = self.server.deadline_ms()
            if due is not None and due <= self.now_ms:
                self.server.tick(self.now_ms)

    def ask(self, data):
        """Gives it the frame; what it says must be well-formed."""
        self.live(50)
        try:
            asked = ezsp.parse_frame(data)
        except DecodeError:
            asked = None
        self.server.receive(data, self.now_ms)
        answer = self.server.to_send(False)
        assert bool(answer) == (asked is not None), "a command without an answer"
        if asked is not None:
            frame = ezsp.parse_frame(answer)
            assert frame.sequence == asked.sequence and frame.control & 0x90 == 0x80
            known = self.dialect.command(frame.number)
            if frame.number != ezsp.INVALID_COMMAND and not frame.legacy:
                ezsp.decode(known.answer, answer, frame.start)
        assert not self.server.to_send(False), "two answers"
        self.live(10)
        assert 0 <= self.server.free_buffers() <= self.server.all_buffers(), "buffers that there are not"
        callback = self.server.to_send()
        while callback:
            frame = ezsp.parse_frame(callback)
            name = self.dialect.callback_name(frame.number)
            ezsp.decode(self.dialect.callback(name)[1], callback, frame.start)
            callback = self.server.to_send()
        for one in (self.server, self.router):
            while one.next_event() is not None:
                pass
        # One that left its network, or never had one, begins again from time to time.
        self.asked += 1
        if self.asked % 100 == 0 or (self.formed and self.router.state != node.UP):
            self.begin()


def command(dialect, name, values, sequence=7):
    found = dialect.named(name)
    return ezsp.build_command(sequence, found.number, ezsp.encode(found.parameters, values))


def seeds():
    found = [ezsp.build_version(1, 4), ezsp.build_version(1, 19)]
    for version in (13, 18):
        dialect = ezsp.Dialect(version)
        for row in commands.COMMANDS:
            if row[2] <= version <= row[3]:
                found.append(command(dialect, row[1], {}))
        # Requests to its own device object.
        for cluster, data in (
            (0x0000, b"\x01" + bytes(reversed(EUI)) + b"\x01\x00"),
            (0x0001, b"\x01\x00\x00\x01\x00"),
            (0x0002, b"\x01\x00\x00"),
            (0x0004, b"\x01\x00\x00\x01"),
            (0x0006, b"\x01\x00\x00\x09\x01\x02\x02\x07\x00\x07\x01\x04\x07"),
            (0x0021, b"\x01" + bytes(reversed(EUI)) + b"\x01\x02\x07\x03" + bytes(8) + b"\x05"),
            (0x0031, b"\x01\x00"),
        ):
            found.append(command(dialect, "send_unicast", {"cluster": cluster, "data": data}))
        options = ({"options": 0x0140}, {"options": 0x0160}, {"options": 0x8160, "group": 0x0300})
        for number, values in enumerate(options):
            values.update(kind=1, destination=number, profile=0x0109, source=1, target=1, data=b"some octets")
            found.append(command(dialect, "send_unicast", values))
        for name, values in (
            ("send_broadcast", {"destination": 0xFFFD, "profile": 0x0109, "data": b"to all"}),
            ("send_multicast", {"group": 0x0901, "profile": 0x0109, "data": b"to some"}),
            ("remove_device", {"parent": 1, "parent_eui": ROUTER, "eui": ROUTER}),
            ("import_transient_key", {"eui": ROUTER, "key": KEY}),
            ("set_initial_security_state", {"bitmask": 0x0900, "preconfigured": KEY}),
            ("join_network", dict(NETWORK, type=2)),
            ("start_scan", {"kind": 1, "channels": 1 << 20, "duration": 0}),
            ("start_scan", {"kind": 0, "channels": 1 << 20, "duration": 0}),
            ("set_concentrator", {"on": 1, "kind": 0xFFF9, "longest_s": 1}),
            ("set_configuration_value", {"config": 1, "value": 9}),
        ):
            found.append(command(dialect, name, values))
        found.append(command(dialect, "set_policy", {"policy": 1, "decision": 0x11}))
        found.append(command(dialect, "set_configuration_value", {"config": 0x2A, "value": 3}))
        found.append(command(dialect, "form_network", NETWORK))
        found.append(command(dialect, "import_link_key", {"index": 255, "eui": bytes(range(8)), "key": bytes(16)}))
    return found


NODES = [Node(version, formed) for version in ezsp.VERSIONS for formed in (False, True)]


def parse(data):
    for one in NODES:
        one.ask(data)
    frame = ezsp.parse_frame(data)
    known = NODES[0].dialect.command(frame.number)
    if known is None:
        raise DecodeError("no command", 3)
    values = ezsp.decode(known.parameters, data, frame.start)
    assert ezsp.decode(known.parameters, ezsp.encode(known.parameters, values)) == values or any(
        [optional for _, _, optional in known.parameters]
    )


TARGET = mutate.Target("zigbee_han/ncp/ezsp.py", seeds(), parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
