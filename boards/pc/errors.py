"""What a command of the bench says when it cannot do what it was asked."""


class SlotmeterError(Exception):
    """Names the file or option that is wrong and the way out, in one line; no key, PIN or plaintext in it."""
