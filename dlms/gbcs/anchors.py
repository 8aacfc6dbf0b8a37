"""Trust anchor cells, counters per remote party, the device's own keys and the secrets agreed with them.

Everything lives in records, so that one command's changes to them are durable together:

    t.<role>.<usage>.<cell usage>   a trust anchor cell
    n.<role>                        the counter of a remote party (GBCS 4.3.1.5: replay protection)
    n.own                           the device's own originator counter: the next one to be used
    k.<usage>, .c, .p               own private key, own certificate, pending key pair (CS02c until CS02d)
    z                               shared secrets given from outside instead of computed
"""

from slotmeter.dlms.gbcs.roles import ESME_CELLS, KEY_AGREEMENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.records import Records


class Cell:
    """One trust anchor cell.

    entity_id: EUI-64 of the holder (eight zero octets for root); key_id: subject key identifier, 8 octets;
    public_key: 64 octets, or b"" for a root known by its key identifier alone; certificate: DER or b"".
    """

    def __init__(
        self,
        role: int,
        usage: int,
        cell_usage: int,
        entity_id: bytes,
        key_id: bytes,
        public_key: bytes,
        certificate: bytes,
    ) -> None:
        self.role = role
        self.usage = usage
        self.cell_usage = cell_usage
        self.entity_id = entity_id
        self.key_id = key_id
        self.public_key = public_key
        self.certificate = certificate

    def __repr__(self) -> str:
        return "Cell(role=%d, usage=%02x, cell_usage=%d, entity=%s, key_id=%s)" % (
            self.role,
            self.usage,
            self.cell_usage,
            self.entity_id.hex(),
            self.key_id.hex(),
        )


def _cell_name(role: int, usage: int, cell_usage: int) -> str:
    return "t.%d.%02x.%d" % (role, usage, cell_usage)


class Anchors:
    """The trust anchor cells and the counter of each remote party."""

    def __init__(self, records: "Records", places: "tuple[tuple[int, int, int], ...]" = ESME_CELLS) -> None:
        self._records = records
        self.places = places
        self._cells: dict[tuple[int, int, int], Cell] = {}
        self._roles: dict[bytes, tuple[int, ...]] = {}
        self.reload()

    def reload(self) -> None:
        """Reads the cells again, as after a rollback of the records."""
        cells = {}
        holders: dict[bytes, list[int]] = {}
        for role, usage, cell_usage in self.places:
            octets = self._records.get(_cell_name(role, usage, cell_usage))
            if octets is None:
                continue
            key_end = 17 + octets[16]
            cell = Cell(
                role, usage, cell_usage, octets[:8], octets[8:16], octets[17:key_end], octets[key_end:]
            )
            cells[(role, usage, cell_usage)] = cell
            roles = holders.setdefault(cell.entity_id, [])
            if role not in roles:
                roles.append(role)
        self._cells = cells
        self._roles = {}
        for entity_id in holders:
            self._roles[entity_id] = tuple(holders[entity_id])

    def has_place(self, role: int, usage: int, cell_usage: int = 0) -> bool:
        """Whether the device has such a cell at all, filled or not."""
        return (role, usage, cell_usage) in self.places

    def cell(self, role: int, usage: int, cell_usage: int = 0) -> "Cell | None":
        """The cell, or None when it is empty or the device has none."""
        return self._cells.get((role, usage, cell_usage))

    def cells(self, role: int) -> "list[Cell]":
        """The filled cells of a role: digital signature, key agreement, key agreement for top-ups."""
        return [self._cells[place] for place in self.places if place[0] == role and place in self._cells]

    def roles_of(self, entity_id: bytes) -> "tuple[int, ...]":
        """The roles whose cells `entity_id` holds, lowest place first; () for a stranger."""
        return self._roles.get(entity_id, ())

    def put_cell(self, cell: Cell) -> None:
        """Fills a cell; counters stay as they are."""
        octets = b"".join(
            (cell.entity_id, cell.key_id, bytes((len(cell.public_key),)), cell.public_key, cell.certificate)
        )
        self._records.put(_cell_name(cell.role, cell.usage, cell.cell_usage), octets)
        self.reload()

    def clear_cell(self, role: int, usage: int, cell_usage: int = 0) -> None:
        """Empties a cell."""
        self._records.drop(_cell_name(role, usage, cell_usage))
        self.reload()

    def counter(self, role: int) -> int:
        """The highest originator counter accepted from the role, or its floor."""
        octets = self._records.get("n.%d" % role)
        return 0 if octets is None else int.from_bytes(octets, "big")

    def set_counter(self, role: int, value: int) -> None:
        """Sets the counter of a role: a command's counter, or a floor given by CS02b."""
        self._records.put("n.%d" % role, value.to_bytes(8, "big"))

    def own_counter(self) -> int:
        """The originator counter that the device's next own message uses."""
        octets = self._records.get("n.own")
        return 0 if octets is None else int.from_bytes(octets, "big")

    def set_own_counter(self, value: int) -> None:
        """Sets what `take_own_counter` gives next."""
        self._records.put("n.own", value.to_bytes(8, "big"))

    def take_own_counter(self) -> bytes:
        """A counter for a message of the device's own, 8 octets; it is never given again."""
        value = self.own_counter()
        self.set_own_counter(value + 1)
        return value.to_bytes(8, "big")


