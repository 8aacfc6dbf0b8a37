"""What a host sets and reads in a co-processor: configuration, policies, values, tokens, endpoints, tables, counters.

Everything here but the tokens is forgotten at a reset. Sizes can be changed until the stack is up; memory for tables is
not counted: a size that fits its number is taken. What of it concerns the device on the air is set there at once.
"""

from slotmeter.zigbee_han.errors import HanError
from slotmeter.zigbee_han.ncp import commands
from slotmeter.zigbee_han.ncp.ezsp import STACKS, flipped
from slotmeter.zigbee_han.ncp.flash import NO_EUI, Flash
from slotmeter.zigbee_han.sim import aps, nwk
from slotmeter.zigbee_han.sim.zdo import Endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.hal.entropy import Entropy
    from slotmeter.zigbee_han.sim.node import Node

# Configuration: (id, value after a reset, largest value). UG100 names them.
CONFIGURATION = (
    (0x01, 255, 255),  # packet buffers; 255: all there are
    (0x02, 26, 26),  # neighbours
    (0x03, 20, 255),  # unicasts under way
    (0x04, 32, 255),  # bindings
    (0x05, 16, 255),  # address table
    (0x06, 16, 255),  # multicast table
    (0x07, 100, 255),  # routes
    (0x08, 8, 255),  # route discoveries
    (0x09, 16, 255),
    (0x0A, 16, 255),
    (0x0C, 2, 2),  # stack profile
    (0x0D, 5, 5),  # security level
    (0x10, 30, 30),  # hops
    (0x11, 32, 64),  # children
    (0x12, 7680, 30000),  # how long frames wait for sleepy children, ms
    (0x13, 8, 14),  # end device poll timeout, a power of 2 in minutes
    (0x14, 20, 255),
    (0x17, 0, 0xFFFF),  # transmit power mode
    (0x18, 0, 1),
    (0x19, 2, 255),  # trust centre's address cache
    (0x1A, 200, 255),  # source routes
    (0x1C, 1, 8),  # fragment window
    (0x1D, 0, 0xFFFF),  # fragment delay, ms
    (0x1E, 12, 127),  # link keys
    (0x1F, 1600, 0xFFFF),  # APS acknowledgement, ms
    (0x20, 3, 6),
    (0x21, 60, 0xFFFF),
    (0x22, 2, 63),  # PAN id conflicts per minute
    (0x24, 0, 10),  # minutes
    (0x29, 1, 1),
    (0x2A, 0, 15),  # ZDO flags
    (0x2B, 15, 255),  # broadcasts
    (0x2C, 0, 255),
    (0x2D, 1, 2),  # networks
    (0x2E, 0, 1),
    (0x33, 0, 1),
    (0x34, 16, 255),
    (0x35, 14, 255),
    (0x36, 300, 0xFFFF),  # transient link keys, s
    (0x37, 1, 255),
    (0x38, 90, 0xFFFF),  # rejoins with the well-known key, s
    (0x39, 0, 0xFFFF),
    (0x3A, 0, 255),
    (0x40, 0, 0xFFFF),
    (0x41, 5, 255),  # green power
    (0x42, 0, 255),
)
ALL_BUFFERS = 255
PACKET_BUFFERS = 0x01
UNICASTS = 0x03
BINDINGS = 0x04
ADDRESSES = 0x05
MULTICASTS = 0x06
KEY_TABLE = 0x1E
ROUTES = 0x07
ACK_WAIT_MS = 0x1F
APS_RETRIES = 0x20
ZDO_FLAGS = 0x2A
TRANSIENT_KEY_S = 0x36

# Policies: (id, decision after a reset).
POLICIES = (
    (0x00, 0x01),  # trust centre: joins allowed
    (0x01, 0x10),  # bindings: not changed from outside
    (0x02, 0x20),  # replies: without the host
    (0x03, 0x30),  # polls: not told
    (0x04, 0x40),  # message sent: tag only
    (0x05, 0x50),  # trust centre's key requests: denied
    (0x06, 0x60),  # application key requests: denied
    (0x07, 0x62),
    (0x08, 0x00),
    (0x09, 0x00),
)
CENTRE_POLICY = 0x00
BINDING_POLICY = 0x01
# Bindings may be changed from outside, or those may whose endpoint is there.
BINDINGS_ALLOWED = (0x11, 0x12)
CONTENTS_POLICY = 0x04
TAG_AND_CONTENTS = 0x41
CENTRE_KEY_POLICY = 0x05
SHARED_KEY_POLICY = 0x06
SHARED_KEYS_ALLOWED = 0x61

