"""What a stick remembers without power: its EUI-64, its network with the keys, its link keys, its counters.

One record for each in a `hal.records.Records`, when there is one: `ncp.tokens`, `ncp.network`, `ncp.keys` and
`ncp.counters`. A record begins with LAYOUT, so that another layout is noticed. Without records it lasts as long as the
object, which is what a reset over the serial line needs.

The frame counters must never go back, and a write for each frame would wear flash out: what is stored is a number
that they have not reached yet, and from there they go on after power-up.
"""

from slotmeter.hal.errors import STORE_DAMAGED, STORE_VERSION, HalError
from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.ncp.ezsp import decode, encode, fields_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.hal.records import Records

LAYOUT = 1
COORDINATOR = 1
ROUTER = 2
END_DEVICE = 3
SLEEPY_END_DEVICE = 4
# An EUI-64 token that was never written.
NO_EUI = b"\xff" * 8
# How far the stored counters are ahead.
COUNTER_STEP = 4096
COUNTER_LIMIT = 0xFFFFFFFF

# Fields are those of `ezsp`; the version only matters for statuses, of which there are none here.
_TOKENS = fields_of("base:eui custom:eui rewritten:eui manufacturer:data board:data", 13)
_NETWORK = fields_of(
    "type:u8 id:u16 network bitmask:u16 trust_centre:eui link_key:key key:key key_sequence:u8"
    " next_set:u8 next_key:key next_sequence:u8",
    13,
)
_KEY = fields_of("eui:eui key:key outgoing:u32 incoming:u32", 13)
_KEY_SIZE = 32
_COUNTERS = fields_of("nwk:u32 aps:u32", 13)


class Network:
    """The network that a node belongs to. type: COORDINATOR and so on; id: its short address; extended_pan (8 octets,
    most significant first), pan, channel 11 to 26, channels (a mask), power in dBm, manager, update, method.

    bitmask: the initial security bits it was formed or joined with; trust_centre: its EUI-64; link_key: with the trust
    centre (on the trust centre: what every device has, hashed or not as the bitmask says); key and key_sequence: of
    the network; next_set, next_key, next_sequence: announced, not in use.
    """

    def __init__(self, values: "dict[str, Any]") -> None:
        self.type = values["type"]
        self.id = values["id"]
        self.extended_pan = values["extended_pan"]
        self.pan = values["pan"]
        self.power = values.get("power", 0)
        self.channel = values["channel"]
        self.method = values.get("method", 0)
        self.manager = values.get("manager", 0)
        self.update = values.get("update", 0)
        self.channels = values.get("channels", 0)
        self.bitmask = values.get("bitmask", 0)
        self.trust_centre = values["trust_centre"]
        self.link_key: bytes = values.get("link_key", bytes(16))
        self.key: bytes = values["key"]
        self.key_sequence = values.get("key_sequence", 0)
        self.next_set = values.get("next_set", 0)
        self.next_key: bytes = values.get("next_key", bytes(16))
        self.next_sequence = values.get("next_sequence", 0)

    def __repr__(self) -> str:
        return "Network(pan %04X, channel %d, node %04X)" % (self.pan, self.channel, self.id)


class LinkKey:
    """A key shared with one device: eui, key, outgoing and incoming frame counters."""

    def __init__(self, eui: bytes, key: bytes, outgoing: int = 0, incoming: int = 0) -> None:
        self.eui = eui
        self.key = key
        self.outgoing = outgoing
        self.incoming = incoming

    def __repr__(self) -> str:
        return "LinkKey(with %s)" % self.eui.hex()


