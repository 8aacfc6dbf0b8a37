"""Names what MicroPython does differently from CPython, above all what it does differently without saying so.

    python tools/portability.py            checks every portable file of the packages
    python tools/portability.py FILE...    checks these
    python tools/portability.py --rules    prints the rules with their reasons

What mpy-cross refuses by itself (match, `/`, [*a]) is left to it. A line that is right all the same says why:
`# portable: reason`, on the line that is reported or alone on the line above it. Status 1 when something was found.

Every rule was tried on MicroPython 1.27 and 1.29; tests/test_portability.py shows that each one fires.
"""

import ast
import sys
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from stage import portable_files  # noqa: E402

RULES = {
    "import": "a board does not have this module",
    "import-name": "this module has no such name on a board",
    "relative-import": "fails when a file is run by itself on a board; say slotmeter.",
    "attribute": "MicroPython has no such attribute",
    "builtin": "MicroPython has no such built-in",
    "keyword": "this built-in takes no keywords on MicroPython",
    "int-octets": 'takes exactly (n, "big") and no sign on MicroPython; before 1.29 a negative number encodes silently',
    "slice-step": "only a list can be sliced with a step",
    "del-slice": "a bytearray cannot lose items; a list can: say which it is",
    "inverse": "pow with a negative exponent gives a wrong result, silently",
    "bases": "there is one base class: no method resolution order, no metaclass, no class keywords",
    "hidden-method": "MicroPython never calls this method",
    "base-init": "built-in classes have no __init__ to name; say super().__init__",
    "super-property": "super() does not reach properties",
    "unstable-sort": "sorting is not stable: equal keys come out in any order",
    "dict-order": "a dictionary has no order: sort it, or say why the order does not matter",
    "bool-int": "isinstance(True, int) is False on a board",
    "struct": "struct neither checks ranges nor lengths there; use slotmeter.dlms.octets",
    "percent-dict": "% does not take a dictionary",
    "codec": "encode and decode know UTF-8 only, and ignore or refuse the rest",
    "float": "floats differ between boards; count in whole numbers",
    "type-value": "list[int] and int | None are no values; quote them, or keep them in annotations",
    "memoryview-join": "join does not take a memoryview",
}

MODULES = (
    "array",
    "binascii",
    "collections",
    "cryptolib",
    "errno",
    "gc",
    "hashlib",
    "io",
    "json",
    "machine",
    "micropython",
    "os",
    "select",
    "slotmeter",
    "struct",
    "sys",
    "time",
)
# slotmeter's own host parts.
HOST_PARTS = ("slotmeter.hal.host", "slotmeter.boards.pc")
MODULE_NAMES = {
    "collections": ("namedtuple", "OrderedDict", "deque"),
    "hashlib": ("sha256",),
    "os": ("listdir", "ilistdir", "mkdir", "remove", "rename", "rmdir", "stat", "sync", "uname", "urandom", "statvfs"),
    "time": ("gmtime", "localtime", "mktime", "sleep", "sleep_ms", "sleep_us", "ticks_add", "ticks_diff", "ticks_ms")
    + ("ticks_us", "time", "time_ns"),
    "json": ("dump", "dumps", "load", "loads"),
    "struct": ("calcsize", "pack", "pack_into", "unpack", "unpack_from"),
    "binascii": ("crc32", "hexlify", "unhexlify", "a2b_base64", "b2a_base64"),
}
ATTRIBUTES = (
    # int
    "bit_count",
    "bit_length",
    # str and bytes
    "capitalize",
    "casefold",
    "expandtabs",
    "format_map",
    "isalnum",
    "isascii",
    "isdecimal",
    "isidentifier",
    "isnumeric",
    "isprintable",
    "istitle",
    "ljust",
    "maketrans",
    "removeprefix",
    "removesuffix",
    "rjust",
    "swapcase",
    "translate",
    "zfill",
    # bytearray, memoryview, array
    "tobytes",
    "toreadonly",
    # hashlib
    "hexdigest",
    # namedtuple
    "_asdict",
    "_fields",
    "_make",
    "_replace",
    # exceptions
    "__cause__",
    "__context__",
    "__traceback__",
    "add_note",
    "strerror",
    "with_traceback",
    # objects and functions
    "__annotations__",
    "__doc__",
    "__qualname__",
    "__wrapped__",
    # random
    "getrandbits",
)
BUILTINS = (
    "BlockingIOError",
    "BrokenPipeError",
    "BufferError",
    "ConnectionError",
    "FileExistsError",
    "FileNotFoundError",
    "InterruptedError",
    "IsADirectoryError",
    "ModuleNotFoundError",
    "NotADirectoryError",
    "PermissionError",
    "ProcessLookupError",
    "RecursionError",
    "TimeoutError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "Warning",
    "ascii",
    "breakpoint",
    "format",
    "vars",
)
KEYWORD_FREE = (
    "count",
    "decode",
    "encode",
    "enumerate",
    "find",
    "from_bytes",
    "fromhex",
    "hex",
    "index",
    "range",
    "replace",
    "rsplit",
    "split",
    "splitlines",
    "to_bytes",
    "zip",
)
HIDDEN_METHODS = (
    "__class_getitem__",
    "__format__",
    "__getattribute__",
    "__index__",
    "__init_subclass__",
    "__length_hint__",
    "__post_init__",
    "__reversed__",
    "__rdivmod__",
)
GENERICS = ("bytes", "dict", "frozenset", "int", "list", "set", "str", "tuple", "type")
# What makes an order of its items, or has no use for one.
ORDERLESS = ("all", "any", "dict", "frozenset", "len", "max", "min", "set", "sorted", "sum")