# Values: (id, octets after a reset; None: computed, whether a host may set it).
VALUES = (
    (0x00, b"\x00\x00", True),
    (0x03, None, False),  # free buffers
    (0x04, b"\x00", True),
    (0x05, b"\x52\x00", True),  # largest incoming transfer
    (0x06, b"\x52\x00", True),  # largest outgoing transfer
    (0x07, b"\x01", True),  # tokens are written
    (0x08, b"\x00", True),
    (0x0A, b"\x00\x00", True),  # extended security bitmask
    (0x0B, None, False),  # short address
    (0x0C, b"\x00", True),  # descriptor capability
    (0x0D, b"\x00", True),
    (0x0E, b"\x00", True),
    (0x0F, b"\x01\x01", True),
    (0x11, None, False),  # version
    (0x12, b"\x00", True),
    (0x13, b"\x00", False),
    (0x14, b"\x00", True),
    (0x15, b"\xb5", True),  # clear channel threshold, dBm
    (0x19, b"", True),  # clears the counters
    (0x23, None, True),  # NWK frame counter
    (0x24, None, True),  # APS frame counter
    (0x25, b"\x00", True),
    (0x29, b"\x01", True),
    (0x33, b"\x00", True),
    (0x34, b"\x00", True),
    (0x38, b"\x00", True),
    (0x39, b"\x1e\x00\x00\x00", True),
    (0x3A, b"\x00", True),
    (0x3B, b"\x2c\x01\x00\x00", True),
    (0x3D, b"\x08", True),
    (0x3E, b"\x00\x40", True),
    (0x3F, b"\x03", True),
    (0x40, b"\x00\x00\x00\x00", True),
    (0x43, b"\x88\x13", True),
    (0x44, b"\x00", False),
    (0x45, b"\x00", True),
    (0x46, b"\x05", True),
    (0x47, b"\x00", True),
    (0x48, b"\x00", True),
)
FREE_BUFFERS = 0x03
LARGEST_INCOMING = 0x05
LARGEST_OUTGOING = 0x06
DESCRIPTORS = 0x0C
SHORT_ADDRESS = 0x0B
VERSION_INFO = 0x11
CLEAR_COUNTERS = 0x19
NWK_COUNTER = 0x23
APS_COUNTER = 0x24
ENDPOINT_FLAGS = 0x00
LAST_LEAVE_REASON = 0x01

# Manufacturing tokens: (id, what it holds from the factory).
MFG_TOKENS = (
    (0x00, b"\xff\xff"),  # custom version
    (0x03, b"\xff\xff"),  # manufacturer
    (0x04, b"\xff\xff"),
    (0x05, b"\xff" * 16),
    (0x06, b"\xff" * 40),
    (0x07, b"\xff" * 8),
    (0x08, b"\xff\xff"),
    (0x09, b"\xff" * 92),
    (0x0A, b"\xff" * 20),
    (0x0B, b"\xff"),
    (0x0D, b"\xff\xff"),
)
MFG_STRING = 0x01
MFG_BOARD = 0x02
MFG_EUI = 0x0C
# The stack's own EUI-64 token where there is token access (NVM3).
EUI_TOKEN = 0x0000E12A

COUNTERS = 40
COUNT_ASH_FRAMING = 19
COUNT_NO_BUFFERS = 27
# Where the device on the air counts: what it sent and received, and what it dropped and why.
TRAFFIC = (
    (0, "MAC broadcasts received"),
    (1, "MAC broadcasts sent"),
    (2, "MAC unicasts received"),
    (3, "MAC unicasts sent"),
    (4, "MAC unicasts repeated"),
    (5, "MAC unicasts failed"),
    (6, "APS broadcasts received"),
    (7, "APS broadcasts sent"),
    (8, "APS unicasts received"),
    (9, "APS unicasts sent"),
    (10, "APS unicasts repeated"),
    (11, "APS unicasts failed"),
    (12, "routes sought"),
    (13, "neighbours added"),
    (14, "neighbours removed"),
    (16, "joins"),
    (28, "unicasts relayed"),
)
DROPPED = (
    (21, "NWK: replayed"),
    (22, "APS: replayed"),
    (25, "NWK: MIC does not match"),
    (26, "APS: MIC does not match"),
    (29, "MAC queue full"),
    (33, "NWK: broadcast table full"),
)

