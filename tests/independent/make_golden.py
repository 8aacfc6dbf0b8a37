"""Writes the golden messages of tests/vectors/gbcs with the independent builder, or checks that it still builds them.

    python tests/independent/make_golden.py [--check]

Keys, counters and times are fixed, so everything but ECDSA signatures is the same each time; of those `--check` only
asks whether they verify. Each vector says its source and the clause that it is an example of.
"""

import argparse
import json
import sys
from pathlib import Path

import builder as b

FOLDER = Path(__file__).resolve().parent.parent / "vectors" / "gbcs"
SOURCE = "made by tests/independent/make_golden.py with keys of our own"

METER = bytes.fromhex("0000db1234500001")
SUPPLIER = bytes.fromhex("0090b3d51f310001")
BROKER = bytes.fromhex("0090b3d51f340001")
STRANGER = bytes.fromhex("0090b3d51f3a0001")
KEYS = {
    name: b.private_key("golden " + name)
    for name in (
        "meter ds",
        "meter ka",
        "supplier ds",
        "supplier ka",
        "supplier pp",
        "broker ka",
        "stranger ka",
        "root",
    )
}
T0 = 757382400  # 2024-01-01T00:00:00Z
HALF_HOURS = b"".join(
    b.structure(b.octets(b.date_time(T0 + 1800 * i)), b.u32(100 + i), b.u32(7 * i)) for i in range(48)
)


def z_with(name):
    return b.shared_secret(KEYS["meter ka"], b.public_key(KEYS[name]))


def vector(name, clause, octets, z=b"", signer="", plaintext=None, reader=b"", seal_counter=0):
    """One message with what is needed to check it, and its parts as the builder reads them."""
    parts = b.take_apart(octets)
    out = {
        "name": name,
        "source": SOURCE,
        "clause": clause,
        "octets": octets.hex(),
        "cra": parts.cra,
        "counter": parts.counter,
        "originator": parts.originator.hex(),
        "target": parts.target.hex(),
        "date_time": parts.at.hex(),
        "code": parts.code,
        "supplementary": parts.supplementary.hex(),
        "payload": parts.payload.hex(),
        "mac": parts.mac.hex(),
        "z": z.hex(),
        "signature": parts.signature.hex(),
        "signer_public": b.public_key(KEYS[signer]).hex() if signer else "",
    }
    if plaintext is not None:
        out["plaintext"] = plaintext.hex()
        out["encryption_z"] = z_with(reader[1]).hex()
        out["encryption_recipient"] = reader[0].hex()
        out["encryption_counter"] = seal_counter
        out["sealed"] = b.encrypt(z_with(reader[1]), METER, seal_counter, reader[0], plaintext).hex()
    return out


def envelopes():
    """One message of each kind."""
    acb, supplier = z_with("broker ka"), z_with("supplier ka")
    read = b.access_request(5001, [b.get(3, "1-0:1.8.0.255", 2), b.get(3, "1-0:1.8.0.255", 3)])
    answer = b.access_response(5001, [(1, 0, b.u32(123456)), (1, 0, b.structure(b.i8(0), b.enum(30)))])
    write = b.access_request(5002, [b.put(1, "0-0:94.44.1.1", 2, b.octets(bytes(range(40))))])
    long_read = b.access_response(5003, [(1, 0, b"\x01" + b.length(48) + HALF_HOURS)])
    alert = b.data_notification(9, b.u16(0x8F3E), b.octets(b.date_time(T0)))
    urp = STRANGER + b.number(77, 8)
    return [
        vector("non-critical command", "GBCS 7.2: a MAC by the access control broker's key",
               b.message(b.COMMAND, 5001, SUPPLIER, METER, 0x0027, read, acb), acb),
        vector("non-critical response", "GBCS 7.2: a MAC by the device's key",
               b.message(b.RESPONSE, 5001, METER, SUPPLIER, 0x0027, answer, supplier), supplier),
        vector("non-critical response with date-time", "GBCS 7.2: date-time in the grouping header",
               b.message(b.RESPONSE, 5001, METER, SUPPLIER, 0x0027, answer, supplier, at=b.date_time(T0)), supplier),
        vector("critical command", "GBCS 7.2: signed by its originator, and a MAC",
               b.message(b.COMMAND, 5002, SUPPLIER, METER, 0x00B3, write, acb, KEYS["supplier ds"]),
               acb, "supplier ds"),
        vector("critical response", "GBCS 7.2: signed by the device, no MAC",
               b.message(b.RESPONSE, 5002, METER, SUPPLIER, 0x00B3, b.access_response(5002, [(2, 0, b.null())]),
                         None, KEYS["meter ds"], at=b.date_time(T0)), b"", "meter ds"),
        vector("long response", "IEC 62056-6-2: lengths of three octets",
               b.message(b.RESPONSE, 5003, METER, SUPPLIER, 0x0033, long_read, supplier), supplier),
        vector("signed alert", "GBCS 7.2: a critical alert",
               b.message(b.ALERT, 9, METER, SUPPLIER, 0x1000, alert, None, KEYS["meter ds"]), b"", "meter ds"),
        vector("maced alert", "GBCS 7.2: a non-critical alert",
               b.message(b.ALERT, 10, METER, SUPPLIER, 0x1001, b.data_notification(10, b.u16(0x81A0)), supplier),
               supplier),
        vector("command for an unknown remote party", "GBCS 7.2: supplementary remote party and its counter",
               b.message(b.COMMAND, 600, BROKER, METER, 0x0027, b.access_request(600, [b.get(3, "1-0:1.8.0.255", 2)]),
                         acb, supplementary=urp), acb),
        vector("command for an unknown remote party with its certificate", "GBCS 7.2: key agreement certificate",
               b.message(b.COMMAND, 601, BROKER, METER, 0x0034, b.access_request(601, [b.protected_read(
                   601, STRANGER, METER, "0-0:43.2.6.255", [(7, "0-0:98.1.8.255", 2, (T0, T0 + 86400))])]), acb,
                   supplementary=urp + b.certificate(b.public_key(KEYS["stranger ka"]), 7, STRANGER, b.SUPPLIER, "ka")),
               acb),
    ]  # fmt: skip


