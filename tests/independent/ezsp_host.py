"""A host that asks a co-processor, and takes its answers and callbacks apart; sticks that share an air."""

from slotmeter.hal.entropy import Entropy
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.zigbee_han.ncp import commands, ezsp
from slotmeter.zigbee_han.ncp.flash import Flash
from slotmeter.zigbee_han.ncp.server import Server
from slotmeter.zigbee_han.sim.air import Air, Dice
from slotmeter.zigbee_han.sim.node import Node

EUI = bytes.fromhex("0200000000000001")
OTHER = bytes.fromhex("0200000000000002")
LINK_KEY = bytes(range(16))
NETWORK_KEY = bytes(range(16, 32))
NETWORK = {"extended_pan": bytes(range(8)), "pan": 0x1A62, "power": 8, "channel": 20, "channels": 1 << 20}
# What the two hosts say when they form a network: given keys, hashed link key, encrypted key required.
SECURITY = {"bitmask": 0x0B84, "preconfigured": LINK_KEY, "network_key": NETWORK_KEY, "key_sequence": 3}
# What a Smart Energy trust centre says: the network key is given, link keys are those of each device.
OWN_KEYS = {"bitmask": 0x0A00, "network_key": NETWORK_KEY}


class Counted(Entropy):
    """Octets that are not random at all."""

    def __init__(self):
        self.next = 0

    def random(self, count):
        out = bytes([self.next + i & 0xFF for i in range(count)])
        self.next += count
        return out


class Host:
    """Asks a server, and takes its answers and callbacks apart. Hosts on one `air` live in one time."""

    def __init__(self, version=13, flash=None, air=None, eui=EUI, x=0):
        self.flash = flash or Flash(eui)
        self.air = air or Air()
        if not hasattr(self.air, "hosts"):
            self.air.hosts = []
            self.air.now_ms = 1000
        self.air.hosts.append(self)
        self.node = Node(self.flash.eui(), HostCrypto(), Dice(len(self.air.hosts)))
        self.place = self.air.attach(self.node, x)
        self.server = Server(version, self.flash, self.node, Counted())
        self.dialect = ezsp.Dialect(version)
        self.version = version
        self.sequence = 0
        self.callbacks = []
        self.begin()

    def begin(self):
        self.server.receive(ezsp.build_version(0, self.version), self.now_ms)
        assert self.server.to_send()[:3] == b"\x00\x80\x00"

    def reset(self):
        """As by the serial line; what was said before is forgotten."""
        self.server.reset(self.now_ms)
        self.sequence = 0
        self.callbacks = []
        self.begin()

    @property
    def now_ms(self):
        return self.air.now_ms

    def frame(self, octets):
        """Sends a frame; the answer's octets."""
        self.server.receive(octets, self.now_ms)
        self.air.run(self.now_ms)
        return self.server.to_send()

    def ask(self, name, **values):
        """The answer's values, `refused` when it was invalidCommand."""
        command = self.dialect.named(name)
        self.sequence = self.sequence + 1 & 0xFF
        given = ezsp.encode(command.parameters, values)
        answer = self.frame(ezsp.build_command(self.sequence, command.number, given))
        frame = ezsp.parse_frame(answer)
        assert frame.sequence == self.sequence and frame.control & 0x90 == 0x80
        if frame.number == ezsp.INVALID_COMMAND:
            return {"refused": answer[5]}
        assert frame.number == command.number
        self.listen()
        return ezsp.decode(command.answer, answer, frame.start)

    def status(self, name, **values):
        return self.ask(name, **values)["status"]

    def listen(self):
        """Takes the callbacks that wait."""
        while True:
            octets = self.server.to_send()
            if not octets:
                return
            frame = ezsp.parse_frame(octets)
            assert frame.control == 0x90 and frame.sequence == self.sequence
            name = self.dialect.callback_name(frame.number)
            _, fields = self.dialect.callback(name)
            self.callbacks.append((name, ezsp.decode(fields, octets, frame.start)))

    def wait(self, ms):
        """Lets time pass, for all on the air."""
        end_ms = self.now_ms + ms
        while True:
            dues = [self.air.deadline_ms()] + [host.server.deadline_ms() for host in self.air.hosts]
            dues = [due for due in dues if due is not None]
            if not dues or min(dues) > end_ms:
                break
            self.air.run(max(min(dues), self.now_ms))
            for host in self.air.hosts:
                due = host.server.deadline_ms()
                if due is not None and due <= self.now_ms:
                    host.server.tick(self.now_ms)
                    host.listen()
        self.air.run(end_ms)

    def told(self, name):
        found = [values for known, values in self.callbacks if known == name]
        self.callbacks = [pair for pair in self.callbacks if pair[0] != name]
        return found

    def form(self, security=SECURITY, **network):
        assert self.status("set_initial_security_state", **security) == commands.OK
        assert self.status("form_network", **{**NETWORK, **network}) == commands.OK
        assert self.told("stack_status") == [{"status": commands.NETWORK_UP}]
        return self

    def join(self, key, wait_ms=15000, **network):
        """Joins as a router with that key; the stack status that comes of it."""
        self.ask("set_initial_security_state", bitmask=0x0900, preconfigured=key)
        assert self.status("join_network", type=2, **{**NETWORK, **network}) == commands.OK
        return self.joined(wait_ms)

    def joined(self, wait_ms=15000):
        end_ms = self.now_ms + wait_ms
        while self.now_ms < end_ms:
            self.wait(50)
            for told in self.told("stack_status"):
                # Announcing and the rest is over then.
                self.wait(100)
                return told["status"]
        return None

    def endpoint(self, number=1, profile=0x0109, device=0x0500, inputs=(0x0702,), outputs=(0x0700, 0x0704)):
        clusters = b"".join([one.to_bytes(2, "little") for one in inputs + outputs])
        return self.ask(
            "add_endpoint",
            endpoint=number,
            profile=profile,
            device=device,
            input_count=len(inputs),
            output_count=len(outputs),
            clusters=clusters,
        )

    def events(self):
        found = []
        event = self.server.next_event()
        while event is not None:
            found.append(event)
            event = self.server.next_event()
        return found
