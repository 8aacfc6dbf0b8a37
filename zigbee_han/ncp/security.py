"""The keys of a co-processor: initial security, network key, key table, keys for devices that are about to join."""

from slotmeter.zigbee_han.ncp import commands
from slotmeter.zigbee_han.ncp.flash import COORDINATOR, LinkKey
from slotmeter.zigbee_han.ncp.settings import KEY_TABLE, TRANSIENT_KEY_S, Settings

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

    def _drop_old_keys(self) -> None:
        now_ms = self._now_ms
        self.transients = [one for one in self.transients if one.until_ms > now_ms]

    def transient_key(self, eui: bytes) -> "bytes | None":
        """The key for a device that is about to join; one for all (FF...) counts where there is none of its own."""
        self._drop_old_keys()
        for wanted in (eui, b"\xff" * 8):
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
            self.flash.set_counters(0, 0)
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
        self.dirty = True
        return {}

    def do_clear_key_table(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x00B1."""
        self.flash.keys = {}
        self.dirty = True
        return {}

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
