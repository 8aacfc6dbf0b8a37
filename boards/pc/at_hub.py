"""A visit to the running hub, for the commands that ask it something."""

import time
from typing import Any

from slotmeter.boards.pc import running
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.lines import Client
from slotmeter.dlms.gbcs.message import parse

# How often the hub is asked whether something has come.
_POLL_S = 0.02
# A meter that refuses says so with an alert, if at all, and no response: how long one is waited for after that.
_AFTER_ALERT_S = 2.0


class NoAnswer(SlotmeterError):
    """There is no response; alerts are what came instead."""

    def __init__(self, text: str, alerts: "list[dict[str, Any]]") -> None:
        super().__init__(text)
        self.alerts = alerts


class AtHub:
    """One visit, for a `with`. port: which running hub; None for the only one."""

    def __init__(self, port: "int | None") -> None:
        self.hub = running.find_hub(port)
        self._client = Client(self.hub.port)

    def __enter__(self) -> "AtHub":
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    def ask(self, op: str, **fields: Any) -> "dict[str, Any]":
        """The reply to one operation; SlotmeterError when it is refused."""
        reply = self._client.request(op, **fields)
        if not reply.get("ok"):
            raise SlotmeterError(str((reply.get("error") or {}).get("text", "the hub gave no reason")))
        return reply

    def devices(self) -> "list[dict[str, Any]]":
        """The device log."""
        return list(self.ask("devices")["devices"])

    def exchange(self, eui64: bytes, message: bytes, timeout_s: float) -> "list[dict[str, Any]]":
        """Sends a message to a device; its response, and the alerts that came before it. NoAnswer says why there is
        none.
        """
        device = eui64.hex().upper()
        after = int(self.ask("deliver", device=device, hex=message.hex().upper())["after"])
        until_s = time.monotonic() + timeout_s
        counter = parse(message).counter
        alerts: list[dict[str, Any]] = []
        delivered = False
        while time.monotonic() < until_s:
            reply = self.ask("arrived", after=after, device=device)
            after = int(reply["last"])
            for one in reply["arrived"]:
                mine = str(one["hex"]) == message.hex().upper()
                if one["kind"] == "response" and parse(bytes.fromhex(one["hex"]), limit=1 << 24).counter == counter:
                    return [*alerts, one]
                if one["kind"] == "alert":
                    alerts.append(one)
                elif one["kind"] == "undelivered" and mine:
                    raise NoAnswer("not delivered to %s: %s" % (device, one["text"]), alerts)
                delivered = delivered or (one["kind"] == "delivered" and mine)
            if alerts and delivered:
                until_s = min(until_s, time.monotonic() + _AFTER_ALERT_S)
                delivered = False
            time.sleep(_POLL_S)
        if alerts:
            raise NoAnswer("no response, but the alert above: the meter refuses what it is sent that way", alerts)
        state = next((one["state"] for one in self.devices() if one["eui64"] == device), "not in the log")
        raise NoAnswer("no response within %g s; the device is %s" % (timeout_s, state), alerts)
