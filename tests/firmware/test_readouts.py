"""How values read: numbers, money, prices, names, and what is none of them."""

from slotmeter.firmware.readouts import Readout, index_name, letters, when, wrap

READ = Readout(5)


def charge(amount, scale):
    """A charge object's price without its tags but those of its elements."""
    return [[0, scale], [0, b"", 0], [[(9, b""), (16, amount)]]]


def test_a_charge_is_read_by_its_scale():
    assert READ.daily(charge(20000, -5)) == "20.000 p a day"
    assert READ.rate(charge(2, -1)) == "20.000 p"
    assert READ.rate(charge(3, 1)) == "3000.000 p"
    assert READ.rate(charge(12345, -7)) == "0.123 p"
    assert READ.rate(charge(-1500, -5)) == "-1.500 p"
    assert READ.rate([[0, -5], [0, b"", 0], []]) == "0.000 p"


def test_a_price_index_names_block_and_register():
    names = [index_name(bytes((number,))) for number in (1, 48, 0xA1, 0xB8, 0xC4, 0xD8)]
    assert names == ["T1", "T48", "B1 T1", "B2 T8", "B3 T4", "B4 T8"]
    assert index_name(b"") == ""


def test_a_number_without_a_word_is_a_number():
    assert READ.mode(2) == "prepayment" and READ.mode(9) == "9" and READ.mode(0) == "0"
    assert READ.supply(2) == "armed" and READ.clock(1) == "invalid" and READ.level(2) == "high"


def test_words_for_periods_limits_and_switches():
    assert [READ.period(seconds) for seconds in (3600, 86400, 300)] == ["an hour", "a day", "300 s"]
    assert READ.unlimited_power(0xFFFFFFFF) == "none" and READ.unlimited_power(6900) == "6900 W"
    assert READ.locked(True) == "locked" and READ.yes_no(False) == "no"
    assert READ.percent(1250) == "12.50 %" and READ.cap(5) == "£5 a week"
    assert READ.octets(b"\x0a\xff") == "0AFF" and READ.octets(b"") == ""
    assert READ.moment(b"\x07\xea\x03\x1f\xff\x0c\x00\x00\x00\x80\x00\xff") == "2026-03-31 12:00:00"


def test_times_are_seconds_since_2000():
    assert when(0) == "2000-01-01 00:00:00"
    assert READ.clock_time(999) == "2000-01-01 00:00:00"


def test_octets_that_are_no_text_are_readable_all_the_same():
    assert letters(b"\xff\xfeab\x07") == "??ab "
    assert letters("£".encode()) == "£"


def test_a_long_word_is_broken_and_blanks_are_not_lines():
    assert wrap("abcdefghij kl", 4) == ["abcd", "efgh", "ij", "kl"]
    assert wrap("   ", 4) == [] and wrap("", 4) == []
