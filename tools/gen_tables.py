"""Makes the meter's tables (firmware/usecases.py, objects.py, alerts.py) out of the CSV files in tools/tables/.

    python tools/gen_tables.py                    write the tables
    python tools/gen_tables.py --check            say whether they are current; status 1 when not
    python tools/gen_tables.py --from DIRECTORY   first refresh our CSV files from the published facts in DIRECTORY

Two kinds of CSV file are here. `use_cases.csv`, `items.csv`, `alert_codes.csv` and `alert_messages.csv` hold facts taken
over from a directory of GBCS tables. The others are ours: `*_overlay.csv` say what those facts leave blank,
`attributes.csv` and `objects.csv` say which types, sizes and factory values the meter's objects have, `links.csv` says
which attributes an activation changes.
"""

import argparse
import csv
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TABLES = HERE / "tables"

ROLES = {
    "root": 0,
    "recovery": 1,
    "supplier": 2,
    "networkOperator": 3,
    "accessControlBroker": 4,
    "transitionalCoS": 5,
    "wanProvider": 6,
    "loadController": 8,
    "contingency": 9,
}
# How the published tables spell the roles.
ROLE_NAMES = {
    "Supplier": "supplier",
    "Network Operator": "networkOperator",
    "Access Control Broker": "accessControlBroker",
    "Load Controller": "loadController",
}
COMMAND_MAC, COMMAND_SIGNED, RESPONSE_MAC, RESPONSE_SIGNED = 1, 2, 4, 8
REPLAY, FUTURE, HEADER_DATE_TIME, ENCRYPTED, WITHDRAWN = 1, 2, 4, 8, 16
GET, SET, ACTION = 1, 2, 3
KINDS = {"get": GET, "set": SET, "action": ACTION}
SINGLE, TWIN, POLYPHASE = 1, 2, 4
OPTIONAL, SELECTIVE = 1, 2
CATEGORIES = {
    "SME.C.C": "mac+signed/signed",
    "SME.C.NC": "mac/mac",
}
# Use cases whose responses carry a date-time although they cannot be future-dated, with those of the same letter range.
DATED_READS = ("CS01a", "ECS17a", "ECS17b", "ECS17c", "ECS17d", "ECS17e", "ECS18a", "ECS18b", "ECS19", "ECS23", "ECS23b")