class Flash:
    """base: the EUI-64 that the chip came with (what is stored goes before it); custom: the one of the manufacturing
    token, written once; rewritten: the one of the stack's token, which goes before both. network: None when there is
    none. keys: the key table, by index. Change them, then `commit`.
    """

    def __init__(self, base: bytes, records: "Records | None" = None) -> None:
        self.base = base
        self.custom = NO_EUI
        self.rewritten = NO_EUI
        self.manufacturer = b"\xff" * 16
        self.board = b"\xff" * 16
        self.network: Network | None = None
        self.keys: dict[int, LinkKey] = {}
        self.nwk_counter = 0
        self.aps_counter = 0
        self._nwk_ceiling = 0
        self._aps_ceiling = 0
        self._records = records
        if records is not None:
            self._load(records)

    def eui(self) -> bytes:
        """The EUI-64 that counts."""
        if self.rewritten != NO_EUI:
            return self.rewritten
        return self.base if self.custom == NO_EUI else self.custom

    def count(self, nwk: int, aps: int) -> bool:
        """The counters of what the NWK and the APS layer secure next. True: it is time for `commit`, before they get to
        what the store has.
        """
        self.nwk_counter = max(self.nwk_counter, min(nwk, COUNTER_LIMIT))
        self.aps_counter = max(self.aps_counter, min(aps, COUNTER_LIMIT))
        return self._near(self.nwk_counter, self._nwk_ceiling) or self._near(self.aps_counter, self._aps_ceiling)

    def _near(self, counter: int, ceiling: int) -> bool:
        return counter > ceiling - COUNTER_STEP // 2 and ceiling < COUNTER_LIMIT

    def set_counters(self, nwk: "int | None" = None, aps: "int | None" = None) -> None:
        """Makes a counter go on from that number."""
        if nwk is not None:
            self.nwk_counter = self._nwk_ceiling = nwk
        if aps is not None:
            self.aps_counter = self._aps_ceiling = aps

    def forget(self, counters: bool = True) -> None:
        """Leaves the network: keys and, if so, counters are forgotten; the EUI-64s stay."""
        self.network = None
        self.keys = {}
        if counters:
            self.set_counters(0, 0)

    def commit(self) -> None:
        """Makes it durable. HalError when the store refuses; then nothing has changed there."""
        if self._near(self.nwk_counter, self._nwk_ceiling):
            self._nwk_ceiling = min(self.nwk_counter + COUNTER_STEP, COUNTER_LIMIT)
        if self._near(self.aps_counter, self._aps_ceiling):
            self._aps_ceiling = min(self.aps_counter + COUNTER_STEP, COUNTER_LIMIT)
        records = self._records
        if records is None:
            return
        head = bytes((LAYOUT,))
        self._put("ncp.tokens", head + encode(_TOKENS, vars_of(self, _TOKENS)))
        counters = {"nwk": self._nwk_ceiling, "aps": self._aps_ceiling}
        self._put("ncp.counters", head + encode(_COUNTERS, counters))
        if self.network is None:
            records.drop("ncp.network")
        else:
            self._put("ncp.network", head + encode(_NETWORK, vars_of(self.network, _NETWORK)))
        table = b"".join(
            [bytes((index,)) + encode(_KEY, vars_of(self.keys[index], _KEY)) for index in sorted(self.keys)]
        )
        self._put("ncp.keys", head + table)
        records.commit()

    def _put(self, name: str, value: bytes) -> None:
        records = self._records
        if records is not None and records.get(name) != value:
            records.put(name, value)

    def _load(self, records: "Records") -> None:
        values = self._record(records, "ncp.tokens", _TOKENS)
        if values is not None:
            self.custom, self.rewritten = values["custom"], values["rewritten"]
            self.manufacturer, self.board = values["manufacturer"], values["board"]
            self.base = values["base"]
        values = self._record(records, "ncp.network", _NETWORK)
        if values is not None:
            self.network = Network(values)
        values = self._record(records, "ncp.counters", _COUNTERS)
        if values is not None:
            self.set_counters(values["nwk"], values["aps"])
        table = self._octets(records, "ncp.keys") or b""
        if len(table) % (_KEY_SIZE + 1):
            raise HalError(STORE_DAMAGED, "the record ncp.keys has no whole number of keys")
        for pos in range(0, len(table), _KEY_SIZE + 1):
            values = decode(_KEY, table[pos + 1 : pos + 1 + _KEY_SIZE])
            self.keys[table[pos]] = LinkKey(values["eui"], values["key"], values["outgoing"], values["incoming"])

    def _octets(self, records: "Records", name: str) -> "bytes | None":
        value = records.get(name)
        if value is None:
            return None
        if value[:1] != bytes((LAYOUT,)):
            raise HalError(STORE_VERSION, "the record %s is of another version of this program" % name)
        return value[1:]

    def _record(self, records: "Records", name: str, fields: "Any") -> "dict[str, Any] | None":
        value = self._octets(records, name)
        try:
            return None if value is None else decode(fields, value)
        except DecodeError as error:
            raise HalError(STORE_DAMAGED, "the record %s: %s" % (name, error)) from error


def vars_of(thing: "Any", fields: "Any") -> "dict[str, Any]":
    """The attributes of `thing` that `fields` name."""
    return {name: getattr(thing, name) for name, _, _ in fields}
