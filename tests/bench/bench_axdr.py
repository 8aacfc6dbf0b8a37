"""Encodes and decodes 48 half-hours {date-time, u32, u32} beside PyPI's dlms-cosem, which is no dependency.

    python tests/bench/bench_axdr.py [--rounds 15]

Both sides are measured in turns in one process, process time, the best of all rounds. Decoding is without a schema on
both sides. Encoding is measured from plain rows (ours packs them by their schema, the peer has to build
its objects) and from trees that were built beforehand.
"""

import argparse

from timing import best_of

from slotmeter.dlms import axdr, schema

ROW = schema.parse("structure{octet-string(12),double-long-unsigned,double-long-unsigned}")


def half_hours(count):
    """Rows as plain tuples: time of the half-hour, import and export."""
    rows = []
    for i in range(count):
        moment = bytes((0x07, 0xDF, 1, 1 + i // 48 % 28, 0xFF, i // 2 % 24, i % 2 * 30, 0, 0, 0x80, 0, 0xFF))
        rows.append((moment, 1000 * i, 77 * i))
    return rows


def measure(rounds=15):
    """A list of (what, ours in microseconds, the peer's or None, factor wanted or None)."""
    rows = half_hours(48)
    tree = (
        axdr.ARRAY,
        [
            (axdr.STRUCTURE, [(axdr.OCTET_STRING, a), (axdr.DOUBLE_LONG_UNSIGNED, b), (axdr.DOUBLE_LONG_UNSIGNED, c)])
            for a, b, c in rows
        ],
    )
    codec = schema.RowCodec(ROW)
    octets = axdr.encode(tree)
    assert codec.array(rows) == octets
    compact = codec.compact_array(rows)
    functions = [
        lambda: axdr.encode(tree),
        lambda: codec.array(rows),
        lambda: axdr.decode_whole(octets),
        lambda: axdr.skip(octets),
        lambda: codec.compact_array(rows),
        lambda: axdr.decode_whole(compact),
    ]
    try:
        from dlms_cosem import a_xdr, dlms_data
    except ImportError:
        peer = []
    else:
        objects = dlms_data.DataArray(
            value=[
                dlms_data.DataStructure(
                    value=[
                        dlms_data.OctetStringData(value=a),
                        dlms_data.DoubleLongUnsignedData(value=b),
                        dlms_data.DoubleLongUnsignedData(value=c),
                    ]
                )
                for a, b, c in rows
            ]
        )
        form = a_xdr.EncodingConf([a_xdr.Sequence(attribute_name="data")])
        assert objects.to_bytes() == octets
        assert len(a_xdr.AXdrDecoder(encoding_conf=form).decode(bytearray(octets))["data"]) == 48

        def build():
            return dlms_data.DataArray(
                value=[
                    dlms_data.DataStructure(
                        value=[
                            dlms_data.OctetStringData(value=a),
                            dlms_data.DoubleLongUnsignedData(value=b),
                            dlms_data.DoubleLongUnsignedData(value=c),
                        ]
                    )
                    for a, b, c in rows
                ]
            ).to_bytes()

        peer = [objects.to_bytes, build, lambda: a_xdr.AXdrDecoder(encoding_conf=form).decode(bytearray(octets))]
    times = best_of(functions + peer, rounds, 40)
    encoding, building, decoding = times[6:] if peer else (None, None, None)
    return [
        ("encode, plain rows", times[1], building, 4),
        ("encode, rows beside a ready tree", times[1], encoding, 4),
        ("encode, ready tree", times[0], encoding, None),
        ("decode, no schema", times[2], decoding, 4),
        ("skip, no schema", times[3], None, None),
        ("encode compact-array, rows of a schema", times[4], None, None),
        ("decode compact-array", times[5], None, None),
    ]


def main():
    arguments = argparse.ArgumentParser(description="A-XDR: 48 half-hours, 1250 octets.")
    arguments.add_argument("--rounds", type=int, default=15)
    results = measure(arguments.parse_args().rounds)
    print("48 x {date-time, u32, u32}, 1250 octets%10s%14s%9s%9s" % ("us", "dlms-cosem us", "factor", "wanted"))
    for what, ours, peers, wanted in results:
        beside = "%14.1f%9.1f" % (peers, peers / ours) if peers else "%14s%9s" % ("-", "-")
        print("%-40s%9.1f%s%9s" % (what, ours, beside, wanted or "-"))
    if results[0][2] is None:
        print("dlms-cosem is not installed: pip install dlms-cosem shows its figures here too.")


if __name__ == "__main__":
    main()
