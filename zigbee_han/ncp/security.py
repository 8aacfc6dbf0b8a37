"""The keys of a co-processor: initial security, network key, key table, keys for devices that are about to join.

Which link key counts with a device, at the trust centre:

    about to join    its transient key, its key of the table, the transient key for all, the key that all have
    in the network   the transient key that it joined with, while that lasts; its key of the table; its transient key;
                     the key that all have

The key that all have is what setInitialSecurityState gave, or, with HASHED_LINK_KEY, one made from it for each device:
HMAC-MMO over the EUI-64 as it is on the air. Elsewhere it is the key with the trust centre, and the key table.
"""

from slotmeter.zigbee_han.frames import aps as aps_frames
from slotmeter.zigbee_han.frames.layout import flipped
from slotmeter.zigbee_han.mmo import hmac_mmo
from slotmeter.zigbee_han.ncp import commands
from slotmeter.zigbee_han.ncp.flash import COORDINATOR, LinkKey
from slotmeter.zigbee_han.ncp.settings import (
    CENTRE_KEY_POLICY,
    CENTRE_POLICY,
    KEY_TABLE,
    TRANSIENT_KEY_S,
    Settings,
)
from slotmeter.zigbee_han.sim import aps
from slotmeter.zigbee_han.sim import node as nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Initial security (UG100, EmberInitialSecurityBitmask).
GLOBAL_LINK_KEY = 0x0004
HASHED_LINK_KEY = 0x0084
HAVE_TRUST_CENTRE = 0x0040
HAVE_LINK_KEY = 0x0100
HAVE_NETWORK_KEY = 0x0200
REQUIRE_ENCRYPTED_KEY = 0x0800
KEEP_COUNTERS = 0x1000
# Current security: these bits of the initial ones, and that there is a key.
_CURRENT = 0x0087
_HAVE_TRUST_CENTRE_KEY = 0x0010

# Kinds of keys in a context.
NETWORK_KEY = 1
TRUST_CENTRE_KEY = 2
TRANSIENT_KEY = 3
APPLICATION_KEY = 4

# What a key's metadata says it has: counters, partner, authorised.
_TABLE_KEY_BITS = 0x001E
_TRANSIENT_KEY_BITS = 0x0048
NO_INDEX = 0xFF
TRANSIENT_LIMIT = 32
EVERYBODY = b"\xff" * 8
# How many link keys that are made as they are needed are kept, for the counters under them.
MADE_LIMIT = 64

# The trust centre's policy: what is allowed.
_JOINS = 0x01
_UNSECURED_REJOINS = 0x02
_IN_CLEAR = 0x04
_IGNORE_UNSECURED_REJOINS = 0x08
_INSTALL_CODES_ONLY = 0x10
# Of key requests.
_KEYS_DENIED = 0x50
_NEW_KEYS = 0x52

# What a key establishment came to (EmberKeyStatus).
SHARED = 0x01
TIMED_OUT = 0x04
CENTRE_ANSWERED = 0x06
CENTRE_SHARED = 0x07
CENTRE_REFUSED = 0x09
CENTRE_DID_NOT_SHARE = 0x11
CENTRE_VERIFY_FAILED = 0x33
CENTRE_VERIFIED = 0x34
VERIFY_FAILED = 0x64
VERIFIED = 0x65
# How long a host waits for a key that it asked for.
KEY_REQUEST_MS = 10000


class Transient:
    """A key for a device that is about to join, until a time."""

    def __init__(self, eui: bytes, key: bytes, until_ms: int) -> None:
        self.eui = eui
        self.key = key
        self.until_ms = until_ms