Finding = tuple[int, str, str]


class Linter(ast.NodeVisitor):
    """Collects (line, rule, what) over one file."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._parents: list[ast.AST] = []
        self._imported: set[str] = set()

    def visit(self, node: ast.AST) -> None:
        method = getattr(self, "visit_" + type(node).__name__, None)
        descend = method(node) if method is not None else True
        if descend is not False:
            self._parents.append(node)
            for child in ast.iter_child_nodes(node):
                self.visit(child)
            self._parents.pop()

    def found(self, node: ast.AST, rule: str, what: str) -> None:
        self.findings.append((getattr(node, "lineno", 0), rule, what))

    # What is never evaluated on a board.

    def visit_If(self, node: ast.If) -> "bool | None":
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            self._visit_all(node.orelse)
            return False
        return None

    def visit_AnnAssign(self, node: ast.AnnAssign) -> bool:
        self._parents.append(node)
        if node.value is not None:
            self.visit(node.value)
        self._parents.pop()
        return False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> bool:
        if node.name in HIDDEN_METHODS and any(isinstance(parent, ast.ClassDef) for parent in self._parents[-1:]):
            self.found(node, "hidden-method", node.name)
        self._parents.append(node)
        self._visit_all([*node.decorator_list, *node.args.defaults, *node.args.kw_defaults, *node.body])
        self._parents.pop()
        return False

    def _visit_all(self, nodes: "list[ast.AST | None] | list[ast.stmt] | list[ast.expr]") -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    # Imports.

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._imported.add(alias.asname or alias.name)
            self._module(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level:
            self.found(node, "relative-import", "." * node.level + (node.module or ""))
            return
        module = node.module or ""
        self._module(node, module)
        for alias in node.names:
            if module in MODULE_NAMES and alias.name not in MODULE_NAMES[module]:
                self.found(node, "import-name", "%s.%s" % (module, alias.name))

    def _module(self, node: ast.AST, name: str) -> None:
        top = name.partition(".")[0]
        if top not in MODULES or name.startswith(HOST_PARTS) or name in ("os.path", "collections.abc"):
            self.found(node, "import", name)
        elif name == "struct":
            self.found(node, "struct", "import struct")

    # Names and attributes.

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in BUILTINS and isinstance(node.ctx, ast.Load):
            self.found(node, "builtin", node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        owner = node.value
        name = owner.id if isinstance(owner, ast.Name) else ""
        if node.attr in ATTRIBUTES and name != "self":
            self.found(node, "attribute", "." + node.attr)
        elif name in self._imported and name in MODULE_NAMES and node.attr not in MODULE_NAMES[name]:
            self.found(node, "import-name", "%s.%s" % (name, node.attr))
        parent = self._parents[-1] if self._parents else None
        called = isinstance(parent, ast.Call) and parent.func is node
        if not called and isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "super":
            self.found(node, "super-property", "super().%s" % node.attr)

    # Classes.

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if len(node.bases) > 1:
            self.found(node, "bases", "class %s has %d bases" % (node.name, len(node.bases)))
        if node.keywords:
            self.found(node, "bases", "class %s has keywords" % node.name)

    # Calls.

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        name = function.id if isinstance(function, ast.Name) else ""
        method = function.attr if isinstance(function, ast.Attribute) else ""
        keywords = [keyword.arg for keyword in node.keywords]
        if method in ("to_bytes", "from_bytes"):
            order = node.args[1] if len(node.args) > 1 else None
            if keywords or len(node.args) != 2 or getattr(order, "value", None) not in ("big", "little"):
                self.found(node, "int-octets", method)
        elif keywords and (method or name) in KEYWORD_FREE:
            self.found(node, "keyword", method or name)
        if method in ("encode", "decode") and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                self.found(node, "codec", "%s(%r)" % (method, first.value))
        if method == "__init__" and isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            self.found(node, "base-init", function.value.id + ".__init__")
        if (name == "sorted" or method == "sort") and "key" in keywords:
            self.found(node, "unstable-sort", "key=")
        if name == "pow" and len(node.args) == 3 and isinstance(node.args[1], ast.UnaryOp):
            self.found(node, "inverse", "pow(a, -1, m)")
        if name == "float":
            self.found(node, "float", "float()")
        if name == "deque" and len(node.args) < 2:
            self.found(node, "import-name", "deque without a maximum length")
        if name == "isinstance" and len(node.args) == 2 and _mentions(node.args[1], "int"):
            self.found(node, "bool-int", "isinstance(..., int)")
        if method in ("dump", "dumps") and keywords and keywords != ["separators"]:
            self.found(node, "keyword", "json.%s" % method)
        if name == "print" and "flush" in keywords:
            self.found(node, "keyword", "print(flush=)")
        if method == "join" and any(_mentions(argument, "memoryview") for argument in node.args):
            self.found(node, "memoryview-join", "join")
        if method in ("items", "keys", "values") and not node.args and not self._orderless():
            self.found(node, "dict-order", ".%s()" % method)

    def _orderless(self) -> bool:
        """Whether what is around the expression being visited makes its order harmless."""
        for parent in reversed(self._parents[-4:]):
            if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id in ORDERLESS:
                return True
            if isinstance(parent, ast.SetComp | ast.DictComp | ast.Compare):
                return True
            if isinstance(parent, ast.stmt):
                return False
        return False

    # Expressions.

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.value, ast.Name) and node.value.id in GENERICS:
            self.found(node, "type-value", "%s[...]" % node.value.id)
        if isinstance(node.slice, ast.Slice):
            if node.slice.step is not None and not _is_list(node.value):
                self.found(node, "slice-step", "[::step]")
            if isinstance(node.ctx, ast.Del):
                self.found(node, "del-slice", "del [a:b]")

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.UnaryOp):
                self.found(node, "del-slice", "del [-n]")

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Div):
            self.found(node, "float", "/")
        elif isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant):
            text = node.left.value
            if isinstance(node.right, ast.Dict) or (isinstance(text, str) and "%(" in text):
                self.found(node, "percent-dict", "% {...}")
        elif isinstance(node.op, ast.BitOr):
            for side in (node.left, node.right):
                if (isinstance(side, ast.Name) and side.id in GENERICS) or (
                    isinstance(side, ast.Constant) and side.value is None
                ):
                    self.found(node, "type-value", "X | Y")
                    break
        elif isinstance(node.op, ast.Pow) and isinstance(node.right, ast.UnaryOp):
            self.found(node, "float", "** -n")

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.op, ast.Div):
            self.found(node, "float", "/=")

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, float | complex):
            self.found(node, "float", repr(node.value))


def _mentions(node: ast.expr, name: str) -> bool:
    return any(isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(node))


def _is_list(node: ast.expr) -> bool:
    if isinstance(node, ast.List | ast.ListComp):
        return True
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("list", "sorted")


def allowed_lines(source: str) -> "dict[int, str]":
    """The lines that a comment excuses, and the reasons."""
    lines: dict[int, str] = {}
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type == tokenize.COMMENT and token.string.startswith("# portable:"):
            reason = token.string[len("# portable:") :].strip()
            line = token.start[0]
            lines[line] = reason
            if not token.line[: token.start[1]].strip():
                lines[line + 1] = reason
    return lines


def check(source: str, name: str = "<string>") -> "list[Finding]":
    """The findings (line, rule, what) in one file's text, sorted. An excuse without a reason excuses nothing."""
    linter = Linter()
    linter.visit(ast.parse(source, name))
    allowed = allowed_lines(source)
    return sorted(finding for finding in set(linter.findings) if not allowed.get(finding[0]))


def checked_files(arguments: "list[str]") -> "Iterator[Path]":
    """The files named, or all portable ones."""
    if arguments:
        yield from map(Path, arguments)
    else:
        for source, _ in portable_files():
            yield source


def main(arguments: "list[str]") -> int:
    """Prints what is found; the exit status."""
    if arguments == ["--rules"]:
        for rule in sorted(RULES):
            print("%-16s %s" % (rule, RULES[rule]))
        return 0
    files = findings = 0
    for path in checked_files(arguments):
        files += 1
        for line, rule, what in check(path.read_text(encoding="utf-8"), str(path)):
            findings += 1
            shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
            print("%s:%d: %s: %s: %s" % (shown, line, rule, what, RULES[rule]))
    print("portability: %d files, %d findings" % (files, findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
