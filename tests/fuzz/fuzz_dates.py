"""Fuzzes dates and times: what is taken keeps its octets."""

import mutate

from slotmeter.dlms import dates, obis
from slotmeter.dlms.errors import DecodeError

SEEDS = [
    bytes.fromhex(one)
    for one in (
        "07df0101ff000000008000ff",
        "07d0021dff173b3b008000ff",
        "00" * 9 + "8000ff",
        "ff" * 9 + "8000ff",
        "ffff0c19ff",
        "07dffffe01",
        "fffffeff07",
        "173b0000",
        "ff1e0005",
        "00005e2c220a",
    )
]


def parse(data):
    dates.text(data)
    if len(data) == 4:
        assert dates.parse_time(data).octets() == data
    elif len(data) == 5:
        assert dates.parse_date(data).octets() == data
        dates.parse_date(data).matches(9000)
    elif len(data) == 6:
        assert obis.parse(obis.text(data)) == data
    else:
        seconds = dates.to_seconds(data)
        if seconds is not None:
            assert dates.parse(data).octets() == data
            if 0 <= seconds < 252455616000:
                assert dates.to_seconds(dates.from_seconds(seconds)) == seconds


TARGET = mutate.Target("dlms/dates.py", SEEDS, parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
