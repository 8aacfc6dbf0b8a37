"""Who is asking, and what an answer to them needs: one `Access` for each command that is carried out."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Access:
    """The circumstances of a command.

    now_s: seconds since 2000; code: message code; counter, originator, device: 8 octets of the header's counter, its
    originator and this device; role: the originator's role number; target: whom the response goes to; requester: who
    will read what is encrypted (the unknown remote party when there is one, else the originator); seal: a function
    from plaintext to the stored form of an encrypted attribute (31 00000000, ciphertext, tag), or to None when there
    is no key to encrypt with.
    """

    __slots__ = ("now_s", "code", "counter", "originator", "role", "device", "target", "requester", "seal")

    def __init__(
        self,
        now_s: int,
        code: int,
        counter: bytes,
        originator: bytes,
        role: int,
        device: bytes,
        target: bytes,
        requester: bytes,
        seal: "Callable[[bytes], bytes | None]",
    ) -> None:
        self.now_s = now_s
        self.code = code
        self.counter = counter
        self.originator = originator
        self.role = role
        self.device = device
        self.target = target
        self.requester = requester
        self.seal = seal
