"""The entropy port: random octets."""


class Entropy:
    """Where random octets come from. What a test key is worth depends on the backend: read its docstring."""

    def random(self, count: int) -> bytes:
        """`count` random octets, 0 to 1024."""
        raise NotImplementedError
