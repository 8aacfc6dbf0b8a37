"""Whether a command line that a document prints would be understood."""

import click

from slotmeter.boards.pc.__main__ import cli


def understood(words):
    """(the command that the words after `slotmeter` name, the options in them); AssertionError with what it lacks."""
    command, path = cli, "slotmeter"
    words = list(words)
    context = click.Context(cli)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, "%s has no command %s" % (path, name)
        command, path = found, path + " " + name
    known = {option for one in command.params for option in [*one.opts, *one.secondary_opts]} | {"-h", "--help"}
    # Not "-" alone, and no negative number.
    given = [word.partition("=")[0] for word in words if word.startswith("-") and word.lstrip("-")[:1].isalpha()]
    for option in given:
        assert option in known, "%s has no %s" % (path, option)
    return command, given