def read(name: str) -> "list[dict[str, str]]":
    """The rows of one of our CSV files."""
    with open(TABLES / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(name: str, columns: "list[str]", rows: "list[list[str]]") -> None:
    """Replaces one of our CSV files."""
    with open(TABLES / name, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def obis(text: str) -> bytes:
    """`0-0:94.44.34.10` as six octets."""
    medium, rest = text.split("-")
    channel, rest = rest.split(":")
    parts = [int(medium), int(channel)] + [int(part) for part in rest.split(".")]
    if len(parts) != 6:
        raise ValueError("not an OBIS code: " + text)
    return bytes(parts)


def key(class_id: str, obis_text: str, number: str) -> bytes:
    """Class, OBIS code and attribute or method as the nine octets of a request."""
    return int(class_id).to_bytes(2, "big") + obis(obis_text) + bytes((int(number),))


def literal(data: bytes) -> str:
    """A bytes literal of hexadecimal escapes only."""
    return 'b"' + "".join(["\\x%02x" % octet for octet in data]) + '"'


# ---- from the published tables ----


def refresh(source: Path) -> None:
    """Rewrites use_cases.csv, items.csv, alert_codes.csv and alert_messages.csv from the tables in `source`."""
    with open(source / "use-cases.csv", newline="", encoding="utf-8") as file:
        cases = list(csv.DictReader(file))
    with open(source / "dlms-usecase-map.csv", newline="", encoding="utf-8") as file:
        mapped = [row for row in csv.DictReader(file) if "ESME" in row["target_device"]]
    with open(source / "alert-codes.csv", newline="", encoding="utf-8") as file:
        alerts = list(csv.DictReader(file))
    overlay = {row["name"] for row in read("use_cases_overlay.csv")}

    rows, messages, reads = [], [], {}
    for case in cases:
        name, category = case["use_case"], case["message_type"].split(" ")[0]
        esme = "ESME" in case["device_types"] + case["devices_seen_in_rtds"]
        if category.startswith("SME.A"):
            if esme or name in ("ECS100", "ECS101", "ECS102"):
                messages.append([case["message_code"], name, case["name"], "signed" if category == "SME.A.C" else "mac"])
            continue
        if not esme and name not in overlay:
            continue
        roles = [ROLE_NAMES[role] for role in case["roles_permitted"].split(", ") if role in ROLE_NAMES]
        reads[name] = case["read_or_update"] == "Read"
        rows.append(
            [
                case["message_code"],
                name,
                case["name"],
                "asn1" if name.startswith("CS0") and name != "CS01a" else "dlms",
                CATEGORIES.get(category, ""),
                "+".join(roles),
                "yes" if case["replay_protection"] == "Yes" else "",
                "yes" if case["future_dating"] == "Yes" else "",
                "yes" if case["has_encrypted_data"] == "yes" else "",
            ]
        )
    rows.sort()
    messages.sort()
    write("use_cases.csv", ["code", "name", "title", "payload", "protection", "roles", "replay", "future", "encrypted"], rows)
    write("alert_messages.csv", ["code", "name", "title", "protection"], messages)
    write("alert_codes.csv", ["code", "meaning"], sorted([row["code"], row["meaning"]] for row in alerts))

    items: "list[list[str]]" = []
    protected: "set[str]" = {row["use_case"] for row in mapped if row["class_id"] == "30"}
    for row in mapped:
        name = row["use_case"]
        if name in protected and row["class_id"] != "30":
            # Named to say what the protected read returns: the request itself names only the class 30 object.
            continue
        kind = "action" if row["attr_or_method"] == "M" else "get" if reads[name] else "set"
        optional = "yes" if "OPTIONAL" in row["dlms_types"] else ""
        item = [name, kind, row["class_id"], row["obis"], row["number"], optional]
        if not items or items[-1][:5] != item[:5]:
            items.append(item)
    write("items.csv", ["use_case", "kind", "class", "obis", "number", "optional"], items)


def variant_mask(text: str) -> int:
    """`single+polyphase` as bits; nothing means every meter."""
    names = {"single": SINGLE, "twin": TWIN, "polyphase": POLYPHASE}
    return sum(names[name] for name in text.split("+")) if text else SINGLE | TWIN | POLYPHASE


# ---- use cases ----



def protection_of(text: str) -> int:
    """`mac+signed/signed` (command/response) as a set of bits."""
    command, response = text.split("/")
    bits = 0
    if "mac" in command:
        bits |= COMMAND_MAC
    if "signed" in command:
        bits |= COMMAND_SIGNED
    if "mac" in response:
        bits |= RESPONSE_MAC
    if "signed" in response:
        bits |= RESPONSE_SIGNED
    return bits


def roles_of(text: str) -> int:
    """`supplier+networkOperator` as a set of bits, one for each role number."""
    bits = 0
    for role in text.split("+"):
        if role:
            bits |= 1 << ROLES[role]
    return bits


def use_cases() -> str:
    """The text of firmware/usecases.py."""
    overlay = {row["name"]: row for row in read("use_cases_overlay.csv")}
    replaced: "dict[str, list[dict[str, str]]]" = {}
    for row in read("items_overlay.csv"):
        replaced.setdefault(row["use_case"], []).append(row)
    items: "dict[str, list[dict[str, str]]]" = {}
    for row in read("items.csv"):
        items.setdefault(row["use_case"], []).append(row)
    items.update(replaced)
    variants: "dict[str, int]" = {}
    for row in read("objects.csv"):
        variants[row["obis"]] = variants.get(row["obis"], 0) | variant_mask(row["variants"])

    out = [
        '"""The use cases of an electricity meter: who may send what, how it is protected, which objects it touches.',
        "",
        "Generated by tools/gen_tables.py from tools/tables/; change those and run it again.",
        "",
        "A row of USE_CASES is (message code, name, title, payload, protection, protection by role, roles, flags, items):",
        "payload DLMS or ASN1; protection an OR of COMMAND_MAC...; protection by role the (role, protection) pairs that differ;",
        "roles an OR of 1 << role number; flags an OR of REPLAY...; items the (kind, key, variants, flags) that a request may",
        "hold, in the specified order, where key is class (2), OBIS (6) and attribute or method (1), variants an OR of SINGLE...",
        "and flags OPTIONAL when a well-formed request may leave it out, SELECTIVE when it comes with an access selection.",
        'Source: GBCS section 20 and its mapping table; message codes and roles there."""',
        "",
        "GET = 1",
        "SET = 2",
        "ACTION = 3",
        "DLMS = 0",
        "ASN1 = 1",
        "COMMAND_MAC = 1",
        "COMMAND_SIGNED = 2",
        "RESPONSE_MAC = 4",
        "RESPONSE_SIGNED = 8",
        "REPLAY = 1",
        "FUTURE = 2",
        "HEADER_DATE_TIME = 4",
        "ENCRYPTED = 8",
        "WITHDRAWN = 16",
        "SINGLE = 1",
        "TWIN = 2",
        "POLYPHASE = 4",
        "OPTIONAL = 1",
        "SELECTIVE = 2",
        "",
        "USE_CASES = (",
    ]
    for row in read("use_cases.csv"):
        name = row["name"]
        more = overlay.get(name, {})
        roles = roles_of(more.get("roles") or row["roles"])
        protection = more.get("protection") or row["protection"]
        if not roles or not protection:
            raise ValueError(name + " has no roles or no protection")
        by_role = []
        for text in (more.get("by_role") or "").split(" "):
            if text:
                role, differs = text.split("=")
                by_role.append((ROLES[role], protection_of(differs)))
        future = (more.get("future") or row["future"]) == "yes"
        flags = REPLAY if (more.get("replay") or row["replay"]) == "yes" else 0
        flags |= FUTURE if future else 0
        flags |= HEADER_DATE_TIME if future or name in DATED_READS or name.startswith(("CS02b", "CS02g")) else 0
        flags |= ENCRYPTED if row["encrypted"] == "yes" else 0
        flags |= WITHDRAWN if more.get("withdrawn") == "yes" else 0
        payload = 1 if row["payload"] == "asn1" else 0
        out.append("    (")
        out.append('        %s, "%s",' % (row["code"].lower(), name))
        out.append('        "%s",' % row["title"])
        out.append(
            "        %d, %d, %s, 0x%x, %d," % (payload, protection_of(protection), tuple(by_role), roles, flags)
        )
        if payload == 0 and not items.get(name):
            raise ValueError(name + " has no items")
        if payload == 1:
            out.append("        (),")
        else:
            out.append("        (")
            for item in items[name]:
                bits = OPTIONAL if item.get("optional") == "yes" else 0
                if item["kind"] == "get" and item["class"] == "7" and item["number"] == "2":
                    bits |= SELECTIVE
                out.append(
                    "            (%d, %s, %d, %d),"
                    % (
                        KINDS[item["kind"]],
                        literal(key(item["class"], item["obis"], item["number"])),
                        variants[item["obis"]],
                        bits,
                    )
                )
            out.append("        ),")
        out.append("    ),")
    out.append(")")
    out.append("")
    out.append("# (message code, name, title, 1 when signed and 0 when it has a MAC) of the alerts a meter sends.")
    out.append("ALERT_MESSAGES = (")
    for row in read("alert_messages.csv"):
        signed = 1 if row["protection"] == "signed" else 0
        out.append('    (%s, "%s", "%s", %d),' % (row["code"].lower(), row["name"], row["title"], signed))
    out.append(")")
    return "\n".join(out) + "\n"


# ---- objects ----

TAGS = {
    "array": 1,
    "structure": 2,
    "boolean": 3,
    "bit-string": 4,
    "double-long": 5,
    "double-long-unsigned": 6,
    "octet-string": 9,
    "visible-string": 10,
    "utf8-string": 12,
    "integer": 15,
    "long": 16,
    "unsigned": 17,
    "long-unsigned": 18,
    "compact-array": 19,
    "enum": 22,
    "choice": 254,
    "any": 255,
}
INTEGER_SIZES = {5: 4, 6: 4, 15: 1, 16: 2, 17: 1, 18: 2, 22: 1}
READABLE, WRITABLE, ACTIVATION, BUFFER, DYNAMIC = 1, 2, 4, 8, 16
ACCESS = {
    "r": READABLE,
    "w": WRITABLE,
    "rw": READABLE | WRITABLE,
    "activation": READABLE | WRITABLE | ACTIVATION,
    "dynamic": READABLE | DYNAMIC,
}
OPERATIONS = ("copy", "wrap", "account", "mask", "offset", "member", "element", "now", "protects")


class Schemas:
    """Types by their text, each numbered once."""

    def __init__(self) -> None:
        self.names = {row["name"]: row["type"] for row in read("types.csv")}
        self.list: "list[tuple]" = []

    def number(self, text: str) -> int:
        """The number of the type that `text` says."""
        schema, rest = self.parse(text)
        if rest:
            raise ValueError("left over in type %r: %r" % (text, rest))
        if schema not in self.list:
            self.list.append(schema)
        return self.list.index(schema)

    def parse(self, text: str) -> "tuple[tuple, str]":
        """The type at the start of `text` and what follows it."""
        end = 0
        while end < len(text) and (text[end].isalnum() or text[end] == "-"):
            end += 1
        name, rest = text[:end], text[end:]
        if name in self.names:
            return self.parse(self.names[name] + rest)
        tag = TAGS[name]
        bounds: "tuple[int, ...]" = ()
        if rest.startswith("("):
            inside, rest = rest[1:].split(")", 1)
            low, _, high = inside.partition("..")
            bounds = (int(low), int(high or low))
        if rest[:1] in ("[", "{") and name in ("array", "compact-array", "structure", "choice"):
            closing = "]" if rest[0] == "[" else "}"
            children = []
            while rest[0] != closing:
                child, rest = self.parse(rest[1:])
                children.append(child)
                if rest[0] not in (",", "|", closing):
                    raise ValueError("neither next nor end of a type: %r" % rest)
            return (tag, *children, *bounds), rest[1:]
        return (tag, *bounds), rest


def split(text: str) -> "list[str]":
    """The parts of `a,{b,c},d` at its outermost commas, `x*3` written out."""
    parts, depth, start = [], 0, 0
    for at in range(len(text) + 1):
        if at == len(text) or (text[at] == "," and not depth):
            part = text[start:at]
            head, star, count = part.rpartition("*")
            parts.extend([head] * int(count) if star and count.isdigit() else [part])
            start = at + 1
        elif text[at] in "[{":
            depth += 1
        elif text[at] in "]}":
            depth -= 1
    return parts if text else []


def encode(schema: "tuple", text: str) -> bytes:
    """The A-XDR of a value: numbers, TRUE, "text", h:0a0b, b:0110, {structure}, [array]."""
    tag = schema[0]
    if tag == TAGS["choice"]:
        return encode(schema[1], text)
    if tag == TAGS["boolean"]:
        return b"\x03" + (b"\xff" if text == "TRUE" else b"\x00")
    if tag in INTEGER_SIZES:
        value, size = int(text), INTEGER_SIZES[tag]
        return bytes((tag,)) + value.to_bytes(size, "big", signed=tag in (5, 15, 16))
    if tag in (TAGS["structure"], TAGS["array"]):
        parts = split(text[1:-1])
        if tag == TAGS["structure"]:
            children = schema[1:]
        else:
            children = (schema[1],) * len(parts)
            if not schema[2] <= len(parts) <= schema[3]:
                raise ValueError("%d elements: %s" % (len(parts), text))
        if len(children) != len(parts):
            raise ValueError("%d elements where %d are due: %s" % (len(parts), len(children), text))
        body = b"".join([encode(child, part) for child, part in zip(children, parts)])
        return bytes((tag,)) + length_octets(len(parts)) + body
    if tag == TAGS["bit-string"]:
        if text.startswith("h:"):
            octets = bytes.fromhex(text[2:])
            return b"\x04" + length_octets(8 * len(octets)) + octets
        bits = text[2:]
        padded = bits + "0" * (-len(bits) % 8)
        octets = bytes([int(padded[at : at + 8], 2) for at in range(0, len(padded), 8)])
        return b"\x04" + length_octets(len(bits)) + octets
    octets = bytes.fromhex(text[2:]) if text.startswith("h:") else text[1:-1].encode()
    if len(schema) == 3 and not schema[1] <= len(octets) <= schema[2]:
        raise ValueError("%d octets: %s" % (len(octets), text))
    return bytes((tag,)) + length_octets(len(octets)) + octets


def length_octets(length: int) -> bytes:
    """A DLMS length."""
    if length < 0x80:
        return bytes((length,))
    return b"\x81" + bytes((length,)) if length < 0x100 else b"\x82" + length.to_bytes(2, "big")


def place(text: str) -> bytes:
    """`9000 0-0:94.44.2.0 a6` as nine octets."""
    class_id, obis_text, element = text.split(" ")
    return key(class_id, obis_text, element[1:])


def wrapped(text: str, indent: int) -> "list[str]":
    """`text` in lines of at most 120, broken at blanks, indented."""
    lines, width = [], 112 - indent
    while len(text) > width:
        cut = text.rfind(" ", 0, width + 1)
        lines.append(" " * indent + text[:cut])
        text = text[cut + 1 :]
    lines.append(" " * indent + text)
    return lines


def literals(data: bytes, indent: int) -> "list[str]":
    """`data` as lines of adjacent bytes literals and a closing comma."""
    lines = []
    for start in range(0, max(len(data), 1), 26):
        lines.append(" " * indent + literal(data[start : start + 26]))
    lines[-1] += ","
    return lines


def objects() -> str:
    """The text of firmware/objects.py."""
    schemas = Schemas()
    rows: "list[tuple[str, str, str, int, list[list[str]], list[str]]]" = []
    for row in read("objects.csv"):
        variants = variant_mask(row["variants"])
        if not rows or (rows[-1][0], rows[-1][1], rows[-1][3]) != (row["class"], row["obis"], variants):
            rows.append((row["class"], row["obis"], row["name"], variants, [], []))
        kind, number = row["element"][0], int(row["element"][1:])
        schema = schemas.number(row["type"])
        if kind == "m":
            rows[-1][5].append("            (%d, %d)," % (number, schema))
            continue
        flags = ACCESS[row["access"]]
        if row["capacity"]:
            rows[-1][4].append(["            (%d, %d, %d, %s)," % (number, schema, flags | BUFFER, row["capacity"])])
            continue
        if flags & DYNAMIC:
            factory = b""
        else:
            factory = encode(schemas.list[schema], row["factory"])
        one = "            (%d, %d, %d, %s)," % (number, schema, flags, literal(factory))
        if len(one) <= 120:
            rows[-1][4].append([one])
        else:
            lines = ["            (", "                %d, %d, %d," % (number, schema, flags)]
            rows[-1][4].append(lines + literals(factory, 16) + ["            ),"])

    out = [
        '"""The objects of an electricity meter: types, access, factory values, and what hangs together.',
        "",
        "Generated by tools/gen_tables.py from tools/tables/; change those and run it again.",
        "",
        "OBJECTS is (schemas, rows, links, limits).",
        "A schema is one of dlms.schema; the rows name them by their number.",
        "A row is (class, OBIS, name, variants, attributes, methods): variants an OR of SINGLE = 1, TWIN = 2, POLYPHASE = 4;",
        "an attribute (number, schema, flags, factory value as A-XDR, or the capacity in rows of a BUFFER); a method (number,",
        "schema of its argument). The flags are those of dlms.cosem.tree.",
        "A link is (trigger, operation, source, target, index): keys of nine octets and an operation of dlms.cosem.links.",
        "A limit is (attribute, least, most) of an integer.",
        'Source: GBCS mapping table; sizes and ranges SMETS2 section 5.7."""',
        "",
        "_SCHEMAS = (",
    ]
    for number, schema in enumerate(schemas.list):
        lines = wrapped(str(schema) + ",", 4)
        lines[-1] += "  # %d" % number
        out.extend(lines)
    out += [")", "", "_ROWS = ("]
    for class_id, obis_text, name, variants, attributes, methods in rows:
        out.append("    # %s" % obis_text)
        out.append("    (")
        out.append('        %s, %s, "%s", %d,' % (class_id, literal(obis(obis_text)), name, variants))
        for part in (attributes, [[line] for line in methods]):
            if part:
                out.append("        (")
                for lines in part:
                    out.extend(lines)
                out.append("        ),")
            else:
                out.append("        (),")
        out.append("    ),")
    out += [")", "", "_LINKS = ("]
    for row in read("links.csv"):
        source = literal(place(row["source"])) if row["source"] else 'b""'
        out.append("    # %s, %s %s" % (row["trigger"], row["operation"], row["target"]))
        out.append("    (")
        out.append("        %s, %d," % (literal(place(row["trigger"])), OPERATIONS.index(row["operation"])))
        out.append("        %s," % source)
        out.append("        %s, %s," % (literal(place(row["target"])), row["index"] or "0"))
        out.append("    ),")
    out += [")", "", "_LIMITS = ("]
    for row in read("limits.csv"):
        out.append("    (%s, %s, %s)," % (literal(place(row["attribute"])), row["low"], row["high"]))
    out += [")", "", "OBJECTS = (_SCHEMAS, _ROWS, _LINKS, _LIMITS)"]
    return "\n".join(out) + "\n"


def alert_codes() -> str:
    """The text of firmware/alerts.py."""
    out = [
        '"""Event and alert codes and what they mean.',
        "",
        "Generated by tools/gen_tables.py from tools/tables/alert_codes.csv; change that and run it again.",
        'Source: GBCS section 16, event and alert codes."""',
        "",
        "# (code, meaning), in order of code.",
        "ALERT_CODES = (",
    ]
    for row in read("alert_codes.csv"):
        meaning = row["meaning"].replace('"', "'")
        line = '    (%s, "%s"),' % (row["code"].lower(), meaning)
        if len(line) > 120:
            cut = meaning.rfind(" ", 0, 96) + 1
            parts = []
            while len(meaning) > 96:
                cut = meaning.rfind(" ", 0, 96) + 1
                parts.append(meaning[:cut])
                meaning = meaning[cut:]
            parts.append(meaning)
            line = "    (\n        %s,\n%s,\n    )," % (
                row["code"].lower(),
                "\n".join(['        "%s"' % part for part in parts]),
            )
        out.append(line)
    out.append(")")
    return "\n".join(out) + "\n"


def outputs() -> "list[tuple[Path, str]]":
    """Every generated file and its text."""
    return [
        (ROOT / "firmware" / "usecases.py", use_cases()),
        (ROOT / "firmware" / "objects.py", objects()),
        (ROOT / "firmware" / "alerts.py", alert_codes()),
    ]


def main(arguments: "list[str] | None" = None) -> int:
    """Writes or checks; the exit status."""
    parser = argparse.ArgumentParser(description="Makes the meter's tables from tools/tables/.")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 when a table is not current")
    parser.add_argument("--from", dest="source", type=Path, help="refresh our CSV files from the published tables here")
    options = parser.parse_args(arguments)
    if options.source is not None:
        if not (options.source / "use-cases.csv").is_file():
            print("there is no use-cases.csv in %s" % options.source, file=sys.stderr)
            return 2
        refresh(options.source)
    stale = []
    for path, text in outputs():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
            if not options.check:
                path.write_text(text, encoding="utf-8")
    for path in stale:
        print("%s %s" % ("not current:" if options.check else "wrote", path.relative_to(ROOT)))
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
