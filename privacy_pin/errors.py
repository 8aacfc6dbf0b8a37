"""What goes wrong with our own use of this package. A wrong PIN is no error: it is a reason."""


class PrivacyPinError(Exception):
    """Base of what this package raises. No PIN is in its text."""
