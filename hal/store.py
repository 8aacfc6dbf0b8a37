"""The store port: small named records that change together or not at all."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# A name is 1 to 40 characters out of a-z, 0-9, "." and "-": it is a file name on a board.
NAME_LIMIT = 40
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

        On HalError nothing has changed and the store can be used again after `reload`-ing it from the medium.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of the medium. Closing twice is harmless."""
        raise NotImplementedError
