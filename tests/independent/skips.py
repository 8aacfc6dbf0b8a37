"""Where CI is set a test may only be skipped for what CI cannot have; any other skip is a failure.

A proof that is left out because something was not installed looks the same as one that passed. Reference data that is
not ours to publish and hardware are the exceptions, and the sentence of the skip names them.
"""

import os

import pytest

# What the sentence of a permitted skip says: variables that name reference data, options that name hardware.
PERMITTED = ("RTDS", "VECTORS_DIR", "--dongle", "--board")


def forbidden(report):
    """The sentence with which a report was skipped, where that is a failure; else None."""
    # What is expected to fail is told as a skip too, and its report has no place.
    if not os.environ.get("CI") or not report.skipped or not isinstance(report.longrepr, tuple):
        return None
    sentence = report.longrepr[2]
    return None if any(word in sentence for word in PERMITTED) else sentence


def judge(report):
    """Makes a failure of a skip that CI does not permit."""
    sentence = forbidden(report)
    if sentence is not None:
        report.outcome = "failed"
        report.longrepr = "CI is set, and this was left out. " + sentence
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What a test that was run says."""
    return judge((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """What a file that was read says: it may skip all that is in it."""
    return judge((yield))
