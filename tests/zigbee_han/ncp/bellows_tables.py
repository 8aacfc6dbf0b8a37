"""A program of its own: what bellows' tables make of our octets. bellows is GPL-3.0: it is only run.

Reads JSON lines [version, number, parameters, answer] (hexadecimal) and prints, for each that bellows knows, one line
[version, number, what is wrong, or ""].
"""

import importlib
import json
import sys


def read(schema, octets):
    """Whether `schema` takes exactly these octets."""
    if not isinstance(schema, dict):
        if isinstance(schema, tuple) and not schema:
            rest = octets
        else:
            _, rest = schema.deserialize(octets)
        return "" if not rest else "%d octets left" % len(rest)
    for name, kind in schema.items():
        try:
            _, octets = kind.deserialize(octets)
        except ValueError as error:
            return "%s: %s" % (name, error)
    return "" if not octets else "%d octets left" % len(octets)


def main():
    known = {}
    for line in sys.stdin:
        version, number, parameters, answer = json.loads(line)
        if version not in known:
            table = importlib.import_module("bellows.ezsp.v%d.commands" % version).COMMANDS
            known[version] = {row[0]: row for row in table.values()}
        if number in known[version]:
            _, sent, received = known[version][number]
            wrong = read(sent, bytes.fromhex(parameters)) if parameters is not None else ""
            wrong = wrong or read(received, bytes.fromhex(answer))
            print(json.dumps([version, number, wrong]))


if __name__ == "__main__":
    main()
