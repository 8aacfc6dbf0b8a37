"""A meter on a wire, and the remote parties at the other end of it, who speak through the independent builder.

The parties' keys come from seeds. Nothing here computes a MAC, a signature or a payload with the product's own code;
the product's classes are used only to build the meter.
"""

import functools

import asn1_commands as a
import builder as b

from slotmeter.dlms.gbcs.anchors import Cell
from slotmeter.firmware.devices.esme import build
from slotmeter.firmware.identity import Identity, provision
from slotmeter.firmware.settings import Settings
from slotmeter.hal import Hal
from slotmeter.hal.host.certificates import HostCertificates
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.clock import VirtualClock
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.hal.virtual.store import VirtualStore
from slotmeter.hal.virtual.switch import VirtualSwitch

METER = bytes.fromhex("00DB00000000E001")
NOW_S = 800000000
DS, KA, CA = 0x80, 0x08, 0x04
_USAGE = {DS: "ds", KA: "ka", CA: "ca"}


class Party:
    """A remote party: role, entity id, key pairs for signing, agreeing keys and (supplier) top-ups."""

    def __init__(self, role, number):
        self.role = role
        self.entity = bytes.fromhex("90B3D51F3000%04X" % number)
        self.ds = b.private_key("ds %d %d" % (role, number))
        self.ka = b.private_key("ka %d %d" % (role, number))
        self.pp = b.private_key("pp %d %d" % (role, number))
        self.counter = 1000


ISSUER = b.private_key("issuer")
ROOT = b.private_key("root")
METER_DS = b.private_key("meter ds")
METER_KA = b.private_key("meter ka")
ROOT_POINT = b.public_key(ROOT)
ROOT_CERTIFICATE = b.certificate(ROOT_POINT, ROOT, b"", None, "ca", "ZA")
# What leads from the certificates of the parties to the root.
ISSUER_CERTIFICATE = a.issuing_certificate(ISSUER, ROOT)


@functools.cache
def certified(key, issuer, entity, role, usage):
    """The public key of a private one, and its certificate: made once, as tests make many worlds."""
    point = b.public_key(key)
    return point, b.certificate(point, issuer, entity, role, _USAGE[usage])


def cell(role, usage, cell_usage, party, key, issuer=ISSUER):
    """A filled trust anchor cell with a certificate of the GBCS shape."""
    point, der = certified(key, issuer, party.entity, role, usage)
    return Cell(role, usage, cell_usage, party.entity, b.key_identifier(point), point, der)