class Security(Settings):
    """The commands about keys."""

    def forget(self) -> None:
        """What a reset does to memory."""
        super().forget()
        # What setInitialSecurityState said; None before it did.
        self.initial: dict[str, Any] | None = None
        self.transients: list[Transient] = []
        # Link keys that were made as they were needed, and those that devices joined with, until when.
        self._made: list[aps.Link] = []
        self._joined_with: list[tuple[aps.Link, int]] = []
        self._hashed: dict[bytes, bytes] = {}
        # What was asked of the trust centre (the partner), and until when that is waited for.
        self._asked_for: tuple[bytes, int] | None = None
        self.attach()

    def attach(self) -> None:
        """Has the device ask here what it needs to know."""
        layer = self.node.aps
        layer.finds = self._link_with
        layer.frame_counter = self.flash.aps_counter
        self.node.admits = self._admits
        self.node.gives = self._centre_key

    # ---- the keys of the device on the air ----

    def put_links(self) -> None:
        """Gives the device the link keys that flash has; counters of those that it had stay."""
        network = self.flash.network
        wanted = [(self.flash.keys[index].eui, self.flash.keys[index].key) for index in sorted(self.flash.keys)]
        if network is not None and network.type != COORDINATOR:
            wanted = [pair for pair in wanted if pair[0] != network.trust_centre]
            wanted.append((network.trust_centre, network.link_key))
        layer = self.node.aps
        links = []
        for eui, key in wanted:
            old = layer.kept_link(eui)
            links.append(old if old is not None and old.key == key else aps.Link(eui, key))
        layer.links = links

    def sync_keys(self) -> None:
        """Takes counters, and the network's keys, from the device."""
        layer = self.node.aps
        if self.flash.count(self.node.nwk.counter, layer.frame_counter or 0):
            self.dirty = True
        for index in sorted(self.flash.keys):
            one = self.flash.keys[index]
            link = layer.kept_link(one.eui)
            if link is not None and link.key == one.key:
                one.outgoing, one.incoming = link.counter, link.expected
        network = self.flash.network
        if network is None or self.node.state != nodes.UP:
            return
        active = self.node.nwk.active_key
        for sequence, key in self.node.nwk.keys:
            if sequence == active and (key != network.key or sequence != network.key_sequence):
                network.key, network.key_sequence, network.next_set = key, sequence, 0
                self.dirty = True
            elif sequence == active + 1 & 0xFF and key != network.next_key:
                network.next_key, network.next_sequence, network.next_set = key, sequence, 1
                self.dirty = True

    def is_centre(self) -> bool:
        """Whether this is the network's trust centre."""
        network = self.flash.network
        return network is not None and network.type == COORDINATOR

    def _link_with(self, partner: "bytes | None") -> "aps.Link | None":
        kept = self.node.aps.kept_link(partner)
        if not self.is_centre() or partner is None or partner == self.flash.eui():
            return kept
        for link, until_ms in self._joined_with:
            if link.partner == partner and until_ms > self._now_ms:
                return link
        if kept is not None:
            return kept
        key = self.transient_key(partner, False) or self._key_of_all(partner)
        return None if key is None else self._made_link(partner, key)

    def _made_link(self, partner: bytes, key: bytes) -> aps.Link:
        for link in self._made:
            if link.partner == partner and link.key == key:
                return link
        link = aps.Link(partner, key)
        self._made = self._made[-MADE_LIMIT + 1 :] + [link]
        return link

    def _key_of_all(self, eui: bytes) -> "bytes | None":
        """The key that every device has, or is made for each."""
        network = self.flash.network
        if network is None or not network.bitmask & GLOBAL_LINK_KEY:
            return None
        if network.bitmask & HASHED_LINK_KEY != HASHED_LINK_KEY:
            return network.link_key
        found = self._hashed.get(eui)
        if found is None:
            if len(self._hashed) >= MADE_LIMIT:
                self._hashed = {}
            found = self._hashed[eui] = hmac_mmo(self.node.crypto, network.link_key, flipped(eui))
        return found

    def _admits(self, eui: bytes, status: int) -> "tuple[int, aps.Link | None]":
        """What is done with a device that wants the network key: a decision of Node, and the link key for it."""
        policy = self.policies[CENTRE_POLICY]
        link: aps.Link | None
        if status == aps_frames.UNSECURED_REJOIN:
            if policy & _IGNORE_UNSECURED_REJOINS:
                return nodes.NOTHING, None
            link = self._link_with(eui) if policy & _UNSECURED_REJOINS else None
        else:
            link = self._link_to_join(eui, policy) if policy & _JOINS else None
            if policy & _JOINS and policy & _IN_CLEAR:
                return nodes.KEY_IN_CLEAR, None
        return (nodes.DENIED, None) if link is None else (nodes.KEY_SEALED, link)

    def _link_to_join(self, eui: bytes, policy: int) -> "aps.Link | None":
        kept = self.node.aps.kept_link(eui)
        key = self.transient_key(eui, False)
        only_own = bool(policy & _INSTALL_CODES_ONLY)
        if key is None and kept is not None:
            return kept
        if key is None and not only_own:
            key = self.transient_key(EVERYBODY, False)
        if key is not None:
            link = self._made_link(eui, key)
            until_ms = self._now_ms + 1000 * self.size(TRANSIENT_KEY_S)
            self.forget_joining(eui)
            self._joined_with = self._joined_with[-TRANSIENT_LIMIT + 1 :] + [(link, until_ms)]
            return link
        key = None if only_own else self._key_of_all(eui)
        return None if key is None else self._made_link(eui, key)

    def forget_joining(self, eui: bytes) -> None:
        """The key that a device joined with counts no more."""
        self._joined_with = [pair for pair in self._joined_with if pair[0].partner != eui]

    def _centre_key(self, eui: bytes) -> "bytes | None":
        """The link key with this trust centre that a device gets when it asks."""
        policy = self.policies[CENTRE_KEY_POLICY]
        if policy == _KEYS_DENIED:
            return None
        kept = self.node.aps.kept_link(eui)
        if kept is not None:
            return kept.key
        key = self._key_of_all(eui)
        if key is None and policy == _NEW_KEYS:
            key = self._entropy.random(16)
            if self._store(NO_INDEX, eui, key) != commands.OK:
                return None
        return key

    def _drop_old_keys(self) -> None:
        now_ms = self._now_ms
        self.transients = [one for one in self.transients if one.until_ms > now_ms]

    def transient_key(self, eui: bytes, or_for_all: bool = True) -> "bytes | None":
        """The key for a device that is about to join; one for all (FF...) counts where there is none of its own."""
        self._drop_old_keys()
        for wanted in (eui, EVERYBODY) if or_for_all else (eui,):
            for one in self.transients:
                if one.eui == wanted:
                    return one.key
        return None

    def do_set_initial_security_state(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0068: before forming or joining."""
        if self.network_is_up:
            return {"status": commands.INVALID_STATE}
        self.initial = dict(given)
        # It wipes what security there was; the counters too, unless told otherwise.
        self.flash.keys = {}
        if not given["bitmask"] & KEEP_COUNTERS:
            self.set_counters(0, 0)
        self.dirty = True
        return {}

    def do_get_current_security_state(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0069: a coordinator is its own trust centre, and hosts look whether it is."""
        network = self.flash.network
        if network is None or not self.network_is_up:
            return {"status": commands.NOT_JOINED}
        centre = self.flash.eui() if network.type == COORDINATOR else network.trust_centre
        bits = network.bitmask & _CURRENT
        if network.bitmask & (HAVE_LINK_KEY | GLOBAL_LINK_KEY):
            bits |= _HAVE_TRUST_CENTRE_KEY
        return {"bitmask": bits, "trust_centre": centre}

    # ---- keys by context ----

    def _by_context(self, given: "dict[str, Any]") -> "bytes | None":
        self.sync_keys()
        network = self.flash.network
        kind = given["kind"]
        if kind == NETWORK_KEY and network is not None:
            if given["index"] == 0:
                return network.key
            return network.next_key if given["index"] == 1 and network.next_set else None
        if kind == TRUST_CENTRE_KEY and network is not None:
            return network.link_key
        if kind == TRANSIENT_KEY:
            return self.transient_key(given["eui"])
        if kind == APPLICATION_KEY:
            found = self._link_key(given)
            return None if found is None else found.key
        return None

    def _link_key(self, given: "dict[str, Any]") -> "LinkKey | None":
        index = self._index_of(given["eui"]) if given["eui"].strip(b"\x00") else given["index"]
        return self.flash.keys.get(index)

    def _index_of(self, eui: bytes) -> int:
        for index in sorted(self.flash.keys):
            if self.flash.keys[index].eui == eui:
                return index
        return NO_INDEX

    def do_export_key(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0114: the key that the context means; from version 14 on the context comes back."""
        key = self._by_context(given)
        answer = dict(given)
        answer["status"] = commands.NOT_FOUND if key is None else commands.OK
        answer["key"] = key
        return answer

    def do_import_key(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0115: the trust centre's key, or one of the key table. The network's key is set by forming and joining."""
        answer = dict(given)
        network = self.flash.network
        kind = given["kind"]
        if kind == TRUST_CENTRE_KEY and network is not None:
            network.link_key = given["key"]
            self._hashed = {}
            self.put_links()
            self.dirty = True
        elif kind == APPLICATION_KEY:
            answer["status"] = self._store(given["index"], given["eui"], given["key"])
        else:
            answer["status"] = commands.INVALID_STATE
        return answer

    def do_get_network_key_info(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0116."""
        network = self.flash.network
        if network is None:
            return {"status": commands.NOT_JOINED}
        self.sync_keys()
        return {
            "set": 1,
            "alternate_set": network.next_set,
            "sequence": network.key_sequence,
            "alternate_sequence": network.next_sequence,
            "counter": self.flash.nwk_counter,
        }

    def do_get_aps_key_info(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x010C."""
        answer = dict(given)
        self.sync_keys()
        found = self._link_key(given) if given["kind"] == APPLICATION_KEY else None
        if found is not None:
            self._describe(answer, found)
        elif given["kind"] == TRUST_CENTRE_KEY and self.flash.network is not None:
            answer["eui"] = self.flash.network.trust_centre
            answer["key_bits"] = _TABLE_KEY_BITS
            answer["outgoing"] = self.flash.aps_counter
        else:
            answer["status"] = commands.NOT_FOUND
        return answer

    def _describe(self, answer: "dict[str, Any]", found: LinkKey) -> None:
        answer["eui"] = found.eui
        answer["key"] = found.key
        answer["key_bits"] = _TABLE_KEY_BITS
        answer["outgoing"] = found.outgoing
        answer["incoming"] = found.incoming

    # ---- the key table ----

    def _store(self, index: int, eui: bytes, key: bytes) -> int:
        """Puts a key at `index`, or at a free place for NO_INDEX; the status."""
        size = self.size(KEY_TABLE)
        if index == NO_INDEX:
            index = self._index_of(eui)
        if index == NO_INDEX:
            index = 0
            while index < size and index in self.flash.keys:
                index += 1
            if index == size:
                return commands.FULL
        if index >= size:
            return commands.INVALID_INDEX
        if eui == self.flash.eui() or not eui.strip(b"\x00"):
            return commands.INVALID_PARAMETER
        other = self._index_of(eui)
        if other not in (NO_INDEX, index):
            del self.flash.keys[other]
        self.flash.keys[index] = LinkKey(eui, key)
        self.forget_joining(eui)
        self.put_links()
        self.dirty = True
        return commands.OK

    def do_import_link_key(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x010E."""
        return {"status": self._store(given["index"], given["eui"], given["key"])}

    def do_export_link_key_by_index(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x010F: beyond the table INVALID_INDEX, where no key is NOT_FOUND."""
        index = given["index"]
        if index >= self.size(KEY_TABLE):
            return {"status": commands.INVALID_INDEX}
        return self._exported(index)

    def do_export_link_key_by_eui(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x010D."""
        return self._exported(self._index_of(given["eui"]))

    def _exported(self, index: int) -> "dict[str, Any]":
        self.sync_keys()
        found = self.flash.keys.get(index)
        answer: dict[str, Any] = {"kind": APPLICATION_KEY, "index": index}
        if found is None:
            answer["status"] = commands.NOT_FOUND
        else:
            self._describe(answer, found)
        return answer

    def do_find_key_table_entry(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0075: FF when there is none; an EUI-64 of zeros asks for a free place."""
        if given["eui"].strip(b"\x00"):
            return {"index": self._index_of(given["eui"])}
        free = [index for index in range(self.size(KEY_TABLE)) if index not in self.flash.keys]
        return {"index": free[0] if free else NO_INDEX}

    def do_erase_key_table_entry(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0076."""
        if given["index"] >= self.size(KEY_TABLE):
            return {"status": commands.INVALID_INDEX}
        self.flash.keys.pop(given["index"], None)
        self.put_links()
        self.dirty = True
        return {}

    def do_clear_key_table(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x00B1."""
        self.flash.keys = {}
        self.put_links()
        self.dirty = True
        return {}

    # ---- keys that the trust centre gives ----

    def do_request_link_key(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0014: a link key with another device; with the trust centre, a new one with it."""
        partner = given["partner"]
        network = self.flash.network
        if network is None or not self.network_is_up or self.is_centre():
            return {"status": commands.INVALID_STATE}
        if self._asked_for is not None:
            return {"status": commands.BUSY}
        if partner == network.trust_centre:
            asked = self.node.renew_link_key(self._now_ms)
        else:
            asked = self.node.request_link_key(partner, self._now_ms)
        if not asked:
            return {"status": commands.INVALID_STATE}
        self._asked_for = (partner, self._now_ms + KEY_REQUEST_MS)
        return {}

    def do_update_tc_link_key(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x006C: a new link key with the trust centre."""
        network = self.flash.network
        centre = b"" if network is None else network.trust_centre
        return self.do_request_link_key({"partner": centre})

    def key_happened(self, event: object) -> "tuple[bytes, int] | None":
        """What the host is told of an event of the device about keys, as (partner, status); None: it is none."""
        if isinstance(event, nodes.KeyShared):
            self._asked_for = None
            link = self.node.aps.kept_link(event.partner)
            if link is not None:
                self._store(NO_INDEX, event.partner, link.key)
            return event.partner, SHARED
        if isinstance(event, nodes.KeyAsked):
            if event.eui == event.partner:
                return event.eui, CENTRE_ANSWERED if event.given else CENTRE_REFUSED
            return event.eui, CENTRE_SHARED if event.given else CENTRE_DID_NOT_SHARE
        if isinstance(event, nodes.KeyVerified):
            return self._verified(event)
        return None

    def _verified(self, event: nodes.KeyVerified) -> "tuple[bytes, int]":
        if event.eui != self.flash.eui():
            if event.ok:
                self.forget_joining(event.eui)
                self.transients = [one for one in self.transients if one.eui != event.eui]
            return event.eui, CENTRE_VERIFIED if event.ok else CENTRE_VERIFY_FAILED
        self._asked_for = None
        centre = self.node.trust_centre
        link = self.node.aps.kept_link(centre)
        network = self.flash.network
        if event.ok and link is not None and network is not None:
            network.link_key = link.key
            self.dirty = True
        return centre, VERIFIED if event.ok else VERIFY_FAILED

    def key_request_due_ms(self) -> "int | None":
        """Until when a key is waited for."""
        return None if self._asked_for is None else self._asked_for[1]

    def key_request_over(self) -> "tuple[bytes, int]":
        """Nobody gave the key."""
        partner = b"" if self._asked_for is None else self._asked_for[0]
        self._asked_for = None
        self.node.keep_link_key()
        return partner, TIMED_OUT

    # ---- keys for devices that are about to join ----

    def do_import_transient_key(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0111: lasts as long as configuration 36 says, and not beyond a reset."""
        self._drop_old_keys()
        self.transients = [one for one in self.transients if one.eui != given["eui"]]
        if len(self.transients) >= TRANSIENT_LIMIT:
            return {"status": commands.FULL}
        until_ms = self._now_ms + 1000 * self.size(TRANSIENT_KEY_S)
        self.transients.append(Transient(given["eui"], given["key"], until_ms))
        return {}

    def do_export_transient_key_by_index(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0112."""
        self._drop_old_keys()
        if given["index"] >= len(self.transients):
            return {"status": commands.NOT_FOUND}
        return self._exported_transient(given["index"])

    def do_export_transient_key_by_eui(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0113."""
        self._drop_old_keys()
        for index in range(len(self.transients)):
            if self.transients[index].eui == given["eui"]:
                return self._exported_transient(index)
        return {"status": commands.NOT_FOUND}

    def _exported_transient(self, index: int) -> "dict[str, Any]":
        one = self.transients[index]
        return {
            "kind": TRANSIENT_KEY,
            "index": index,
            "eui": one.eui,
            "key": one.key,
            "key_bits": _TRANSIENT_KEY_BITS,
            "ttl": min((one.until_ms - self._now_ms) // 1000, 0xFFFF),
        }

    def do_clear_transient_link_keys(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x006B."""
        self.transients = []
        return {}