class DeviceKeys:
    """The device's own key pairs: one to sign, one to agree keys."""

    def __init__(self, records: "Records") -> None:
        self._records = records

    def private(self, usage: int) -> bytes:
        """The private key in use, 32 octets; b"" when the device has none (a cast with given secrets)."""
        return self._records.get("k.%02x" % usage) or b""

    def certificate(self, usage: int) -> bytes:
        """The certificate in use, DER; b"" when none is held."""
        return self._records.get("k.%02x.c" % usage) or b""

    def pending(self, usage: int) -> "tuple[bytes, bytes] | None":
        """The key pair that waits for its certificate: public key, private key (b"" when only the former is known)."""
        octets = self._records.get("k.%02x.p" % usage)
        return None if octets is None else (octets[:64], octets[64:])

    def set_pending(self, usage: int, public: bytes, private: bytes) -> None:
        """Keeps a fresh key pair until its certificate comes; an earlier one is forgotten."""
        self._records.put("k.%02x.p" % usage, public + private)

    def put(self, usage: int, private: bytes, certificate: bytes) -> None:
        """Takes a key pair into use; the pending one, if any, is done with."""
        self._records.put("k.%02x" % usage, private)
        self._records.put("k.%02x.c" % usage, certificate)
        self._records.drop("k.%02x.p" % usage)


class Secrets:
    """Shared secrets of the device's key agreement key with static public keys, cached (it is 27 times the speed).

    The cache is key material. `forget` empties it; whoever replaces a credential calls it.
    """

    # More peers than an ESME has cells, and room for unknown remote parties.
    LIMIT = 32

    def __init__(self, records: "Records", crypto: "Crypto", keys: DeviceKeys, cached: bool = True) -> None:
        self._records = records
        self._crypto = crypto
        self._keys = keys
        self._cached = cached
        self._z: dict[bytes, bytes] = {}

    def __repr__(self) -> str:
        return "Secrets(%d held)" % len(self._z)

    def give(self, secrets: "dict[bytes, bytes]") -> None:
        """Keeps secrets computed elsewhere: public key (64 octets) to Z (32 octets). They outlive `forget`."""
        self._records.put("z", b"".join([public + secrets[public] for public in sorted(secrets)]))
        self.forget()

    def forget(self) -> None:
        """Drops every cached secret."""
        self._z = {}

    def z(self, public: bytes) -> bytes:
        """The 32-octet shared secret with `public`; HalError(BAD_KEY) for what is not a key."""
        z = self._z.get(public)
        if z is None:
            z = self._given(public)
            if z is None:
                z = self._crypto.ecdh(self._keys.private(KEY_AGREEMENT), public)
            if self._cached:
                if len(self._z) >= self.LIMIT:
                    self._z = {}
                self._z[public] = z
        return z

    def _given(self, public: bytes) -> "bytes | None":
        given = self._records.get("z")
        if given is not None:
            for pos in range(0, len(given), 96):
                if given[pos : pos + 64] == public:
                    return given[pos + 64 : pos + 96]
        return None