def encrypted():
    """Protected reads, for a known and for an unknown remote party."""
    known = b.structure(b.structure(b.u32(1000), b.structure(b.i8(0), b.enum(30))))
    sealed = b.encrypt(z_with("supplier ka"), METER, 5010, SUPPLIER, known)
    answer = b.access_response(5010, [(3, 0, b.protected_answer(5010, METER, SUPPLIER, sealed))])
    supplier = z_with("supplier ka")
    first = b.message(b.RESPONSE, 5010, METER, SUPPLIER, 0x0027, answer, supplier)
    # The key binds the reader and the meter's own counter; header and protection element name the broker and his.
    own = 2005
    profile = b.structure(b"\x01" + b.length(48) + HALF_HOURS)
    sealed = b.encrypt(z_with("stranger ka"), METER, own, STRANGER, profile)
    answer = b.access_response(601, [(3, 0, b.protected_answer(601, METER, BROKER, sealed))])
    extra = STRANGER + b.number(77, 8) + b.number(own, 8)
    broker = z_with("broker ka")
    second = b.message(b.RESPONSE, 601, METER, BROKER, 0x0034, answer, broker, supplementary=extra)
    return [
        vector("protected read", "GBCS 4: encrypted to the business target", first, supplier, "", known,
               (SUPPLIER, "supplier ka"), 5010),
        vector("protected read of an unknown remote party", "GBCS 4: encrypted to the supplementary remote party",
               second, broker, "", profile, (STRANGER, "stranger ka"), own),
    ]  # fmt: skip


def tokens():
    """Top-up tokens: smallest and largest values, both classes, a counter that is cut to ten bits."""
    z = z_with("supplier pp")
    out = []
    for counter, value, pounds in (
        (1 << 32, 1, False),
        (2 << 32, 8191, False),
        (3 << 32, 50, True),
        (0x401 << 32, 8191, True),
    ):
        out.append(
            {
                "name": "%d %s at counter %d" % (value, "pounds" if pounds else "pence", counter),
                "source": SOURCE,
                "clause": "GBCS 14: prepayment top-up token",
                "originator": SUPPLIER.hex(),
                "target": METER.hex(),
                "z": z.hex(),
                "counter": counter,
                "value": value,
                "pounds": pounds,
                "utrn": b.utrn(z, SUPPLIER, METER, counter, value, pounds),
            }
        )
    return out


FILES = (("envelopes.json", envelopes), ("encrypted.json", encrypted), ("tokens.json", tokens))


def differences(made, kept):
    """Names of the vectors that are not what is built now; of a signature it counts that it verifies."""
    bad = []
    if [one["name"] for one in made] != [one["name"] for one in kept]:
        return ["the list of names"]
    for new, old in zip(made, kept, strict=True):
        for one in (new, old):
            if one.get("signature"):
                parts = b.take_apart(bytes.fromhex(one["octets"]))
                if not b.signature_is_good(bytes.fromhex(one["signer_public"]), parts.signature, parts.signed):
                    bad.append(one["name"])
                if one.get("mac") and not b.mac_is_good(bytes.fromhex(one["octets"]), bytes.fromhex(one["z"])):
                    bad.append(one["name"])
        changing = ("octets", "signature", "mac") if new.get("signature") else ()
        # A certificate is signed too, and lies in the header that the MAC covers.
        if len(new.get("supplementary", "")) > 48:
            changing = ("octets", "mac", "supplementary")
        for field in new:
            if field not in changing and new[field] != old.get(field):
                bad.append(new["name"] + ": " + field)
    return bad


def main():
    arguments = argparse.ArgumentParser(description="Golden messages of the independent builder.")
    arguments.add_argument("--check", action="store_true", help="compare instead of writing")
    check = arguments.parse_args().check
    bad = []
    for name, make in FILES:
        path = FOLDER / name
        if check:
            bad += [name + ": " + one for one in differences(make(), json.loads(path.read_text(encoding="utf-8")))]
        else:
            FOLDER.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(make(), indent=1) + "\n", encoding="utf-8")
    for one in bad:
        print(one)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
