"""The store port: small named records that change together or not at all."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# A name is 1 to 40 characters out of a-z, 0-9, "." and "-": it is a file name on a board.
NAME_LIMIT = 40
NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789.-"
# A record is at most this many octets; larger things are split by their owner.
RECORD_LIMIT = 65536


class Store:
    """Named records. One process has one open; what was committed is there after any power cut."""

    def get(self, name: str) -> "bytes | None":
        """The record, or None."""
        raise NotImplementedError

    def names(self) -> "list[str]":
        """The names of all records, sorted."""
        raise NotImplementedError

    def commit(self, changes: "Iterable[tuple[str, bytes | None]]") -> None:
        """Puts (name, octets) and removes (name, None), all of them or none; durable when it returns.

        A name comes once in a commit; removing what is not there is no error. Names and records outside the
        limits above are a bug of the caller: ValueError, and nothing has changed.
        On HalError nothing has changed and the store can be used again.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of the medium. Closing twice is harmless."""
        raise NotImplementedError


def checked(changes: "Iterable[tuple[str, bytes | None]]") -> "list[tuple[str, bytes | None]]":
    """The changes of a commit as a list, for a backend about to write them; ValueError when they break a limit."""
    seen = set()
    result = []
    for name, value in changes:
        # What strip() leaves begins with a character that is not allowed.
        if not 1 <= len(name) <= NAME_LIMIT or name.strip(NAME_CHARACTERS):
            raise ValueError("%r is not the name of a record" % name)
        if value is not None and len(value) > RECORD_LIMIT:
            raise ValueError("the record %s has %d octets, the limit is %d" % (name, len(value), RECORD_LIMIT))
        if name in seen:
            raise ValueError("the record %s comes twice in one commit" % name)
        seen.add(name)
        result.append((name, None if value is None else bytes(value)))
    return result
