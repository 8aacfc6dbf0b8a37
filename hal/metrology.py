"""The metrology port: what flows through the meter, as the measuring chip would tell it.

Between two changes everything is constant, so one answer stands for a stretch of time: a meter that knows until when
it stands can count energy exactly at any rate of time, and the history does not depend on how often it asked.
"""


class Flow:
    """What flows from the moment asked about until `until_ms`. Whole numbers, none of them negative.

    import_w: W of active import, one for each element (single one, twin two: primary, secondary) or phase
    (polyphase three); export_w: W of active export, the total of all elements or phases; var_import and var_export:
    var, totals; volts: RMS in units of 0.1 V, one for each phase (single and twin one, polyphase three), 0 for a phase
    without supply; until_ms: the first millisecond since 2000 at which another flow may begin, None when no change is
    foreseen.
    """

    __slots__ = ("import_w", "export_w", "var_import", "var_export", "volts", "until_ms")

    def __init__(
        self,
        import_w: "tuple[int, ...]",
        export_w: int = 0,
        var_import: int = 0,
        var_export: int = 0,
        volts: "tuple[int, ...]" = (2400,),
        until_ms: "int | None" = None,
    ) -> None:
        self.import_w = import_w
        self.export_w = export_w
        self.var_import = var_import
        self.var_export = var_export
        self.volts = volts
        self.until_ms = until_ms

    def __repr__(self) -> str:
        return "Flow(import %s W, export %d W, var %d/%d, %s dV, until %s)" % (
            self.import_w,
            self.export_w,
            self.var_import,
            self.var_export,
            self.volts,
            self.until_ms,
        )


class Metrology:
    """The measuring front end of a meter."""

    def flow(self, now_ms: int) -> Flow:
        """What flows from `now_ms` (milliseconds since 2000, not negative) on, with the supply switched on.

        `until_ms` of the answer is later than `now_ms`. The switch of the supply is not this port's: who opens it
        counts what passes it as 0. A load that follows an auxiliary switch may change earlier than
        `until_ms`, with that switch: whoever moves a switch asks again.
        """
        raise NotImplementedError
