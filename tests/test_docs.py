"""What the documents print can be typed: commands and options exist, and so do the files that links lead to."""

import re
from pathlib import Path

import pytest
from command_lines import understood

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "boards").glob("*/README.md")])
# Code: fenced blocks, lines that are set in, and spans.
_FENCED = re.compile(r"^```.*?^```", re.M | re.S)
_SPAN = re.compile(r"`([^`\n]+)`")
_CALL = re.compile(r"(?:^|[ $(=])(?:\S*/bin/)?slotmeter (?=[-a-z])(.*)")
# Where a call ends: a comment, a column of explanations, another call, a pipe, a bracket that closes.
_END = re.compile(r"\s#|\s{2,}|\$\(|[|;&>)]")


def code(text):
    """The pieces of a page that are code, a line each."""
    for block in _FENCED.findall(text):
        yield from block.splitlines()[1:-1]
    text = _FENCED.sub("", text)
    yield from [line[4:] for line in text.splitlines() if line.startswith("    ")]
    yield from _SPAN.findall(text)


def calls(text):
    """The words after each `slotmeter` that is called in a page."""
    for line in code(text):
        found = _CALL.search(line)
        while found is not None:
            rest = found.group(1)
            words = _END.split(rest, maxsplit=1)[0].replace("`", "").split()
            yield [word.strip("'\"[],") for word in words]
            found = _CALL.search(rest)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_commands_that_a_page_prints_exist(page):
    wrong = []
    for words in calls(page.read_text(encoding="utf-8")):
        if not re.fullmatch(r"[-a-z]+", words[0]):
            # What a program prints of itself: "slotmeter 0.1.0, an emulated ...".
            continue
        try:
            understood(words)
        except AssertionError as error:
            wrong.append("%s: slotmeter %s" % (error, " ".join(words)))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_of_a_page_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [one for one in targets if "://" not in one and not (page.parent / one).exists()]
    assert not missing


def test_what_the_network_is_said_to_say_when_it_fails_is_in_the_program():
    page = (ROOT / "docs" / "zigbee.md").read_text(encoding="utf-8")
    rows = [row.split("|") for row in page.partition("## When something fails")[2].splitlines() if row.startswith("| ")]
    said = [message for row in rows for cell in row[2:4] for message in _SPAN.findall(cell)]
    said = [one for one in said if not one.startswith(("slotmeter ", "tests/"))]
    folders = ("boards", "firmware", "hal", "zigbee_han")
    sources = "".join([file.read_text(encoding="utf-8") for one in folders for file in (ROOT / one).rglob("*.py")])
    # "%s failed: %s" of what is "key establishment".
    sources += "key establishment failed:"
    assert len(said) > 15
    assert not [one for one in said if one not in sources]


def test_modules_that_pages_name_exist():
    folders = "boards|dlms|firmware|hal|prepayment|privacy_pin|tests|tools|zigbee_han"
    for page in PAGES:
        # What was, and what will be.
        if page.name not in ("CHANGELOG.md", "roadmap.md"):
            named = re.findall(r"`((?:%s)/[\w/]+\.py)`" % folders, page.read_text(encoding="utf-8"))
            assert not [one for one in named if not (ROOT / one).exists()], page


def test_calls_are_found_wherever_they_stand():
    page = "`slotmeter run --once`\n\n```console\n$ slotmeter topup $(.venv/bin/slotmeter utrn --digits)  # x\n```\n"
    page += "\n    /opt/slotmeter/bin/slotmeter radio list         what is plugged in --not an option\n"
    assert list(calls(page)) == [["topup"], ["utrn", "--digits"], ["radio", "list"], ["run", "--once"]]
