"""Fuzzes EZSP: frames for co-processors of six versions, with and without a network, that go on living between them."""

import mutate

from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.ncp import commands, ezsp, radio
from slotmeter.zigbee_han.ncp.flash import Flash
from slotmeter.zigbee_han.ncp.server import Server

EUI = bytes.fromhex("0200000000000001")
NETWORK = {"extended_pan": bytes(range(8)), "pan": 0x1A62, "channel": 20, "channels": 1 << 20}


class Node:
    """A server, and the host that asks it."""

    def __init__(self, version, formed):
        self.dialect = ezsp.Dialect(version)
        self.formed = formed
        self.now_ms = 0
        self.server = Server(version, Flash(EUI), radio.NoAir(), SeededEntropy(1))
        self.begin()

    def begin(self):
        self.server.reset(self.now_ms)
        frames = [ezsp.build_version(0, self.dialect.version)]
        if self.formed:
            for name, values in (
                ("add_endpoint", {"endpoint": 1, "profile": 0x0109}),
                ("set_initial_security_state", {"bitmask": 0x0B84}),
                ("form_network", NETWORK),
            ):
                frames.append(command(self.dialect, name, values))
        for frame in frames:
            self.server.receive(frame, self.now_ms)
        while self.server.to_send():
            pass

    def ask(self, data):
        """Gives it the frame; what it says must be well-formed."""
        self.now_ms += 50
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
        due = self.server.deadline_ms()
        if due is not None and due <= self.now_ms:
            self.server.tick(self.now_ms)
        callback = self.server.to_send()
        while callback:
            frame = ezsp.parse_frame(callback)
            name = self.dialect.callback_name(frame.number)
            ezsp.decode(self.dialect.callback(name)[1], callback, frame.start)
            callback = self.server.to_send()
        while self.server.next_event() is not None:
            pass
        # One that left its network, or never had one, begins again from time to time.
        if self.now_ms % 5000 == 0:
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
        found.append(command(dialect, "set_policy", {"policy": 1, "decision": 0x11}))
        found.append(command(dialect, "set_configuration_value", {"config": 0x2A, "value": 3}))
        found.append(command(dialect, "form_network", NETWORK))
        found.append(command(dialect, "import_link_key", {"index": 255, "eui": bytes(range(8)), "key": bytes(16)}))
    return found


NODES = [Node(version, formed) for version in ezsp.VERSIONS for formed in (False, True)]


def parse(data):
    for node in NODES:
        node.ask(data)
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
