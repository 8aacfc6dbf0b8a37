"""Requests: every use case goes out as it stands, is answered by a meter, and says what is wrong with a field."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from slotmeter.boards.pc import asn1_commands, request_builder
from slotmeter.boards.pc.__main__ import cli
from slotmeter.boards.pc.bench import Bench, Options
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.requester import Requester
from slotmeter.dlms import axdr, dates
from slotmeter.dlms.apdu import parse_access_request
from slotmeter.dlms.gbcs import asn1, roles
from slotmeter.dlms.gbcs.message import parse
from slotmeter.firmware import usecases

VARIANTS = ("single", "twin", "polyphase")
# Whose answer says no, because there is nothing to do it with on a fresh bench: no key pair waits, no image is held,
# there is no emergency credit before prepayment is set up, and no period was written.
FAILING = ("CS02d", "CS06", "ECS09", "ECS47")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return tmp_path_factory.mktemp("keystore") / "keys"


@pytest.fixture(params=VARIANTS)
def variant(request):
    return request.param


@pytest.fixture
def bench(keys):
    with Bench(Options(keys=keys, temporary=True)) as one:
        yield one


def order(bench, **more):
    return request_builder.Order(now_s=bench.clock.now_ms() // 1000, **more)


def deliver(bench, message):
    return bench.request({"op": "deliver", "hex": message.hex()})


def values(message):
    """The data of a DLMS command, decoded."""
    return [axdr.decode_whole(item.data) for item in parse_access_request(parse(message).payload)[1]]


def test_every_use_case_can_be_sent_without_a_field_and_is_answered(keys, variant):
    with Bench(Options(keys=keys, temporary=True, variant=variant)) as bench:
        requester = Requester(cast=bench.cast)
        sent = 0
        for case in request_builder.use_cases():
            if variant != "twin" and case.name in ("ECS01c", "ECS01d", "ECS24b"):
                continue
            reply = deliver(bench, requester.build(case, order(bench, variant=variant), {}))
            assert "refused" not in reply, (case.name, reply)
            assert ("failed" in reply) == (case.name in FAILING), (case.name, reply)
            assert reply["use_case"] == case.name
            sent += 1
        assert sent >= len(usecases.USE_CASES) - 4


def test_every_future_dated_use_case_can_be_stored_and_cancelled(bench):
    requester = Requester(cast=bench.cast)
    for case in request_builder.use_cases():
        if not case.flags & usecases.FUTURE or case.name in ("ECS01c", "ECS01d"):
            continue
        for when in ("2030-01-15T09:00:00Z", "cancel"):
            reply = deliver(bench, requester.build(case, order(bench, when=when), {}))
            assert "use_case" in reply and "failed" not in reply, (case.name, when, reply)
        assert bench.request({"op": "state"})["future_dated"] == []


def test_a_use_case_that_cannot_be_future_dated_says_so(bench):
    with pytest.raises(SlotmeterError, match="ECS10 cannot be future-dated"):
        Requester(cast=bench.cast).build(request_builder.find("ECS10"), order(bench, when="cancel"), {})


def test_counters_rise_from_message_to_message_and_from_one_requester_to_the_next(bench):
    case = request_builder.find("ECS14")
    counters = []
    for _ in range(2):
        requester = Requester(cast=bench.cast)
        for _ in range(3):
            message = requester.build(case, order(bench), {})
            assert "refused" not in deliver(bench, message)
            counters.append(parse(message).counter)
    assert counters == sorted(set(counters))


def test_a_critical_command_is_signed_and_maced_and_a_read_only_maced(bench):
    requester = Requester(cast=bench.cast)
    critical = parse(requester.build(request_builder.find("ECS42"), order(bench), {}))
    read = parse(requester.build(request_builder.find("ECS52"), order(bench), {}))
    assert len(critical.signature) == 64 and len(critical.mac) == 12
    assert read.signature == b"" and len(read.mac) == 12


def test_an_unknown_remote_party_is_named_behind_the_access_control_broker(bench):
    message = parse(Requester(cast=bench.cast).build(request_builder.find("ECS52"), order(bench, urp=True), {}))
    assert message.originator == bench.cast.party(roles.ACCESS_CONTROL_BROKER).entity_id
    assert message.supplementary[:8] == bench.cast.party(roles.NETWORK_OPERATOR).entity_id
    assert len(message.supplementary) == 16


def test_an_encrypted_read_for_an_unknown_remote_party_carries_its_certificate_and_is_answered(bench):
    message = Requester(cast=bench.cast).build(request_builder.find("ECS22b"), order(bench, urp=True), {})
    operator = bench.cast.party(roles.NETWORK_OPERATOR)
    assert parse(message).supplementary[16:] == operator.ka_certificate
    reply = deliver(bench, message)
    assert len(parse(bytes.fromhex(reply["messages"][0]["hex"])).supplementary) == 24


def test_a_top_up_made_here_is_accepted_and_raises_the_balance(bench):
    reply = deliver(
        bench, Requester(cast=bench.cast).build(request_builder.find("CS01a"), order(bench), {"amount": "£2.50"})
    )
    assert "failed" not in reply
    assert bench.request({"op": "state"})["balances"]["meter"] == 250_000


@pytest.mark.parametrize("amount", ["0", "-£1", "£0.001", "£82.50", "much"])
def test_an_amount_that_no_token_holds_is_refused(bench, amount):
    with pytest.raises(SlotmeterError, match="amount"):
        Requester(cast=bench.cast).build(request_builder.find("CS01a"), order(bench), {"amount": amount})


def test_fields_reach_the_message(bench):
    requester = Requester(cast=bench.cast)
    message = requester.build(request_builder.find("ECS10"), order(bench), {"message": "hello"})
    assert values(message) == [(axdr.OCTET_STRING, b"hello")]
    message = requester.build(request_builder.find("ecs04a"), order(bench), {"amount": "-120p"})
    assert values(message) == [(axdr.DOUBLE_LONG, -120_000)]
    message = requester.build(request_builder.find("ECS34"), order(bench), {"thresholds": "1000,2000"})
    assert values(message)[0][1] == [(axdr.DOUBLE_LONG_UNSIGNED, 1000), (axdr.DOUBLE_LONG_UNSIGNED, 2000)]


def test_a_tariff_is_written_as_lists(bench):
    given = {
        "seasons": '[{"name": "winter", "start": "*-10-27", "week": "01"}]',
        "special_days": '[{"date": "*-12-25", "day": 1}]',
        "prices": "15000,8000,1",
        "price_scale": "-4",
    }
    message = Requester(cast=bench.cast).build(request_builder.find("ECS01a"), order(bench), given)
    data = values(message)
    assert data[0][1][0][1][1] == (axdr.OCTET_STRING, bytes.fromhex("FFFF0A1BFF000000008000FF"))
    assert data[3][1] == [
        (
            axdr.STRUCTURE,
            [(axdr.LONG_UNSIGNED, 1), (axdr.OCTET_STRING, bytes.fromhex("FFFF0C19FF")), (axdr.UNSIGNED, 1)],
        )
    ]
    prices = data[14][1]
    assert prices[0][1][1] == (axdr.INTEGER, -4)
    assert [row[1] for row in prices[2][1]] == [
        [(axdr.OCTET_STRING, bytes((place,))), (axdr.LONG, price)] for place, price in ((1, 15000), (2, 8000), (3, 1))
    ]
    assert "failed" not in deliver(bench, message)


def test_an_activation_time_can_be_given_for_all_or_for_one(bench):
    requester = Requester(cast=bench.cast)
    case = request_builder.find("ECS01b")
    given = {"prices_at": "2031-01-01"}
    data = values(requester.build(case, order(bench, when="2030-01-15T09:00:00Z"), given))
    assert [value[1] for value in data[2:]] == [
        bytes.fromhex("07EE010FFF090000008000FF"),
        bytes.fromhex("07EF0101FF000000008000FF"),
    ]
    assert [value[1] for value in values(requester.build(case, order(bench), {}))[2:]] == [dates.NOW, dates.NOW]


@pytest.mark.parametrize(
    ("use_case", "given", "words"),
    [
        ("ECS10", {"text": "x"}, "its fields are message"),
        ("ECS10", {"message": "x" * 117}, "117 octets"),
        ("ECS42", {"anything": "1"}, "it has no fields"),
        ("ECS38", {"limit": "many"}, "limit=many"),
        ("ECS38", {"limit": "65536"}, "0 to 65535"),
        ("ECS81", {"lock": "perhaps"}, "neither true nor false"),
        ("ECS12", {"tenancy_from": "2030-02-30"}, "tenancy_from"),
        ("ECS12", {"tenancy_from": "tomorrow"}, "2030-01-15"),
        ("ECS34", {"thresholds": "1"}, "has 1 elements"),
        ("ECS01a", {"prices": "[1,"}, "not JSON"),
        ("ECS01a", {"prices": "@/nowhere"}, "/nowhere"),
        ("ECS01a", {"seasons": '[{"nam": "x"}]'}, "no part nam"),
        ("ECS01a", {"seasons": '[{"name": "x"}]'}, "is missing"),
        ("ECS01a", {"seasons": "1"}, "by name"),
        ("ECS25a", {"alerts": "0x00"}, "8 bits instead of 512"),
        ("ECS46a", {"label_1": "Wärme"}, "ASCII"),
        ("CS06", {"hash": "00"}, "64 hexadecimal digits"),
        ("CS03A1", {"type": "toaster"}, "choose from"),
        ("CS02a", {"roles": "supplier,nobody"}, "choose from"),
        ("CS02b-supplierBySupplier", {"ds": "/nowhere.pem"}, "/nowhere.pem"),
        ("CS02b-supplierBySupplier", {"floor": "-1"}, "floor"),
        ("CS01a", {"utrn": "123"}, "3 octets instead of 20"),
    ],
)
def test_a_field_that_does_not_fit_is_named_with_what_it_should_be(bench, use_case, given, words):
    with pytest.raises(SlotmeterError) as caught:
        Requester(cast=bench.cast).build(request_builder.find(use_case), order(bench), given)
    assert words in str(caught.value)


def test_a_role_that_may_not_send_is_refused_before_it_is_sent(bench):
    with pytest.raises(SlotmeterError, match="not for the network-operator to send, but for: supplier"):
        Requester(cast=bench.cast).build(request_builder.find("ECS10"), order(bench, role=roles.NETWORK_OPERATOR), {})


def test_a_credential_replacement_is_written_as_the_standard_orders_it(bench):
    message = parse(Requester(cast=bench.cast).build(request_builder.find("0x0102"), order(bench), {}, counter=5))
    pos, end = asn1.enter(message.payload, 0, len(message.payload), 0x30)
    assert end == len(message.payload)
    control_start, control_end = asn1.enter(message.payload, pos, end, 0x30)
    control = message.payload[control_start:control_end]
    assert control == (
        bytes.fromhex("020102")  # mode supplierBySupplier
        + bytes.fromhex("810101")  # validity not looked at
        + bytes.fromhex("A207 020102 03020780")  # authorised by the supplier's signature cell
        + bytes.fromhex("830105")  # counter of this command
        + bytes.fromhex("840105")  # new floor
        + bytes.fromhex("A508 3006 020100 020100")  # floor for top-ups
    )
    assert bench.cast.certificate(roles.SUPPLIER, roles.DIGITAL_SIGNATURE) in message.payload


def test_counters_that_are_no_counters_are_named(keys, bench, tmp_path):
    requester = Requester(cast=bench.cast)
    requester.counters.path = tmp_path / "counters.json"
    requester.counters.path.write_text('{"supplier": "many"}')
    with pytest.raises(SlotmeterError, match=r"counters\.json does not hold counters: remove it"):
        requester.counters.take("supplier")
    assert requester.counters.path.read_text() == '{"supplier": "many"}'


def test_list_shows_every_use_case():
    result = CliRunner().invoke(cli, ["request", "--list"])
    assert result.exit_code == 0
    for row in usecases.USE_CASES:
        assert re.search(r"^%04X  %s " % (row[0], re.escape(row[1])), result.output, re.MULTILINE), row[1]


@pytest.mark.parametrize("name", [row[1] for row in usecases.USE_CASES])
def test_fields_are_shown_with_type_default_and_an_example(name):
    result = CliRunner().invoke(cli, ["request", name, "--fields", "--variant", "twin"])
    assert result.exit_code == 0, result.output
    assert "Example: slotmeter request " + name in result.output
    for field in request_builder.fields(request_builder.find(name), "twin"):
        assert "  %s  (" % field.name in result.output


def test_every_asn1_use_case_has_a_builder():
    for row in usecases.USE_CASES:
        if row[3] == usecases.ASN1:
            assert asn1_commands.family(row[1]) in asn1_commands.FIELDS


def test_print_gives_the_message_and_sends_nothing(keys, bench, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    result = CliRunner().invoke(cli, ["request", "ECS52", "--print", "--keys", str(keys)])
    assert result.exit_code == 0, result.output
    assert "use_case" in deliver(bench, bytes.fromhex(result.output.strip()))


def test_the_table_of_fields_is_current():
    import subprocess
    import sys

    tool = Path(__file__).resolve().parents[3] / "tools" / "gen_fields.py"
    assert subprocess.run([sys.executable, str(tool), "--check"], check=False).returncode == 0
