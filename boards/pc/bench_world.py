"""What is around the bench's meter: what flows through it, and the networks that its messages go by.

A meter hands its messages to the home network, whose hub hands them to the wide-area network. While either is down they
wait, in order, and go out when both are up; a command does not arrive at all.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from slotmeter.boards.pc import bench_fields as fields
from slotmeter.boards.pc.bench_fields import RequestError
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.hal.virtual.house import ConstantLoad, House, LoadFile
from slotmeter.hal.virtual.switch import VirtualSwitch

if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.hal.metrology import Metrology

# Elements of import and phases of voltage of each variant.
SHAPES = {"single": (1, 1), "twin": (2, 1), "polyphase": (1, 3)}
# Options of the house in a request, and what they are when they are not there.
_HOUSE_OPTIONS = {"base": 300, "solar": 0, "car": 0, "tank": 0, "sags": 0, "swells": 0, "outages": 0}


class World:
    """The surroundings of a meter of `variant`. seed: of the house, when a request does not say another; closed: tells
    whether auxiliary switch `number` is closed.
    """

    def __init__(self, variant: str, seed: int, closed: "Callable[[int], bool]", measures: bool = True) -> None:
        # Whether anything measures before a `load` says so: a replay of messages lives through no half-hours.
        self._measures = measures
        self._elements, self._phases = SHAPES[variant]
        self._seed = seed
        self._closed = closed
        self.wan = True
        self.han = True
        # Whether there is a hub at the meter at all.
        self.hub = True
        # Messages of the meter that wait for a network.
        self.waiting: list[dict[str, Any]] = []
        self.metrology: Metrology | None
        # The relays stay where they are without power.
        self.switch: VirtualSwitch
        # What flows, as `load` and `state` tell it.
        self.load: dict[str, Any]
        self.reset()

    def reset(self) -> None:
        """Nothing flows, the networks are up, and the relays are as they leave the factory."""
        self.wan = self.han = self.hub = True
        self.waiting = []
        self.switch = VirtualSwitch()
        self._constant([0], 0, 0, None)
        if not self._measures:
            self.metrology = None

    @property
    def connected(self) -> bool:
        """Whether messages get through."""
        return self.wan and self.han and self.hub

    def set_links(self, request: "dict[str, Any]") -> None:
        """Carries out `links`."""
        wan = fields.optional(request, "wan", fields.flag)
        han = fields.optional(request, "han", fields.flag)
        self.wan = self.wan if wan is None else wan
        self.han = self.han if han is None else han

    def links(self) -> "dict[str, Any]":
        """Which networks are up, and how many messages wait."""
        return {"wan": self.wan, "han": self.han, "waiting": len(self.waiting)}

    def set_load(self, request: "dict[str, Any]") -> bool:
        """Carries out `load`; whether something else flows now."""
        if fields.optional(request, "house", fields.flag):
            self._house(request)
        elif request.get("file") is not None:
            self._file(fields.text(request, "file"))
        elif request.get("watts") is not None:
            self._constant(
                _numbers(request["watts"], "watts"),
                _number(request.get("var", 0), "var"),
                _number(request.get("export_watts", 0), "export_watts"),
                None if request.get("volts") is None else _numbers(request["volts"], "volts", 10),
            )
        else:
            given = [name for name in ("var", "export_watts", "volts") if request.get(name) is not None]
            if given:
                raise RequestError("missing-field", f"watts is missing: {given[0]} goes with it")
            return False
        return True

    def _constant(self, watts: "list[int]", var: int, export_watts: int, volts: "list[int] | None") -> None:
        wanted = max(self._elements, self._phases)
        if len(watts) > wanted:
            raise RequestError("bad-field", f"watts: this meter has {wanted}, not {len(watts)}")
        watts = watts + [0] * (wanted - len(watts))
        if volts is not None and len(volts) == 1:
            volts = volts * self._phases
        try:
            self.metrology = ConstantLoad(tuple(watts), var, export_watts, None if volts is None else tuple(volts))
        except ValueError as error:
            raise RequestError("bad-field", str(error)) from error
        flow = self.metrology.flow(0)
        self.load = {
            "watts": list(flow.import_w),
            "var": flow.var_import - flow.var_export,
            "export_watts": flow.export_w,
            "volts": [level / 10 for level in flow.volts],
        }

    def _house(self, request: "dict[str, Any]") -> None:
        given = {name: fields.count(request, name) for name in _HOUSE_OPTIONS if request.get(name) is not None}
        options = {**_HOUSE_OPTIONS, **given}
        seed = fields.optional(request, "seed", fields.count)
        seed = self._seed if seed is None else seed
        try:
            self.metrology = House(
                seed,
                self._elements,
                self._phases,
                options["base"],
                options["solar"],
                options["car"],
                options["tank"],
                closed=self._closed,
                sags=options["sags"],
                swells=options["swells"],
                outages=options["outages"],
            )
        except ValueError as error:
            raise RequestError("bad-field", str(error)) from error
        self.load = {"house": True, "seed": seed, **given}

    def _file(self, name: str) -> None:
        from slotmeter.boards.pc.load_file import read_load_file

        try:
            self.metrology = LoadFile(read_load_file(Path(name)), self._elements, self._phases)
        except SlotmeterError as error:
            raise RequestError("bad-value", str(error)) from error
        self.load = {"file": name}


def _number(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise RequestError("bad-field", f"{name} is a whole number")
    return value


def _numbers(value: Any, name: str, scale: int = 1) -> "list[int]":
    """A number, or a list of numbers, in units of 1/scale."""
    numbers = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, bool) or not isinstance(one, (int, float)):
            raise RequestError("bad-field", f"{name} is a number, or a list of them")
        try:
            scaled = round(one * scale)
        except (OverflowError, ValueError):
            scaled = -1
        if scaled < 0 or abs(scaled - one * scale) > 0.001:
            raise RequestError("bad-field", f"{name}: {one} is negative, or has too many decimals")
        numbers.append(scaled)
    if not numbers:
        raise RequestError("bad-field", f"{name} has no number")
    return numbers
