"""The commands of a co-processor about its network: forming, joining, leaving, permitting, scanning, the network key.

What the host asks, the device on the air does (`slotmeter.zigbee_han.sim.node`); what it says of it becomes callbacks,
and facts for whoever runs the co-processor.
"""

from slotmeter.zigbee_han.frames import nwk as nwk_frames
from slotmeter.zigbee_han.ncp import commands, ezsp, settings
from slotmeter.zigbee_han.ncp.flash import COORDINATOR, ROUTER, Network, vars_of
from slotmeter.zigbee_han.ncp.security import HAVE_LINK_KEY, HAVE_NETWORK_KEY, REQUIRE_ENCRYPTED_KEY, Security
from slotmeter.zigbee_han.sim import node as nodes
from slotmeter.zigbee_han.sim import nwk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FIRST_CHANNEL = 11
LAST_CHANNEL = 26
CHANNELS = 0x07FFF800
ENERGY_SCAN = 0
ACTIVE_SCAN = 1
# How long the beacons of a network that is to be joined are waited for: 2^3 + 1 superframes.
JOIN_DURATION = 3
FOREVER = 255
# Longer than anybody counts.
_FOREVER_S = 1 << 30
NOBODY = 0xFFFF

# What a receiver hears when nobody sends, and when somebody is next to it, in dBm.
NOISE_DBM = -98
LOUDEST_DBM = -40

# networkState.
NO_NETWORK = 0
JOINING = 1
JOINED = 2

_NETWORK = ezsp.fields_of("network", 13)
# What a host is told when a device did not get in.
_NOT_JOINED = (
    (nodes.ABSENT, commands.NO_BEACONS),
    (nodes.REFUSED, commands.JOIN_FAILED),
    (nodes.NO_KEY, commands.NO_NETWORK_KEY_RECEIVED),
    (nodes.IN_CLEAR, commands.PRECONFIGURED_KEY_REQUIRED),
)
# A device that left, beside the numbers of the update device command.
_LEFT = 2


class Formed:
    """A network was formed, joined or resumed."""

    def __init__(self, network: Network, resumed: bool) -> None:
        self.network = network
        self.resumed = resumed

    def __repr__(self) -> str:
        return "Formed(%r)" % self.network


class Left:
    """The network was left."""

    def __repr__(self) -> str:
        return "Left()"


