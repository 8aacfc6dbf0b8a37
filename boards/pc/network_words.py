"""What happens in a home area network, as lines for people: one clear sentence for each fact, or none."""

from typing import TYPE_CHECKING

from slotmeter.firmware.han_station import DisplayPaired
from slotmeter.hal import radio
from slotmeter.zigbee_han import comms_hub, joiner, station, tunnel
from slotmeter.zigbee_han.key_establishment import KeyAgreed

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS_TITLE = "keys for Wireshark (Preferences, Protocols, ZigBee, Pre-configured Keys); they protect nothing"


def eui64_text(eui64: bytes) -> str:
    """As a commissioning screen has it."""
    return eui64.hex("-").upper()


def place_text(place: "radio.Place | None") -> str:
    """Where a network is."""
    return "" if place is None else "channel %d, PAN %04X" % (place.channel, place.pan)


def words(fact: object, place: "radio.Place | None" = None) -> str:
    """The sentence for a fact of a hub's or a meter's side; "" for one that says nothing to people."""
    if isinstance(fact, radio.Up):
        where = place_text(place)
        return "%s the network of hub %s%s" % (
            "back in" if fact.rejoined else "joined",
            eui64_text(fact.trust_centre),
            ", " + where if where else "",
        )
    if isinstance(fact, radio.Down):
        return "left the network, as it was told to" if fact.asked else "left the network"
    if isinstance(fact, radio.Failed):
        return "the radio does not work: %s" % fact.why
    if isinstance(fact, radio.Recovered):
        return "the radio works again, %s" % ("in its network" if fact.in_network else "and has forgotten its network")
    if isinstance(fact, radio.DeviceJoined):
        became = "was turned away: it is not in the log, or joining is not permitted"
        if fact.rejoined or fact.let_in:
            became = "came back" if fact.rejoined else "was let in"
        return "device %s %s" % (eui64_text(fact.eui64), became)
    if isinstance(fact, radio.DeviceLeft):
        return "device %s left" % eui64_text(fact.eui64)
    if isinstance(fact, KeyAgreed):
        return "agreed a key with %s by certificate (suite %d)" % (eui64_text(fact.partner), fact.suite)
    if isinstance(fact, comms_hub.Commissioned):
        return "device %s (%s) is commissioned" % (eui64_text(fact.eui64), comms_hub.KIND_NAMES[fact.kind])
    if isinstance(fact, radio.KeyShared):
        return "has a link key with %s from the hub" % eui64_text(fact.peer)
    if isinstance(fact, DisplayPaired):
        return "display %s was paired at the meter" % eui64_text(fact.eui64)
    if isinstance(fact, station.Failed):
        return "%s failed: %s" % (fact.what, fact.why)
    if isinstance(fact, joiner.HubLost):
        return "the hub does not answer any more: looking for it"
    if isinstance(fact, joiner.HubBack):
        return "the hub answers again"
    return _tunnel_words(fact)


class KeysShown:
    """The keys of a network in the words of Wireshark, each once: `known` gives those that there are now."""

    def __init__(self, known: "Callable[[], list[tuple[str, bytes]]]") -> None:
        self._known = known
        self._shown: list[bytes] = []

    def new_lines(self) -> "list[str]":
        """A line for each key that was not shown yet."""
        lines = []
        for name, key in self._known():
            if key and key not in self._shown:
                self._shown.append(key)
                lines.append('  "%s","Normal","%s"' % (":".join("%02X" % octet for octet in key), name))
        return lines


def _tunnel_words(fact: object) -> str:
    if isinstance(fact, tunnel.Opened):
        return "tunnel with %s open, for %d octets at a time" % (eui64_text(fact.peer), fact.room)
    if isinstance(fact, tunnel.Closed):
        return "tunnel with %s closed: %s" % (eui64_text(fact.peer), fact.why)
    if isinstance(fact, tunnel.Refused):
        return "no tunnel with %s: %s" % (eui64_text(fact.peer), fact.why)
    if isinstance(fact, tunnel.Undelivered):
        return "a message of %d octets for %s was given up: %s" % (len(fact.data), eui64_text(fact.peer), fact.why)
    return ""
