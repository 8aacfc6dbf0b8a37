"""Every rule of the portability linter fires on what it is for, and not on what is right."""

import importlib.util
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent.parent / "tools"
sys.path.insert(0, str(TOOLS))
_spec = importlib.util.spec_from_file_location("portability", TOOLS / "portability.py")
assert _spec is not None
assert _spec.loader is not None
portability = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(portability)

WRONG = [
    ("import", "import dataclasses"),
    ("import", "import os.path"),
    ("import", "from collections.abc import Iterable"),
    ("import", "from __future__ import annotations"),
    ("import", "from slotmeter.hal.host.crypto import HostCrypto"),
    ("import-name", "from collections import defaultdict"),
    ("import-name", "import time\ntime.monotonic()"),
    ("import-name", "import os\nos.replace(a, b)"),
    ("import-name", "import hashlib\nhashlib.new('sha256')"),
    ("import-name", "queue = deque()"),
    ("relative-import", "from .axdr import decode"),
    ("attribute", "digest = sha256(data).hexdigest()"),
    ("attribute", "n.bit_length()"),
    ("attribute", "text.zfill(4)"),
    ("attribute", "data.ljust(16, b'0')"),
    ("attribute", "name.removeprefix('a')"),
    ("attribute", "row._replace(a=1)"),
    ("attribute", "view.tobytes()"),
    ("attribute", "error.strerror"),
    ("attribute", "error.__cause__"),
    ("builtin", "try:\n    f()\nexcept FileNotFoundError:\n    pass"),
    ("builtin", "format(n, 'x')"),
    ("builtin", "vars(thing)"),
    ("keyword", "text.split(',', maxsplit=1)"),
    ("keyword", "zip(a, b, strict=True)"),
    ("keyword", "json.dumps(x, indent=2)"),
    ("keyword", "print(x, flush=True)"),
    ("int-octets", "n.to_bytes(2, byteorder='big')"),
    ("int-octets", "n.to_bytes(2, 'big', signed=True)"),
    ("int-octets", "int.from_bytes(data, byteorder='big')"),
    ("int-octets", "int.from_bytes(data)"),
    ("slice-step", "data[::2]"),
    ("slice-step", "data[::-1]"),
    ("del-slice", "del data[1:3]"),
    ("del-slice", "del data[-1]"),
    ("inverse", "pow(a, -1, m)"),
    ("bases", "class A(B, C):\n    pass"),
    ("bases", "class A(metaclass=M):\n    pass"),
    ("hidden-method", "class A:\n    def __index__(self):\n        return 1"),
    ("hidden-method", "class A:\n    def __init_subclass__(cls):\n        pass"),
    ("base-init", "class A(Exception):\n    def __init__(self):\n        Exception.__init__(self, 'a')"),
    ("super-property", "class A(B):\n    def f(self):\n        return super().size"),
    ("unstable-sort", "sorted(rows, key=first)"),
    ("unstable-sort", "rows.sort(key=first)"),
    ("dict-order", "for name in table.keys():\n    f(name)"),
    ("dict-order", "rows = list(table.items())"),
    ("bool-int", "isinstance(value, int)"),
    ("bool-int", "isinstance(value, (bytes, int))"),
    ("struct", "import struct"),
    ("percent-dict", "'%(a)s' % values"),
    ("percent-dict", "b'%d' % {'a': 1}"),
    ("codec", "text.encode('ascii')"),
    ("codec", "data.decode('latin-1')"),
    ("float", "half = n / 2"),
    ("float", "n /= 2"),
    ("float", "pi = 3.14"),
    ("float", "float(n)"),
    ("float", "2 ** -1"),
    ("type-value", "Row = list[int]"),
    ("type-value", "Value = int | None"),
    ("memoryview-join", "b''.join([a, memoryview(b)])"),
]

RIGHT = [
    "import binascii\nbinascii.crc32(b'')",
    "from slotmeter.hal.store import Store",
    "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from collections.abc import Iterable",
    "def f(a: 'Iterable[int]', b: list[int] | None = None) -> dict[str, int]:\n    x: list[int] = []\n    return x",
    "n.to_bytes(2, 'big')\nint.from_bytes(data[1:3], 'big')",
    "[1, 2, 3][::-1]\nlist(data)[::-1]",
    "del table[name]\ndel rows[0]",
    "pow(a, p - 2, p)",
    "class A(B):\n    def __init__(self):\n        super().__init__('a')",
    "sorted(names)\nsorted(table.items())\nrows.sort()",
    "all(v for v in table.values())\nlen(table.keys())\nset(table.values())",
    "if name in table.keys():\n    pass",
    "isinstance(value, bool)\ntype(value) is int",
    "'%d of %s' % (n, name)\nn % 5",
    "text.encode()\ndata.decode()",
    "n // 2\nflags | 4",
    "time = field.time\ntime.hour",
    "self._fields",
    "dict(a=1)\nf(key=1)\nsorted(x, reverse=True)",
]


def rules(source: str) -> "list[str]":
    return [rule for _, rule, _ in portability.check(source)]


@pytest.mark.parametrize(("rule", "source"), WRONG, ids=["%s-%d" % (rule, n) for n, (rule, _) in enumerate(WRONG)])
def test_it_names_what_a_board_does_differently(rule: str, source: str) -> None:
    assert rules(source) == [rule]


@pytest.mark.parametrize("source", RIGHT, ids=range(len(RIGHT)))
def test_it_is_silent_about_what_is_right(source: str) -> None:
    assert rules(source) == []


def test_every_rule_has_a_reason_and_an_example() -> None:
    assert {rule for rule, _ in WRONG} == set(portability.RULES)
    assert all(portability.RULES.values())


@pytest.mark.parametrize(
    "source",
    [
        "half = n / 2  # portable: only the host's table calls this",
        "# portable: only the host's table calls this\nhalf = n / 2",
    ],
)
def test_a_line_that_says_why_is_excused(source: str) -> None:
    assert rules(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "half = n / 2  # portable:",
        "# portable: this is about the next line only\nx = 1\nhalf = n / 2",
        "x = '# portable: a string is no comment'; half = n / 2",
        "x = 1  # portable: a comment beside code is about that line\nhalf = n / 2",
    ],
)
def test_an_excuse_without_a_reason_or_elsewhere_excuses_nothing(source: str) -> None:
    assert rules(source) == ["float"]


def test_the_portable_files_are_clean() -> None:
    found = [
        "%s:%d %s %s" % (path, line, rule, what)
        for path in portability.checked_files([])
        for line, rule, what in portability.check(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_linter_reports_with_a_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.py"
    file.write_text("import struct\n")
    assert portability.main([str(file)]) == 1
    assert "bad.py:1: struct" in capsys.readouterr().out
    file.write_text("import io\n")
    assert portability.main([str(file)]) == 0