class Permitted:
    """Devices may join for so many seconds: 0 no longer, 255 until told otherwise."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    def __repr__(self) -> str:
        return "Permitted(%d s)" % self.seconds


def dbm_of(lqi: int) -> int:
    """The signal that goes with a link quality, 0 to 255."""
    return NOISE_DBM + (LOUDEST_DBM - NOISE_DBM) * lqi // 255


class Networking(Security):
    """The commands about the network."""

    def forget(self) -> None:
        """What a reset does to memory."""
        super().forget()
        self._joining: Network | None = None
        # Until beacons were heard, the network that is looked for is not being joined yet.
        self._looking = False
        self._leaving = False
        self._scanning = False
        # A concentrator's requests: seconds to the first and between two, and when the next is due.
        self._concentrates: tuple[int, int] | None = None
        self._concentrate_ms: int | None = None

    def attach(self) -> None:
        """Has the device ask here what it needs to know."""
        super().attach()
        self.node.shows_announcements = True

    # ---- what the rest of the co-processor does ----

    def tell(self, fact: object) -> None:
        """A fact for whoever runs the co-processor."""
        raise NotImplementedError

    def drop(self, reason: str) -> None:
        """Something led to nothing."""
        raise NotImplementedError

    def callback(self, name: str, values: "dict[str, Any]") -> None:
        """Tells the host; while a command is being answered, after its answer."""
        raise NotImplementedError

    def ended(self) -> None:
        """The network is gone, and with it what was under way."""
        raise NotImplementedError

    def _status(self, status: int) -> None:
        self.callback("stack_status", {"status": status})

    # ---- beginning ----

    def do_network_init(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0017: goes on with the network that flash has."""
        if self.network_is_up or self._joining is not None or self._leaving:
            return {"status": commands.INVALID_STATE}
        if self.flash.network is None:
            return {"status": commands.NOT_JOINED}
        self._load(self.flash.network, True)
        self._up(True)
        return {}

    def _load(self, network: Network, up: bool) -> None:
        """Has the device be what flash says, or, with `up` false, remember it."""
        keys = [nodes.remembered_key(network.key_sequence, network.key)]
        if network.next_set:
            keys.append(nodes.remembered_key(network.next_sequence, network.next_key))
        addresses = ()  # type: tuple[Any, ...]
        if network.type != COORDINATOR:
            addresses = (nodes.remembered_address(network.trust_centre, nwk_frames.COORDINATOR),)
        # Numbers of before a reset would be taken for repetitions.
        begin = self._entropy.random(2)
        self.node.load(
            nodes.memory(
                up=1 if up else 0,
                coordinator=1 if network.type == COORDINATOR else 0,
                channel=network.channel,
                pan=network.pan,
                short=network.id,
                parent=NOBODY,
                extended_pan=network.extended_pan,
                update=network.update,
                depth=0 if network.type == COORDINATOR else 1,
                trust_centre=network.trust_centre,
                counter=self.flash.nwk_counter,
                sequence=begin[0],
                aps_sequence=begin[1],
                active_key=network.key_sequence,
                keys=tuple(keys),
                links=(),
                heard=(),
                addresses=addresses,
            ),
            self._now_ms,
            0,
        )
        self.put_links()

    def _up(self, resumed: bool) -> None:
        self.network_is_up = True
        self._joining = None
        self._plan_concentrating()
        self._status(commands.NETWORK_UP)
        if self.flash.network is not None:
            self.tell(Formed(self.flash.network, resumed))

    def do_network_state(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0018."""
        if self._joining is not None:
            return {"state": JOINING}
        return {"state": JOINED if self.network_is_up else NO_NETWORK}

    def do_form_network(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x001E: becomes the coordinator; the security state must have been set."""
        status = self._may_begin(given)
        if status != commands.OK or self.initial is None:
            return {"status": status}
        values = dict(given)
        if values["pan"] in (NOBODY, 0):
            values["pan"] = int.from_bytes(self._entropy.random(2), "big") % 0xFFFE + 1
        if not values["extended_pan"].strip(b"\x00"):
            values["extended_pan"] = self._entropy.random(8)
        bitmask = self.initial["bitmask"]
        values["type"] = COORDINATOR
        values["id"] = nwk_frames.COORDINATOR
        values["bitmask"] = bitmask
        values["trust_centre"] = self.flash.eui()
        values["link_key"] = self.initial["preconfigured"] if bitmask & HAVE_LINK_KEY else self._entropy.random(16)
        values["key"] = self.initial["network_key"] if bitmask & HAVE_NETWORK_KEY else self._entropy.random(16)
        values["key_sequence"] = self.initial["key_sequence"]
        self.flash.network = Network(values)
        self.dirty = True
        self._load(self.flash.network, True)
        self._up(False)
        return {}

    def _may_begin(self, given: "dict[str, Any]") -> int:
        """Whether a network can be formed or joined on that channel; the status."""
        if self.network_is_up or self._joining is not None or self._leaving:
            return commands.INVALID_STATE
        if self._scanning:
            return commands.MAC_SCANNING
        if self.initial is None:
            return commands.SECURITY_STATE_NOT_SET
        if not FIRST_CHANNEL <= given["channel"] <= LAST_CHANNEL:
            return commands.TRANSMIT_INVALID_CHANNEL
        if not -128 <= given["power"] <= 20:
            return commands.TRANSMIT_INVALID_POWER
        return commands.OK

    # ---- joining ----

    def do_join_network(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x001F: as a router, by association; what came of it is a stack status."""
        status = self._may_begin(given)
        if status != commands.OK or self.initial is None:
            return {"status": status}
        # Devices that sleep are not simulated.
        if given["type"] != ROUTER:
            return {"status": commands.INVALID_PARAMETER}
        values = dict(given)
        values["id"] = settings.NOT_JOINED_NODE
        values["bitmask"] = self.initial["bitmask"]
        values["trust_centre"] = self.initial["trust_centre"]
        values["link_key"] = self.initial["preconfigured"]
        values["key"] = self.initial["network_key"]
        values["key_sequence"] = self.initial["key_sequence"]
        self._joining = Network(values)
        self._looking = True
        self.node.scan((given["channel"],), self._now_ms, JOIN_DURATION)
        return {}

    def _heard(self, wanted: Network, networks: "list[nodes.Network]") -> None:
        """The beacons of the channel: joins the network that is wanted through whom it is heard best."""
        self._looking = False
        best = None
        for one in networks:
            fits = wanted.extended_pan in (one.extended_pan, bytes(8)) and wanted.pan in (one.pan, NOBODY)
            if fits and one.permit and one.takes_routers and (best is None or one.lqi > best.lqi):
                best = one
        if best is None:
            self._joining = None
            self._status(commands.NO_BEACONS)
            return
        self.node.needs_sealed_key = bool(wanted.bitmask & REQUIRE_ENCRYPTED_KEY)
        self.node.join(best, wanted.link_key, self._now_ms)

    def do_find_and_rejoin_network(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0021: for who was in a network, and is not its coordinator; with the network's key or without it."""
        network = self.flash.network
        if network is None or network.type == COORDINATOR or self._joining is not None or self._leaving:
            return {"status": commands.INVALID_STATE}
        if self._scanning:
            return {"status": commands.MAC_SCANNING}
        channels = given["channels"] & CHANNELS or 1 << network.channel
        if self.node.state == nodes.OFF:
            self._load(network, False)
        self.network_is_up = False
        self._joining = network
        self.node.rejoin(_channels(channels), self._now_ms, bool(given["have_key"]))
        return {}

    def _entered(self, event: nodes.Up) -> None:
        """The device got in, or came back; from now on it is in flash."""
        network = self._joining
        if network is None:
            return
        layer = self.node.nwk
        network.id = event.short
        network.pan = layer.mac.pan
        network.channel = layer.mac.channel
        if not event.rejoined:
            network.type = ROUTER
            network.extended_pan = layer.extended_pan
            network.trust_centre = self.node.trust_centre
            network.next_set = 0
        key = layer.key(layer.active_key)
        if key is not None:
            network.key, network.key_sequence = key, layer.active_key
        self.flash.network = network
        self.dirty = True
        self.put_links()
        self._up(event.rejoined)

    def _not_entered(self, event: nodes.JoinFailed) -> None:
        self._joining = None
        self.network_is_up = False
        for kind, status in _NOT_JOINED:
            if kind == event.kind:
                self._status(status)

    # ---- leaving ----

    def do_leave_network(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0020: the neighbours are told; then a stack status says that it is over."""
        if not self.network_is_up:
            return {"status": commands.INVALID_STATE}
        self._leaving = True
        self.node.leave(self._now_ms)
        self._forget_network()
        return {}

    def _forget_network(self) -> None:
        self.sync_keys()
        self.flash.forget(False)
        self.dirty = True
        self._down()

    def _down(self) -> None:
        self.network_is_up = False
        self._joining = None
        self._concentrate_ms = None
        self.ended()

    def _went(self, event: nodes.Down) -> None:
        """The device is out: the host, or somebody else, wanted it so."""
        if event.rejoins and not self._leaving:
            self.network_is_up = False
            self._joining = self.flash.network
            return
        if not self._leaving:
            self._forget_network()
        self._leaving = False
        self._status(commands.NETWORK_DOWN)
        self.tell(Left())

    def do_token_factory_reset(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0077: forgets the network and its keys; the EUI-64 stays. Hosts reset afterwards."""
        self.sync_keys()
        endpoints, bindings = self.node.zdo.endpoints, self.node.zdo.bindings
        self.node.restart(self.flash.eui(), self._now_ms)
        self.node.zdo.endpoints, self.node.zdo.bindings = endpoints, bindings
        self.flash.forget(not given["keep_outgoing"])
        self.attach()
        self.changed()
        self.dirty = True
        self._leaving = self._scanning = False
        self._down()
        return {}

    # ---- the network as it is ----

    def do_permit_joining(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0022: 0 closes, 255 leaves it open."""
        if not self.network_is_up:
            return {"status": commands.NOT_JOINED}
        seconds = given["seconds"]
        if seconds or self.permitted():
            self.node.permit(_FOREVER_S if seconds == FOREVER else seconds, self._now_ms)
            self.node.work(self._now_ms)
        else:
            self.tell(Permitted(0))
        return {}

    def permitted(self) -> bool:
        """Whether devices may join."""
        return self.node.nwk.mac.permit

    def do_get_node_id(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0027."""
        return {"id": self.node_id()}

    def do_get_network_parameters(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0028."""
        network = self.flash.network
        if network is None or not self.network_is_up:
            return {"status": commands.NOT_JOINED}
        answer = vars_of(network, _NETWORK)
        answer["type"] = network.type
        return answer

    def do_get_parent_child_parameters(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0029: end devices have a parent, and children are end devices; there are none here."""
        return {"child_count": 0, "parent_id": settings.NO_NODE}

    def do_set_radio_power(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0099."""
        if given["power"] > 20:
            return {"status": commands.TRANSMIT_INVALID_POWER}
        if self.flash.network is not None:
            self.flash.network.power = given["power"]
            self.dirty = True
        return {}

    def do_set_radio_channel(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x009A."""
        network = self.flash.network
        if network is None or not self.network_is_up:
            return {"status": commands.NOT_JOINED}
        if not FIRST_CHANNEL <= given["channel"] <= LAST_CHANNEL:
            return {"status": commands.TRANSMIT_INVALID_CHANNEL}
        if self._scanning:
            return {"status": commands.MAC_SCANNING}
        network.channel = given["channel"]
        self.node.nwk.mac.channel = network.channel
        self.dirty = True
        self._status(commands.CHANNEL_CHANGED)
        return {}

    def do_get_radio_channel(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x00FF."""
        network = self.flash.network
        return {"channel": FIRST_CHANNEL if network is None else network.channel}

    def do_get_random_number(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0049."""
        return {"value": int.from_bytes(self._entropy.random(2), "big")}

    # ---- routes ----

    def do_set_concentrator(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0010: the kind is FFF8 (low memory) or FFF9; everybody is asked to know the way here, time and again."""
        if given["on"] and given["kind"] not in (0xFFF8, 0xFFF9):
            return {"status": commands.INVALID_PARAMETER}
        self._concentrates = (given["shortest_s"], max(given["longest_s"], 1)) if given["on"] else None
        self._plan_concentrating()
        return {}

    def _plan_concentrating(self) -> None:
        self._concentrate_ms = None
        if self._concentrates is not None and self.network_is_up:
            self._concentrate_ms = self._now_ms + 1000 * self._concentrates[0]

    def _concentrate(self) -> None:
        self.node.nwk.concentrate(self._now_ms)
        self.node.work(self._now_ms)
        if self._concentrates is not None:
            self._concentrate_ms = self._now_ms + 1000 * self._concentrates[1]

    def do_send_many_to_one_route_request(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0041."""
        if not self.network_is_up:
            return {"status": commands.NETWORK_DOWN}
        self._concentrate()
        return {}

    def do_set_source_route_discovery_mode(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x005A: how long it is to the next discovery, in milliseconds."""
        due = self._concentrate_ms
        return {"remaining": 0 if due is None else max(due - self._now_ms, 0)}

    # ---- the network key's successor ----

    def do_broadcast_next_network_key(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0073: a coordinator announces it; zeros ask for a random one. It is in use from the switch on."""
        network = self.flash.network
        if network is None or not self.network_is_up or network.type != COORDINATOR:
            return {"status": commands.INVALID_STATE}
        key = given["key"]
        self.node.next_key(key if key.strip(b"\x00") else self._entropy.random(16), self._now_ms)
        self.node.work(self._now_ms)
        self.sync_keys()
        return {}

    def do_broadcast_network_key_switch(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0074: switchNetworkKey tells when it is in use here."""
        network = self.flash.network
        if network is None or not self.network_is_up or network.type != COORDINATOR or not network.next_set:
            return {"status": commands.INVALID_STATE}
        self.node.switch_key(self._now_ms)
        self.node.work(self._now_ms)
        return {}

    # ---- scans ----

    def do_start_scan(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x001A: no channels means all of them."""
        channels = given["channels"] or CHANNELS
        if self._scanning or self._joining is not None or self._leaving:
            return {"status": commands.MAC_SCANNING}
        if given["kind"] not in (ENERGY_SCAN, ACTIVE_SCAN):
            return {"status": commands.MAC_INCORRECT_SCAN_TYPE}
        if channels & ~CHANNELS:
            return {"status": commands.INVALID_CHANNEL_MASK}
        if given["duration"] > 14:
            return {"status": commands.BAD_SCAN_DURATION}
        self._scanning = True
        if given["kind"] == ENERGY_SCAN:
            self.node.scan_energy(_channels(channels), self._now_ms, given["duration"])
        else:
            self.node.scan(_channels(channels), self._now_ms, given["duration"])
        return {}

    def do_stop_scan(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x001D."""
        if self._scanning:
            self.node.stop_scan(self._now_ms)
        return {}

    def _scanned(self, networks: "list[nodes.Network]") -> None:
        """A scan is over: the host's, or that of a device that wants to join."""
        if self._joining is not None and self._looking:
            self._heard(self._joining, networks)
            return
        for one in networks:
            self.callback(
                "network_found",
                {
                    "channel": one.channel,
                    "pan": one.pan,
                    "extended_pan": one.extended_pan,
                    "permit": 1 if one.permit else 0,
                    "profile": one.stack_profile,
                    "update": one.update,
                    "lqi": one.lqi,
                    "rssi": dbm_of(one.lqi),
                },
            )
        self._scan_over()

    def _scan_over(self) -> None:
        self._scanning = False
        self.callback("scan_complete", {"channel": 0, "status": commands.OK})

    # ---- what happens ----

    def network_due_ms(self) -> "int | None":
        """When `network_tick` has something to do."""
        due = self._concentrate_ms
        other = self.key_request_due_ms()
        return other if due is None or (other is not None and other < due) else due

    def network_tick(self) -> None:
        """Does what is due."""
        if self._concentrate_ms is not None and self._now_ms >= self._concentrate_ms:
            self._concentrate()
        due = self.key_request_due_ms()
        if due is not None and self._now_ms >= due:
            self._key_established(self.key_request_over())

    def _key_established(self, told: "tuple[bytes, int]") -> None:
        self.callback("key_established", {"partner": told[0], "status": told[1]})

    def network_happened(self, event: object) -> None:
        """What the device on the air says of its network."""
        if isinstance(event, nodes.Scanned):
            self._scanned(event.networks)
        elif isinstance(event, nodes.Energy):
            rssi = dbm_of(event.lqi)
            self.callback("energy_scan_result", {"channel": event.channel, "rssi": rssi})
        elif isinstance(event, nodes.EnergyScanned):
            self._scan_over()
        elif isinstance(event, nodes.Up):
            self._entered(event)
        elif isinstance(event, nodes.JoinFailed):
            self._not_entered(event)
        elif isinstance(event, nodes.Down):
            self._went(event)
        elif isinstance(event, nodes.Permitted):
            self._status(commands.NETWORK_OPENED if event.seconds else commands.NETWORK_CLOSED)
            self.tell(Permitted(min(event.seconds, FOREVER)))
        elif isinstance(event, nodes.KeySwitched):
            self.sync_keys()
            self.callback("switch_network_key", {"sequence": event.sequence})
        elif isinstance(event, nodes.DeviceJoined):
            self._came(event.short, event.eui, event.status, event.decision, event.parent)
        elif isinstance(event, nodes.DeviceLeft):
            # Routers go too; the trust centre's host is told of those that it let in.
            if event.eui is not None and self.is_centre():
                self._came(event.short, event.eui, _LEFT, nodes.NOTHING, event.parent)
        elif isinstance(event, nwk.RouteRecorded):
            self._route_recorded(event)
        elif isinstance(event, nwk.RouteFailed):
            self._route_failed(event)
        else:
            told = self.key_happened(event)
            if told is not None:
                self._key_established(told)

    def _came(self, short: int, eui: bytes, update: int, decision: int, parent: "int | None") -> None:
        values = {"id": short, "eui": eui, "update": update, "decision": decision}  # type: dict[str, Any]
        values["parent"] = self.node_id() if parent is None else parent
        self.callback("trust_center_join", values)

    def _route_recorded(self, event: nwk.RouteRecorded) -> None:
        relays = b"".join([short.to_bytes(2, "little") for short in event.relays])
        values = {"source": event.src, "eui": event.src_eui, "lqi": event.lqi}  # type: dict[str, Any]
        values["rssi"] = dbm_of(event.lqi)
        values["count"] = len(event.relays)
        values["relays"] = relays
        self.callback("route_record", values)

    def _route_failed(self, event: nwk.RouteFailed) -> None:
        if event.status == nwk_frames.ADDRESS_CONFLICT:
            self.callback("id_conflict", {"id": event.dst})
            return
        for code, status in (
            (nwk_frames.SOURCE_ROUTE_FAILURE, commands.SOURCE_ROUTE_FAILURE),
            (nwk_frames.MANY_TO_ONE_FAILURE, commands.MANY_TO_ONE_ROUTE_FAILURE),
        ):
            if event.status == code:
                self.callback("route_error", {"status": status, "target": event.dst})
                return
        self.callback("network_status", {"code": event.status, "target": event.dst})

    def do_remove_device(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x00A8: the trust centre has a router send a device away, itself or a child of it."""
        if not self.network_is_up:
            return {"status": commands.NETWORK_DOWN}
        if not self.is_centre():
            return {"status": commands.INVALID_STATE}
        if not self.node.remove_through(given["parent"], given["parent_eui"], given["eui"], self._now_ms):
            return {"status": commands.APS_ENCRYPTION_ERROR}
        self.node.work(self._now_ms)
        return {}


def _channels(mask: int) -> "tuple[int, ...]":
    return tuple([channel for channel in range(FIRST_CHANNEL, LAST_CHANNEL + 1) if mask >> channel & 1])