class World:
    """A meter and its parties: supplier, operator, broker, transcos, loads (load controller), recovery."""

    def __init__(self, variant=1, store=None, settings=None, crypto=None, certificates=None, eui64=METER):
        self.eui64 = eui64
        self.supplier = Party(b.SUPPLIER, 1)
        self.other_supplier = Party(b.SUPPLIER, 2)
        self.operator = Party(b.NETWORK_OPERATOR, 3)
        self.broker = Party(b.ACB, 4)
        self.transcos = Party(b.TRANSITIONAL_COS, 5)
        self.loads = Party(b.LOAD_CONTROLLER, 8)
        self.recovery = Party(b.RECOVERY, 9)
        self.stranger = Party(b.SUPPLIER, 66)
        # Parties that a test adds, and the keys that the meter is known by.
        self.more: list[Party] = []
        self.ds_public = b.public_key(METER_DS)
        self.ka_public = b.public_key(METER_KA)
        self.crypto = crypto or HostCrypto()
        self.certificates = certificates or HostCertificates()
        self.entropy = None
        self.now_s = NOW_S
        self.settings = settings or Settings(variant)
        self.store = store or VirtualStore()
        # Relays stay where they are when the power goes.
        self.switch = VirtualSwitch()
        root_point, root = ROOT_POINT, ROOT_CERTIFICATE
        cells = [
            Cell(0, CA, 0, bytes(8), b.key_identifier(root_point), root_point, root),
            cell(b.RECOVERY, DS, 0, self.recovery, self.recovery.ds),
            cell(b.SUPPLIER, DS, 0, self.supplier, self.supplier.ds),
            cell(b.SUPPLIER, KA, 0, self.supplier, self.supplier.ka),
            cell(b.SUPPLIER, KA, 1, self.supplier, self.supplier.pp),
            cell(b.NETWORK_OPERATOR, DS, 0, self.operator, self.operator.ds),
            cell(b.NETWORK_OPERATOR, KA, 0, self.operator, self.operator.ka),
            cell(b.ACB, KA, 0, self.broker, self.broker.ka),
            cell(b.TRANSITIONAL_COS, DS, 0, self.transcos, self.transcos.ds),
            cell(b.LOAD_CONTROLLER, DS, 0, self.loads, self.loads.ds),
            cell(b.LOAD_CONTROLLER, KA, 0, self.loads, self.loads.ka),
        ]
        self.identity = Identity(
            self.eui64,
            METER_DS.to_bytes(32, "big"),
            METER_KA.to_bytes(32, "big"),
            certified(METER_DS, ISSUER, self.eui64, None, DS)[1],
            certified(METER_KA, ISSUER, self.eui64, None, KA)[1],
            cells,
        )
        if self.store.get("id") is None:
            provision(Records(self.store), self.crypto, self.identity)
        self.meter = None
        self.power_up()

    def power_up(self, store=None):
        """Starts the meter from what the store holds."""
        self.store = store or self.store
        entropy = self.entropy or SeededEntropy(1)
        hal = Hal(VirtualClock(0), self.store, self.crypto, entropy, self.certificates, self.switch)
        self.meter = build(hal, self.settings)
        self.meter.tick(self.now_s * 1000)
        return self.meter

    # ---- what a party sends

    def command(self, party, code, items, counter=None, critical=False, supplementary=b"", reader=None):
        """A whole command of `party`: MACed by the broker, and signed by the party when critical."""
        counter = self._next(party) if counter is None else counter
        return self.message(party, code, b.access_request(counter, items), counter, critical, supplementary)

    def message(self, party, code, payload, counter, critical=False, supplementary=b"", mac=True):
        """A whole command with any payload."""
        z = b.shared_secret(self.broker.ka, self.ka_public) if mac else None
        signer = party.ds if critical else None
        return b.message(
            b.COMMAND, counter, party.entity, self.eui64, code, payload, z, signer, b"", supplementary
        )

    def asn1(self, party, code, payload, counter=None, mac=True):
        """A whole signed command of an ASN.1 use case. `payload`: octets, or what makes them from the counter."""
        counter = self._next(party) if counter is None else counter
        return self.message(party, code, payload(counter) if callable(payload) else payload, counter, True, mac=mac)

    def credentials(self, party, places, role=None):
        """(certificate, place) for each of `places`, with the keys that `party` has for them."""
        found = []
        for place in places:
            key = party.ds if place[1] == DS else party.pp if place[2] else party.ka
            role_named = place[0] if role is None else role
            found.append((certified(key, ISSUER, party.entity, role_named, place[1])[1], place))
        return found

    def token(self, party, counter, pence):
        """The twenty digits of a top-up that `party` vends, as octets."""
        z = b.shared_secret(party.pp, self.ka_public)
        return b.utrn(z, party.entity, self.eui64, counter, pence).encode()

    def top_up(self, party, counter, pence, digits=None):
        """The command that brings a token; its header counter is that of the token."""
        digits = self.token(party, counter, pence) if digits is None else digits
        return self.command(party, 0x0007, [b.act(115, "0-0:19.40.0.255", 1, b.octets(digits))], counter=counter)

    def balance(self):
        """The meter balance in thousandths of a penny."""
        octets = self.meter.peek(b"\x00\x70" + b.obis("0-0:19.10.0.255") + b"\x02")
        return int.from_bytes(octets[1:], "big", signed=True)

    def _next(self, party):
        party.counter += 1
        return party.counter

    # ---- the wire

    def deliver(self, data, now_s=None):
        """Hands octets to the meter; (responses, alerts, facts) that it gives back."""
        self.meter.receive(data, (self.now_s if now_s is None else now_s) * 1000)
        return self.take()

    def advance(self, seconds):
        """Lets time pass; (responses, alerts, facts)."""
        self.now_s += seconds
        self.meter.tick(self.now_s * 1000)
        return self.take()

    def take(self):
        """What the meter sent and told since."""
        responses, alerts, facts = [], [], []
        data = self.meter.to_send()
        while data:
            parts = b.take_apart(data)
            parts.whole = data
            (responses if parts.cra == b.RESPONSE else alerts).append(parts)
            data = self.meter.to_send()
        fact = self.meter.next_event()
        while fact is not None:
            facts.append(fact)
            fact = self.meter.next_event()
        return responses, alerts, facts

    def answer(self, data):
        """The one response to `data`, checked: MAC or signature right, counter and parties as they must be."""
        responses, _, facts = self.deliver(data)
        assert len(responses) == 1, facts
        response = responses[0]
        command = b.take_apart(data)
        assert (response.counter, response.originator, response.target, response.code) == (
            command.counter,
            self.eui64,
            command.originator,
            command.code,
        )
        self.check(response)
        return response

    def results(self, data):
        """(kind, result, data) of each item of the response to `data`."""
        return b.response_results(self.answer(data).payload)

    def check(self, parts):
        """MAC or signature of a message from the meter; one of them there must be."""
        if parts.mac:
            keys = [party.ka for party in self.parties() if party.entity == parts.target]
            assert any(b.mac_is_good(parts.whole, b.shared_secret(key, self.ka_public)) for key in keys)
        else:
            assert b.signature_is_good(self.ds_public, parts.signature, parts.signed)

    def parties(self):
        """Everybody."""
        return (
            self.supplier,
            self.other_supplier,
            self.operator,
            self.broker,
            self.transcos,
            self.loads,
            self.recovery,
            self.stranger,
            *self.more,
        )

    def refused(self, data):
        """The reason why `data` is refused; it is checked that there is no response and that nothing changed."""
        before = self.meter.digest()
        responses, alerts, facts = self.deliver(data)
        assert not responses, facts
        assert self.meter.digest() == before, "a refused message changed the state"
        for alert in alerts:
            self.check(alert)
        reasons = [fact.reason for fact in facts if type(fact).__name__ == "MessageRefused"]
        assert len(reasons) == 1, facts
        return reasons[0]