NO_NODE = 0xFFFF
NOT_JOINED_NODE = 0xFFFE
NO_BINDING = 0xFF
# Of a route that there is not, and of a neighbour that was heard a moment ago (3 to 6; more: long ago).
ROUTE_UNUSED = 3
RECENTLY = 3
ENDPOINT_LIMIT = 32


class Refusal(HanError):
    """A command that cannot be answered in its own form: `reason` is what invalidCommand says (an EzspStatus)."""

    def __init__(self, reason: int) -> None:
        super().__init__("refused for %02X" % reason)
        self.reason = reason


class Settings:
    """The state behind the commands of this module; `flash` outlives `forget`. node: the device on the air."""

    def __init__(self, version: int, flash: Flash, node: "Node", entropy: "Entropy") -> None:
        self.version = version
        self.flash = flash
        self.node = node
        self._entropy = entropy
        # Something in flash changed.
        self.dirty = False
        self._now_ms = 0
        self.forget()

    def forget(self) -> None:
        """What a reset does to memory."""
        self.configuration = {row[0]: row[1] for row in CONFIGURATION}
        self.policies = {row[0]: row[1] for row in POLICIES}
        self.values = {row[0]: row[1] for row in VALUES if row[1] is not None}
        self.multicasts: dict[int, Any] = {}
        self.addresses: dict[int, Any] = {}
        self.slow_nodes: set[bytes] = set()
        self.network_is_up = False
        self.node.restart(self.flash.eui(), self._now_ms)
        self._clear_counters()
        self.changed()

    def changed(self) -> None:
        """Has the device on the air do as was set."""
        device = self.node.zdo
        layer = self.node.aps
        device.flags = self.size(ZDO_FLAGS)
        device.binding_limit = self.size(BINDINGS)
        device.may_bind = self.policies[BINDING_POLICY] in BINDINGS_ALLOWED
        device.largest_incoming = int.from_bytes(self.values[LARGEST_INCOMING], "little")
        device.largest_outgoing = int.from_bytes(self.values[LARGEST_OUTGOING], "little")
        device.descriptors = self.values[DESCRIPTORS][0]
        layer.ack_wait_ms = self.size(ACK_WAIT_MS)
        layer.retries = self.size(APS_RETRIES)
        # The device's own answers need room too.
        layer.sending_limit = self.size(UNICASTS) + aps.SENDING_LIMIT
        # The key table, and the key with the trust centre.
        layer.link_limit = self.size(KEY_TABLE) + 1
        self.node.shares_keys = self.policies[SHARED_KEY_POLICY] == SHARED_KEYS_ALLOWED

    def free_buffers(self) -> int:
        """How many packet buffers nobody holds."""
        return self.all_buffers()

    def all_buffers(self) -> int:
        """How many packet buffers there are."""
        return self.size(PACKET_BUFFERS)

    def set_counters(self, nwk: "int | None" = None, aps: "int | None" = None) -> None:
        """Makes frame counters go on from there, in flash and on the air."""
        self.flash.set_counters(nwk, aps)
        self.node.nwk.counter = self.flash.nwk_counter
        self.node.aps.frame_counter = self.flash.aps_counter

    def sync_keys(self) -> None:
        """Takes counters and keys from the device on the air."""
        raise NotImplementedError

    def _clear_counters(self) -> None:
        self.counters = [0] * COUNTERS
        self.node.traffic.clear()
        self._dropped_before = [self.node.dropped.get(reason, 0) for _, reason in DROPPED]

    def count(self, counter: int) -> None:
        """One more of what `counter` counts, up to 65535."""
        self.counters[counter] = min(self.counters[counter] + 1, 0xFFFF)

    def size(self, config: int) -> int:
        """A configured number."""
        return self.configuration[config]

    def node_id(self) -> int:
        """Our short address, NOT_JOINED_NODE while there is no network."""
        network = self.flash.network
        return network.id if network is not None and self.network_is_up else NOT_JOINED_NODE

    # ---- configuration, policies, values ----

    def do_get_configuration_value(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0052."""
        value = self.configuration.get(given["config"])
        if value is None:
            return {"status": commands.NOT_FOUND}
        return {"value": value}

    def do_set_configuration_value(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0053: not known 37, too large 36, too late 38."""
        config, value = given["config"], given["value"]
        for number, default, largest in CONFIGURATION:
            if number == config:
                if value > largest:
                    return {"status": commands.INVALID_PARAMETER}
                # What is not a size may be changed at any time; the sizes of memory may not.
                if self.network_is_up and config <= ADDRESSES and value != self.configuration.get(config, default):
                    return {"status": commands.INVALID_STATE}
                self.configuration[config] = value
                self.changed()
                return {}
        return {"status": commands.NOT_FOUND}

    def do_set_policy(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0055."""
        if given["policy"] not in self.policies:
            return {"status": commands.NOT_FOUND}
        self.policies[given["policy"]] = given["decision"]
        self.changed()
        return {}

    def do_get_policy(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0056."""
        if given["policy"] not in self.policies:
            return {"status": commands.NOT_FOUND}
        return {"decision": self.policies[given["policy"]]}

    def do_get_value(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x00AA."""
        number = given["value_id"]
        self.sync_keys()
        if number == VERSION_INFO:
            stack = STACKS[self.version]
            octets = bytes((0, 0, stack >> 12, stack >> 8 & 15, stack >> 4 & 15, stack & 15, 0xAA))
        elif number == FREE_BUFFERS:
            octets = bytes((min(self.free_buffers(), 0xFF),))
        elif number == SHORT_ADDRESS:
            octets = self.node_id().to_bytes(2, "little")
        elif number == NWK_COUNTER:
            octets = self.flash.nwk_counter.to_bytes(4, "little")
        elif number == APS_COUNTER:
            octets = self.flash.aps_counter.to_bytes(4, "little")
        elif number in self.values:
            octets = self.values[number]
        else:
            return {"status": commands.NOT_FOUND}
        return {"value": octets}

    def do_set_value(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x00AB: the frame counters only while there is no network."""
        number, octets = given["value_id"], given["value"]
        for known, default, settable in VALUES:
            if known != number:
                continue
            if not settable:
                return {"status": commands.INVALID_PARAMETER}
            if number in (NWK_COUNTER, APS_COUNTER):
                if len(octets) != 4:
                    return {"status": commands.INVALID_PARAMETER}
                if self.network_is_up:
                    return {"status": commands.INVALID_STATE}
                value = int.from_bytes(octets, "little")
                if number == NWK_COUNTER:
                    self.set_counters(nwk=value)
                else:
                    self.set_counters(aps=value)
                self.dirty = True
            elif number == CLEAR_COUNTERS:
                self._clear_counters()
            else:
                # Hosts send some of them wider than they are: what is more must be zero.
                size = len(default or b"")
                if len(octets) < size or octets[size:].strip(b"\x00"):
                    return {"status": commands.INVALID_PARAMETER}
                self.values[number] = octets[:size]
                self.changed()
            return {}
        return {"status": commands.NOT_FOUND}

    def do_get_extended_value(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0003. Some hosts read two octets of endpoint flags whatever the status says."""
        number, endpoint = given["value_id"], given["characteristics"]
        if number == ENDPOINT_FLAGS:
            if self.node.zdo.endpoint(endpoint) is None:
                return {"status": commands.INVALID_PARAMETER, "value": b"\x00\x00"}
            return {"value": b"\x01\x00"}
        if number == LAST_LEAVE_REASON:
            return {"value": b"\x00\xff\xff"}
        return {"status": commands.NOT_FOUND, "value": b"\x00\x00"}

    # ---- endpoints and the names of things ----

    def do_add_endpoint(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0002: before the network is up, each number once."""
        number, octets = given["endpoint"], given["clusters"]
        inputs, outputs = given["input_count"], given["output_count"]
        if len(octets) != 2 * (inputs + outputs):
            raise Refusal(0x36)
        if self.network_is_up:
            return {"status": commands.INVALID_STATE}
        device = self.node.zdo
        if not 1 <= number <= 254 or device.endpoint(number) is not None or len(device.endpoints) >= ENDPOINT_LIMIT:
            return {"status": commands.INVALID_PARAMETER}
        clusters = tuple([octets[i] | octets[i + 1] << 8 for i in range(0, len(octets), 2)])
        device.endpoints.append(
            Endpoint(
                number,
                given["profile"],
                given["device"],
                clusters[:inputs],
                clusters[inputs:],
                given["device_version"] & 15,
            )
        )
        return {}

    def do_set_manufacturer_code(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0015."""
        self.node.zdo.manufacturer = given["code"]
        return {}

    def do_set_power_descriptor(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0016."""
        self.node.zdo.power = given["descriptor"]
        return {}

    def do_get_manufacturer_code(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x00CA."""
        return {"code": self.node.zdo.manufacturer}

    def do_get_eui64(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0026."""
        return {"eui": self.flash.eui()}

    def do_get_library_status(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0001: no library has bit 7 set; there is none for elliptic curves on retail sticks either."""
        return {"status": 0}

    def do_generate_cbke_keys(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x00A4: key establishment is the host's work."""
        return {"status": commands.NOT_AVAILABLE}

    def do_generate_cbke_keys_283k1(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x00E8."""
        return {"status": commands.NOT_AVAILABLE}

    def do_get_xncp_info(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0013: no custom commands."""
        return {"status": commands.NOT_AVAILABLE}

    def do_custom_frame(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0047: there are no custom commands; hosts look for a vendor's behind any other answer."""
        return {"status": commands.INVALID_STATE}

    def do_nop(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0005."""
        return {}

    def do_echo(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0081."""
        return {"data": given["data"]}

    # ---- tokens ----

    def do_get_mfg_token(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x000B; one that does not exist is empty."""
        token = given["token"]
        if token == MFG_EUI:
            return {"data": flipped(self.flash.custom)}
        if token == MFG_STRING:
            return {"data": self.flash.manufacturer}
        if token == MFG_BOARD:
            return {"data": self.flash.board}
        for number, octets in MFG_TOKENS:
            if number == token:
                return {"data": octets}
        return {"data": b""}

    def do_set_mfg_token(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x000C: the EUI-64, once; it counts from the next reset."""
        octets = given["data"]
        if given["token"] != MFG_EUI or len(octets) != 8:
            return {"status": commands.INVALID_PARAMETER}
        if self.flash.custom != NO_EUI:
            return {"status": commands.FLASH_WRITE_INHIBITED}
        self.flash.custom = flipped(octets)
        self.dirty = True
        return {}

    def do_get_token_data(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0102: the stack's EUI-64 is the only one that is kept."""
        if given["token"] != EUI_TOKEN or given["index"]:
            return {"status": commands.NOT_FOUND}
        return {"data": flipped(self.flash.rewritten)}

    def do_set_token_data(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0103."""
        octets = given["data"]
        if given["token"] != EUI_TOKEN or given["index"]:
            return {"status": commands.NOT_FOUND}
        if len(octets) != 8:
            return {"status": commands.INVALID_PARAMETER}
        self.flash.rewritten = flipped(octets)
        self.dirty = True
        return {}

    # ---- tables ----

    def do_get_multicast_table_entry(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0063."""
        index = given["index"]
        if index >= self.size(MULTICASTS):
            return {"status": commands.INVALID_INDEX}
        return dict(self.multicasts.get(index, {}))

    def do_set_multicast_table_entry(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0064."""
        index = given["index"]
        if index >= self.size(MULTICASTS):
            return {"status": commands.INVALID_INDEX}
        self.multicasts[index] = {
            "multicast": given["multicast"],
            "endpoint": given["endpoint"],
            "network_index": given.get("network_index", 0),
        }
        return {}

    def do_set_binding(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x002B."""
        if given["index"] >= self.size(BINDINGS):
            return {"status": commands.INVALID_INDEX}
        self.node.zdo.bindings.pop(given["index"], None)
        if given["type"]:
            self.node.zdo.bindings[given["index"]] = dict(given)
        return {}

    def do_get_binding(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x002C; an unused one is of type 0."""
        if given["index"] >= self.size(BINDINGS):
            return {"status": commands.INVALID_INDEX}
        return dict(self.node.zdo.bindings.get(given["index"], {}))

    def do_delete_binding(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x002D."""
        if given["index"] >= self.size(BINDINGS):
            return {"status": commands.INVALID_INDEX}
        self.node.zdo.bindings.pop(given["index"], None)
        return {}

    def do_clear_binding_table(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x002A."""
        self.node.zdo.bindings.clear()
        return {}

    def address(self, index: int) -> "tuple[bytes, int]":
        """What a host put there, with the short address that the device has now, as far as we know."""
        eui, node = self.addresses.get(index, (NO_EUI, NO_NODE))
        heard = self.node.nwk.short_of(eui)
        return eui, node if heard is None else heard

    def do_get_address_table_eui(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x005E up to version 13; all ones when unused."""
        return {"eui": self.address(given["index"])[0]}

    def do_get_address_table_id(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x005F up to version 13."""
        return {"id": self.address(given["index"])[1]}

    def do_get_address_table_info(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x005E from version 14 on."""
        if given["index"] >= self.size(ADDRESSES):
            return {"status": commands.INVALID_INDEX, "id": NO_NODE, "eui": NO_EUI}
        eui, node = self.address(given["index"])
        return {"eui": eui, "id": node}

    def do_address_table_entry_is_active(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x005B: entries are looked up at once, none is ever in use by the stack."""
        return {"active": 0}

    def do_set_address_table_info(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x005C from version 14 on."""
        if given["index"] >= self.size(ADDRESSES):
            return {"status": commands.INVALID_INDEX}
        self.addresses[given["index"]] = (given["eui"], given["id"])
        self.node.nwk.remember(given["eui"], given["id"])
        return {}

    def do_set_address_table_eui(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x005C up to version 13."""
        return self.do_set_address_table_info(
            {"index": given["index"], "eui": given["eui"], "id": self.address(given["index"])[1]}
        )

    def do_set_address_table_id(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x005D up to version 13."""
        self.do_set_address_table_info(
            {"index": given["index"], "eui": self.address(given["index"])[0], "id": given["id"]}
        )
        return {}

    def node_of(self, eui: bytes) -> int:
        """The short address of that EUI-64, as far as we know, or NO_NODE."""
        if eui == self.flash.eui():
            return self.node_id()
        short = self.node.nwk.short_of(eui)
        if short is not None:
            return short
        for index in sorted(self.addresses):
            if self.addresses[index][0] == eui:
                return int(self.addresses[index][1])
        return NO_NODE

    def eui_of(self, node: int) -> "bytes | None":
        """The EUI-64 of that short address, as far as we know."""
        return self.flash.eui() if node == self.node_id() else self.node.nwk.eui_of(node)

    def do_lookup_node_id_by_eui64(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0060."""
        node = self.node_of(given["eui"])
        return {"status": commands.NOT_FOUND if node == NO_NODE else commands.OK, "id": node}

    def do_lookup_eui64_by_node_id(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0061."""
        eui = self.eui_of(given["id"])
        if eui is None:
            return {"status": commands.NOT_FOUND}
        return {"eui": eui}

    def do_set_extended_timeout(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x007E."""
        if given["extended"]:
            self.slow_nodes.add(given["eui"])
        elif given["eui"] in self.slow_nodes:
            self.slow_nodes.remove(given["eui"])
        return {}

    def do_get_extended_timeout(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x007F; from version 14 on the status says it: OK or not."""
        slow = given["eui"] in self.slow_nodes
        return {"extended": 1 if slow else 0, "status": commands.OK if slow else commands.NOT_FOUND}

    def do_get_child_data(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x004A: end devices do not join here; where there is no child it is NOT_JOINED, which ends a host's list."""
        return {"status": commands.NOT_JOINED}

    def do_get_neighbor(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0079."""
        index = given["index"]
        if index >= len(self.node.nwk.neighbours):
            return {"status": commands.INVALID_RANGE}
        one = self.node.nwk.neighbours[index]
        cost = nwk.cost_of(one.lqi)
        values = {"id": one.short, "lqi": one.lqi, "in_cost": cost, "out_cost": cost, "age": RECENTLY}
        values["eui"] = NO_EUI if one.eui is None else one.eui
        return values

    def do_neighbor_count(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x007A."""
        return {"count": len(self.node.nwk.neighbours)}

    def do_get_route_table_entry(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x007B: an unused one leads nowhere."""
        if given["index"] >= self.size(ROUTES):
            return {"status": commands.INVALID_RANGE}
        if given["index"] >= len(self.node.nwk.routes):
            return {"destination": NO_NODE, "next_hop": NO_NODE, "state": ROUTE_UNUSED}
        one = self.node.nwk.routes[given["index"]]
        return {"destination": one.dst, "next_hop": one.next_hop, "concentrator": 1 if one.tell else 0}

    def do_gp_clear_proxy_table(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x005F from version 17 on: nothing is ever in it."""
        return {}

    def do_gp_sink_table_clear_all(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x00E2: nothing is ever in it."""
        return {}

    # ---- counters ----

    def do_read_counters(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x00F1: COUNTERS numbers of two octets."""
        values = list(self.counters)
        for place, what in TRAFFIC:
            values[place] += self.node.traffic.get(what, 0)
        for number in range(len(DROPPED)):
            place, reason = DROPPED[number]
            values[place] += self.node.dropped.get(reason, 0) - self._dropped_before[number]
        return {"values": b"".join([min(value, 0xFFFF).to_bytes(2, "little") for value in values])}

    def do_read_and_clear_counters(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0065."""
        answer = self.do_read_counters(given)
        self._clear_counters()
        return answer
