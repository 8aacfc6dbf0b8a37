"""What goes wrong with our own use of this package. A token that is refused is no error: it is a reason."""


class PrepaymentError(Exception):
    """Base of what this package raises."""
