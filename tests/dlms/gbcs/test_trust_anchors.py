"""Replacing and reading credentials, with certificates of a test PKI."""

import pytest

from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import asn1
from slotmeter.dlms.gbcs.asn1_request import CANCEL
from slotmeter.dlms.gbcs.roles import (
    ACCESS_CONTROL_BROKER,
    CONTINGENCY,
    DIGITAL_SIGNATURE,
    KEY_AGREEMENT,
    KEY_CERT_SIGN,
    LOAD_CONTROLLER,
    NETWORK_OPERATOR,
    RECOVERY,
    ROOT,
    SUPPLIER,
    TRANSITIONAL_COS,
    WAN_PROVIDER,
)

ALICE = bytes.fromhex("0200000000000001")
BOB = bytes.fromhex("0200000000000002")
BROKER = bytes.fromhex("0200000000000004")
DS = (SUPPLIER, DIGITAL_SIGNATURE, 0)
KA = (SUPPLIER, KEY_AGREEMENT, 0)
PREPAYMENT = (SUPPLIER, KEY_AGREEMENT, 1)
ROOT_PLACE = (ROOT, KEY_CERT_SIGN, 0)

SUCCESS, BAD_CERTIFICATE, NO_TRUST_ANCHOR, NOT_FOUND, OTHER = 0, 5, 10, 25, 127


@pytest.fixture
def meter(bench):
    """A device whose supplier is Alice."""
    bench.fill(SUPPLIER, ALICE)
    bench.give_own_keys()
    return bench


def _statuses(payload):
    """The status codes of an execution outcome, wherever it is: an ENUMERATED of one octet follows each CellId."""
    found = []
    pos = payload.find(b"\x0a\x01")
    while pos >= 0:
        if payload[pos + 3 : pos + 5] == b"\x04\x08":
            found.append(payload[pos + 2])
        pos = payload.find(b"\x0a\x01", pos + 1)
    return found


def _replace(meter, replacements, mode=2, place=DS, counter=1000, path=None, code=None, originator=ALICE, **more):
    """Sends a replacement as Alice would; the statuses and the outcome."""
    role = more.pop("role", place[0] if place else ACCESS_CONTROL_BROKER)
    fault = more.pop("fault", None)
    path = [meter.issuer] if path is None else path
    payload = meter.command(mode, counter, place, replacements, path, **more)
    code = code or (0x100 + mode if mode < 10 else 0x11B + mode)
    outcome = meter.send(code, payload, originator, counter, role, fault)
    return _statuses(outcome.payload), outcome


def _key_ids(meter):
    return [cell.key_id for cell in meter.anchors.cells(SUPPLIER)]


# ---- certificates


def test_a_whole_set_of_credentials_is_exchanged(meter):
    new = [meter.party(SUPPLIER, ALICE, place[1]) for place in (DS, KA, PREPAYMENT)]
    statuses, outcome = _replace(meter, list(zip(new, (DS, KA, PREPAYMENT))), floor=0, specialist=0)
    assert statuses == [SUCCESS] * 3
    assert (outcome.failed, outcome.events, outcome.stored) == (False, (0x8F70,), None)
    assert _key_ids(meter) == [holder.key_id for holder in new]
    assert meter.anchors.cell(*DS).certificate == new[0].certificate
    assert meter.anchors.cell(*DS).public_key == new[0].public


def test_an_unknown_issuer_fails_its_cell_alone(meter):
    other = meter.pki.authority(meter.pki.authority(None, b"ZX"), b"Z9")
    before = _key_ids(meter)
    good = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE)
    bad = meter.party(SUPPLIER, ALICE, KEY_AGREEMENT, issuer=other)
    statuses, outcome = _replace(meter, [(good, DS), (bad, KA)])
    assert statuses == [SUCCESS, NO_TRUST_ANCHOR]
    assert outcome.failed
    assert _key_ids(meter) == [good.key_id] + before[1:]
    # Bringing the strange issuer along does not make it trusted.
    assert _replace(meter, [(bad, KA)], path=[other], counter=1001)[0] == [NO_TRUST_ANCHOR]


def test_without_its_issuer_a_certificate_leads_nowhere(meter):
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE)
    assert _replace(meter, [(new, DS)], path=[])[0] == [NO_TRUST_ANCHOR]


def test_a_certificate_of_the_root_itself_needs_no_path(meter):
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE, issuer=meter.root)
    assert _replace(meter, [(new, DS)], path=[])[0] == [SUCCESS]


def test_a_longer_path_is_followed_in_any_order(meter):
    middle = meter.pki.authority(meter.issuer, b"Z2")
    low = meter.pki.authority(middle, b"Z3")
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE, issuer=low)
    for counter, path in ((1000, [low, middle, meter.issuer]), (1001, [meter.issuer, low, middle])):
        meter.anchors.put_cell(meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE).cell(DS))
        assert _replace(meter, [(new, DS)], path=path, counter=counter)[0] == [SUCCESS]
    assert _replace(meter, [(new, DS)], path=[low, meter.issuer], counter=1002)[0] == [NO_TRUST_ANCHOR]


def test_issuers_in_a_circle_end(meter):
    one = meter.pki.authority(None, b"Y1", key_id=b"\x41" * 8)
    two = meter.pki.authority(one, b"Y2", key_id=b"\x42" * 8)
    one_again = meter.pki.authority(two, b"Y1", key_id=b"\x41" * 8, private=one.private)
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE, issuer=two)
    assert _replace(meter, [(new, DS)], path=[one_again, two])[0] == [NO_TRUST_ANCHOR]


def test_a_forged_signature_is_a_bad_certificate(meter):
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE, forged=True)
    assert _replace(meter, [(new, DS)])[0] == [BAD_CERTIFICATE]
    direct = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE, issuer=meter.root, forged=True)
    assert _replace(meter, [(direct, DS)], counter=1001)[0] == [BAD_CERTIFICATE]


def test_a_forged_issuer_anchors_nothing(meter):
    forged = meter.pki.authority(meter.root, b"Z1", forged=True)
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE, issuer=forged)
    assert _replace(meter, [(new, DS)], path=[forged])[0] == [NO_TRUST_ANCHOR]


def test_an_issuer_must_be_allowed_to_sign_certificates(meter):
    weak = meter.pki.certify(DIGITAL_SIGNATURE, meter.root, 7, common_name=b"Z5")
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE, issuer=weak)
    assert _replace(meter, [(new, DS)], path=[weak])[0] == [NO_TRUST_ANCHOR]


def test_an_issuers_name_must_be_the_one_in_the_certificate(meter):
    renamed = meter.pki.authority(meter.root, b"Z8", private=meter.issuer.private, key_id=meter.issuer.key_id)
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE)
    assert _replace(meter, [(new, DS)], path=[renamed])[0] == [NO_TRUST_ANCHOR]


def test_an_unreadable_path_certificate_is_no_issuer(meter):
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE)
    assert _replace(meter, [(new, DS)], path=[b"\x30\x00", meter.issuer])[0] == [SUCCESS]


def test_a_root_known_by_its_identifier_alone_anchors_by_it(meter):
    cell = meter.root.cell(ROOT_PLACE)
    cell.public_key = b""
    meter.anchors.put_cell(cell)
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE)
    assert _replace(meter, [(new, DS)])[0] == [SUCCESS]
    other = meter.pki.authority(meter.pki.authority(None, b"ZX"), b"Z1")
    stranger = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE, issuer=other)
    assert _replace(meter, [(stranger, DS)], path=[other], counter=1001)[0] == [NO_TRUST_ANCHOR]


@pytest.mark.parametrize(
    "usage, more",
    [
        (KEY_AGREEMENT, {}),
        (DIGITAL_SIGNATURE | KEY_AGREEMENT, {}),
        (DIGITAL_SIGNATURE, {"key_id": b"\x41" * 7}),
        (DIGITAL_SIGNATURE, {"key_id": b"\x41" * 20}),
    ],
)
def test_wrong_usage_or_identifier_is_a_bad_certificate(meter, usage, more):
    assert _replace(meter, [(meter.party(SUPPLIER, ALICE, usage, **more), DS)])[0] == [BAD_CERTIFICATE]


def test_a_certificate_without_an_identity_or_unreadable_is_bad(meter):
    nobody = meter.party(SUPPLIER, b"", DIGITAL_SIGNATURE)
    assert _replace(meter, [(nobody, DS), (b"\x30\x03\x02\x01\x01", KA)])[0] == [BAD_CERTIFICATE] * 2


def test_the_role_in_the_certificate_must_be_that_of_the_cell(meter):
    operator = meter.party(NETWORK_OPERATOR, ALICE, DIGITAL_SIGNATURE)
    assert _replace(meter, [(operator, DS)])[0] == [BAD_CERTIFICATE]
    nameless = meter.party(None, ALICE, DIGITAL_SIGNATURE)
    assert _replace(meter, [(nameless, DS)], counter=1001)[0] == [BAD_CERTIFICATE]
    meter.credentials.anchors.match_roles = False
    assert _replace(meter, [(operator, DS)], counter=1002)[0] == [SUCCESS]


def test_times_count_only_when_asked_for(meter):
    past = {"lifetime": (b"000101000000Z", b"141231235959Z")}
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE, **past)
    assert _replace(meter, [(new, DS)])[0] == [SUCCESS]
    meter.credentials.check_validity = True
    assert meter.credentials.check_validity
    for counter, validity, status in ((1001, None, BAD_CERTIFICATE), (1002, 0, BAD_CERTIFICATE), (1003, 1, SUCCESS)):
        assert _replace(meter, [(new, DS)], counter=counter, validity=validity)[0] == [status]
    current = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE)
    assert _replace(meter, [(current, DS)], counter=1004)[0] == [SUCCESS]


def test_a_cell_that_the_device_lacks_is_not_found(meter):
    new = meter.party(WAN_PROVIDER, BOB, DIGITAL_SIGNATURE)
    recovery = meter.fill(RECOVERY, BOB)
    assert recovery
    place = (RECOVERY, DIGITAL_SIGNATURE, 0)
    statuses, outcome = _replace(meter, [(new, (WAN_PROVIDER, DIGITAL_SIGNATURE, 0))], 8, place, originator=BOB)
    assert statuses == [NOT_FOUND]
    assert outcome.payload.endswith((b"\x04\x08" + bytes(8)) * 4)


def test_a_cell_that_the_mode_does_not_touch_stays(meter):
    meter.fill(NETWORK_OPERATOR, BOB)
    new = meter.party(NETWORK_OPERATOR, ALICE, DIGITAL_SIGNATURE)
    assert _replace(meter, [(new, (NETWORK_OPERATOR, DIGITAL_SIGNATURE, 0))])[0] == [OTHER]
    assert meter.anchors.cell(NETWORK_OPERATOR, DIGITAL_SIGNATURE).entity_id == BOB


def test_an_empty_cell_is_filled(meter):
    meter.fill(RECOVERY, BOB)
    place = (NETWORK_OPERATOR, DIGITAL_SIGNATURE, 0)
    new = meter.party(NETWORK_OPERATOR, BOB, DIGITAL_SIGNATURE)
    statuses, outcome = _replace(meter, [(new, place)], 8, (RECOVERY, DIGITAL_SIGNATURE, 0), originator=BOB)
    assert statuses == [SUCCESS]
    assert (b"\x04\x08" + bytes(8)) * 2 in outcome.payload
    assert meter.anchors.cell(*place).key_id == new.key_id


# ---- modes


@pytest.mark.parametrize(
    "mode, place, target",
    [
        (3, (NETWORK_OPERATOR, DIGITAL_SIGNATURE, 0), (NETWORK_OPERATOR, KEY_AGREEMENT, 0)),
        (6, (TRANSITIONAL_COS, DIGITAL_SIGNATURE, 0), (TRANSITIONAL_COS, DIGITAL_SIGNATURE, 0)),
        (7, (TRANSITIONAL_COS, DIGITAL_SIGNATURE, 0), KA),
        (8, (RECOVERY, DIGITAL_SIGNATURE, 0), (LOAD_CONTROLLER, KEY_AGREEMENT, 0)),
        (10, (LOAD_CONTROLLER, DIGITAL_SIGNATURE, 0), (LOAD_CONTROLLER, KEY_AGREEMENT, 0)),
        (11, DS, (LOAD_CONTROLLER, DIGITAL_SIGNATURE, 0)),
    ],
)
def test_each_mode_has_its_party_and_its_cells(meter, mode, place, target):
    if place[0] != SUPPLIER:
        meter.fill(place[0], BOB)
    originator = ALICE if place[0] == SUPPLIER else BOB
    new = meter.party(target[0], BOB, target[1])
    assert _replace(meter, [(new, target)], mode, place, originator=originator)[0] == [SUCCESS]
    assert meter.anchors.cell(*target).key_id == new.key_id


def test_the_access_control_broker_names_no_cell(meter):
    meter.fill(ACCESS_CONTROL_BROKER, BROKER)
    target = (ACCESS_CONTROL_BROKER, KEY_AGREEMENT, 0)
    new = meter.party(ACCESS_CONTROL_BROKER, BROKER, KEY_AGREEMENT)
    assert _replace(meter, [(new, target)], 4, None, originator=BROKER)[0] == [SUCCESS]
    with pytest.raises(DecodeError):
        _replace(meter, [(new, target)], 4, None, counter=1001, originator=BROKER, time=b"20300101000000Z")


def test_load_controller_cells_take_supplier_certificates(meter):
    new = meter.party(SUPPLIER, BOB, DIGITAL_SIGNATURE)
    assert _replace(meter, [(new, (LOAD_CONTROLLER, DIGITAL_SIGNATURE, 0))], 11)[0] == [SUCCESS]


def test_recovery_puts_a_placeholder_into_any_cell(meter):
    meter.fill(RECOVERY, BOB)
    new = meter.party(ACCESS_CONTROL_BROKER, BROKER, DIGITAL_SIGNATURE)
    assert _replace(meter, [(new, DS)], 8, (RECOVERY, DIGITAL_SIGNATURE, 0), originator=BOB)[0] == [SUCCESS]
    assert meter.anchors.roles_of(BROKER) == (SUPPLIER,)


def test_a_root_passes_its_trust_to_the_next(meter):
    new = meter.pki.authority(None, b"ZB")
    link = meter.pki.authority(meter.root, b"ZB", private=new.private, key_id=new.key_id)
    assert _replace(meter, [(new, ROOT_PLACE)], 0, path=[link])[0] == [SUCCESS]
    assert meter.anchors.cell(*ROOT_PLACE).public_key == new.public
    # The new root is the only one from now on.
    old = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE)
    assert _replace(meter, [(old, DS)], counter=1001)[0] == [NO_TRUST_ANCHOR]
    issuer = meter.pki.authority(new, b"Z4")
    fresh = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE, issuer=issuer)
    assert _replace(meter, [(fresh, DS)], counter=1002, path=[issuer])[0] == [SUCCESS]


def test_a_cross_signed_root_is_its_own_link(meter):
    new = meter.pki.authority(meter.root, b"ZB")
    assert _replace(meter, [(new, ROOT_PLACE)], 0, path=[])[0] == [SUCCESS]


def test_an_abnormal_root_is_for_the_contingency_party_alone(meter):
    new = meter.pki.authority(None, b"ZB")
    assert _replace(meter, [(new, ROOT_PLACE)], 0, path=[])[0] == [NO_TRUST_ANCHOR]
    meter.fill(RECOVERY, BOB)
    recovery = (RECOVERY, DIGITAL_SIGNATURE, 0)
    assert _replace(meter, [(new, ROOT_PLACE)], 8, recovery, path=[], originator=BOB)[0] == [NO_TRUST_ANCHOR]
    meter.fill(CONTINGENCY, BROKER)
    more = {"path": [], "originator": BROKER, "role": CONTINGENCY}
    assert _replace(meter, [(new, ROOT_PLACE)], 9, ROOT_PLACE, **more)[0] == [SUCCESS]
    forged = meter.pki.authority(None, b"ZC", forged=True)
    assert _replace(meter, [(forged, ROOT_PLACE)], 9, ROOT_PLACE, counter=1001, **more)[0] == [BAD_CERTIFICATE]


def test_what_comes_with_a_new_root_may_lead_to_it_wherever_it_stands(meter):
    meter.fill(CONTINGENCY, BROKER)
    root = meter.pki.authority(None, b"ZB")
    issuer = meter.pki.authority(root, b"Z4")
    new = meter.party(SUPPLIER, BOB, DIGITAL_SIGNATURE, issuer=issuer)
    replacements = [(new, DS), (root, ROOT_PLACE)]
    more = {"path": [issuer], "originator": BROKER, "role": CONTINGENCY}
    assert _replace(meter, replacements, 9, ROOT_PLACE, **more)[0] == [SUCCESS, SUCCESS]


# ---- who may


@pytest.mark.parametrize(
    "change",
    [
        {"originator": BOB},
        {"place": KA},
        {"place": (NETWORK_OPERATOR, DIGITAL_SIGNATURE, 0)},
        {"place": None},
        {"code": 0x0103},
        {"code": 0x0126},
        {"others": [(NETWORK_OPERATOR, 5, None)]},
        {"others": [(WAN_PROVIDER, 5, None)]},
        {"others": [(100, 5, None)]},
        {"specialist": 5},
        {"replacements": "twice"},
    ],
)
def test_a_command_that_contradicts_itself_is_no_command(meter, change):
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE)
    meter.records.commit()
    meter.anchors.set_counter(SUPPLIER, 1000)
    meter.anchors.set_counter(ACCESS_CONTROL_BROKER, 1000)
    meter.anchors.set_counter(NETWORK_OPERATOR, 1000)
    before = meter.records.digest(meter.crypto)
    replacements = [(new, DS)] * (2 if change.pop("replacements", "") else 1)
    with pytest.raises(DecodeError):
        _replace(meter, replacements, **change)
    assert meter.records.digest(meter.crypto) == before


def test_a_top_up_floor_is_for_the_supplier(meter):
    meter.fill(RECOVERY, BOB)
    recovery = (RECOVERY, DIGITAL_SIGNATURE, 0)
    for more in ({"floor": 1, "specialist": 1}, {"others": [(NETWORK_OPERATOR, 1, 1)]}):
        with pytest.raises(DecodeError):
            _replace(meter, [], 8, recovery, originator=BOB, **more)


def test_a_root_must_be_allowed_to_sign_certificates(meter):
    weak = meter.pki.certify(DIGITAL_SIGNATURE, meter.root, 0, common_name=b"ZB")
    assert _replace(meter, [(weak, ROOT_PLACE)], 0, path=[])[0] == [BAD_CERTIFICATE]


def test_a_certificate_that_names_no_authority_leads_nowhere(meter):
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE, authority=False)
    assert _replace(meter, [(new, DS)])[0] == [NO_TRUST_ANCHOR]


def test_an_issuer_that_is_no_link_makes_no_root(meter):
    new = meter.pki.authority(None, b"ZB")
    assert _replace(meter, [(new, ROOT_PLACE)], 0)[0] == [NO_TRUST_ANCHOR]


def test_the_counter_in_the_command_is_that_of_the_header(meter):
    payload = meter.command(2, 1001, DS, [], [])
    with pytest.raises(DecodeError):
        meter.send(0x102, payload, ALICE, 1000)


def test_contingency_is_no_role_that_others_can_play(meter):
    new = meter.pki.authority(None, b"ZB")
    with pytest.raises(DecodeError):
        _replace(meter, [(new, ROOT_PLACE)], 9, ROOT_PLACE, role=SUPPLIER)


# ---- counters


def test_a_new_holder_starts_at_the_floor(meter):
    meter.fill(TRANSITIONAL_COS, BROKER)
    meter.anchors.set_counter(SUPPLIER, 5000)
    floors = []
    meter.credentials.anchors.set_top_up_floor = lambda floor, renewed: floors.append((floor, renewed))
    new = [meter.party(SUPPLIER, BOB, place[1]) for place in (DS, KA, PREPAYMENT)]
    statuses, outcome = _replace(
        meter,
        list(zip(new, (DS, KA, PREPAYMENT))),
        7,
        (TRANSITIONAL_COS, DIGITAL_SIGNATURE, 0),
        originator=BROKER,
        others=[(SUPPLIER, 70, 9 << 32)],
    )
    assert statuses == [SUCCESS] * 3
    assert meter.anchors.counter(SUPPLIER) == 70
    assert meter.anchors.counter(TRANSITIONAL_COS) == 1000
    assert floors == [(9 << 32, True)]
    change = asn1.sequence(
        [
            asn1.put_integer(2),
            asn1.put_integer(70),
            asn1.sequence([asn1.sequence([asn1.put_integer(0), asn1.put_integer(9 << 32)])]),
        ]
    )
    assert asn1.sequence([change]) in outcome.payload


def test_a_floor_raises_whatever_happens_to_the_cells(meter):
    other = meter.pki.authority(None, b"ZX")
    bad = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE, issuer=other)
    assert _replace(meter, [(bad, DS)], floor=9999)[0] == [NO_TRUST_ANCHOR]
    assert meter.anchors.counter(SUPPLIER) == 9999


def test_a_floor_lowers_nothing_while_the_key_stays(meter):
    same = meter.anchors.cell(*DS).certificate
    agreement = meter.party(SUPPLIER, ALICE, KEY_AGREEMENT)
    floors = []
    meter.credentials.anchors.set_top_up_floor = lambda floor, renewed: floors.append((floor, renewed))
    assert _replace(meter, [(same, DS), (agreement, KA)], floor=0, specialist=0)[0] == [SUCCESS] * 2
    # Otherwise the command could be sent again.
    assert meter.anchors.counter(SUPPLIER) == 1000
    assert floors == [(0, False)]
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE)
    _replace(meter, [(new, DS)], floor=500, counter=1001)
    assert meter.anchors.counter(SUPPLIER) == 500


def test_the_contingency_partys_floor_is_shown_as_the_roots(meter):
    meter.fill(CONTINGENCY, BROKER)
    _, outcome = _replace(
        meter, [], 9, ROOT_PLACE, originator=BROKER, role=CONTINGENCY, floor=4000, others=[(SUPPLIER, 30, None)]
    )
    changes = [asn1.sequence([asn1.put_integer(role), asn1.put_integer(floor)]) for role, floor in ((0, 4000), (2, 30))]
    assert asn1.sequence(changes) in outcome.payload
    assert meter.anchors.counter(CONTINGENCY) == 4000
    assert meter.anchors.counter(SUPPLIER) == 30


def test_replaced_credentials_take_their_secrets_with_them(meter):
    old = meter.anchors.cell(*KA).public_key
    assert meter.secrets.z(old)
    assert repr(meter.secrets) == "Secrets(1 held)"
    _replace(meter, [(meter.party(SUPPLIER, ALICE, KEY_AGREEMENT), KA)])
    assert repr(meter.secrets) == "Secrets(0 held)"


# ---- later, or not at all


def test_a_future_command_acts_when_its_time_comes(meter):
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE)
    before = _key_ids(meter)
    _, outcome = _replace(meter, [(new, DS)], floor=0, time=b"20300115000000Z")
    assert outcome.payload == b"\x30\x02\x05\x00"
    assert _key_ids(meter) == before
    due_s, blob = outcome.stored
    assert due_s == 947980800
    alert_code, message_code, payload, events = meter.credentials.due(0x102, blob, 1000, due_s, due_s)
    assert (alert_code, message_code, events) == (0x8F66, 0x00CB, (0x8F70,))
    assert _statuses(payload) == [SUCCESS]
    assert _key_ids(meter)[0] == new.key_id
    assert meter.anchors.counter(SUPPLIER) == 0


def test_a_future_command_that_fails_tells_so(meter):
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE)
    _, outcome = _replace(meter, [(new, DS)], path=[], time=b"20300115000000Z")
    due_s, blob = outcome.stored
    alert_code, _, payload, events = meter.credentials.due(0x102, blob, 1000, due_s, due_s)
    assert (alert_code, events, _statuses(payload)) == (0x8F67, (), [NO_TRUST_ANCHOR])


def test_the_cancelling_time_cancels(meter):
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE)
    before = _key_ids(meter)
    _, outcome = _replace(meter, [(new, DS)], time=b"99991231235959Z")
    assert (outcome.payload, outcome.stored) == (b"\x30\x02\x05\x00", CANCEL)
    assert _key_ids(meter) == before


# ---- faults of the bench


def test_a_fault_fails_the_replacement_that_it_names(meter):
    new = [meter.party(SUPPLIER, ALICE, place[1]) for place in (DS, KA)]
    replacements = list(zip(new, (DS, KA)))
    assert _replace(meter, replacements, fault=(1, None))[0] == [SUCCESS, NO_TRUST_ANCHOR]
    assert _replace(meter, replacements, counter=1001, fault=(0, 17))[0] == [17, SUCCESS]
    assert _replace(meter, replacements, counter=1002, fault=(2, None))[0] == [SUCCESS, SUCCESS]
    assert _replace(meter, replacements, counter=1003, fault=(999, None))[0] == [SUCCESS, SUCCESS]


def test_load_controller_cells_are_one_item_to_the_bench(meter):
    places = ((LOAD_CONTROLLER, DIGITAL_SIGNATURE, 0), (LOAD_CONTROLLER, KEY_AGREEMENT, 0))
    new = [meter.party(LOAD_CONTROLLER, BOB, place[1]) for place in places]
    assert _replace(meter, list(zip(new, places)), 11, fault=(0, None))[0] == [NO_TRUST_ANCHOR] * 2


def test_a_fault_of_a_future_command_strikes_later(meter):
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE)
    _, outcome = _replace(meter, [(new, DS)], time=b"20300115000000Z", fault=(0, 127))
    due_s, blob = outcome.stored
    alert_code, _, payload, _ = meter.credentials.due(0x102, blob, 1000, due_s, due_s)
    assert (alert_code, _statuses(payload)) == (0x8F67, [127])


# ---- reading


def _details(meter, roles, place=DS, code=0x011B, originator=ALICE, fault=None):
    payload = meter.der(
        0x30, meter.der(0x30, meter.cell_id(place)), meter.der(0x30, *[meter.number(role) for role in roles])
    )
    return meter.send(code, payload, originator, 1, SUPPLIER, fault).payload


def test_details_come_in_the_order_of_the_roles(meter):
    meter.fill(LOAD_CONTROLLER, BOB)
    payload = _details(meter, [LOAD_CONTROLLER, SUPPLIER, NETWORK_OPERATOR])
    assert payload.index(b"\x02\x01\x08\x0a\x01\x00") < payload.index(b"\x02\x01\x02\x0a\x01\x00")
    assert payload.endswith(b"\x30\x06\x02\x01\x03\x0a\x01\x19")
    for cell in meter.anchors.cells(SUPPLIER):
        assert b"\x04\x08" + cell.entity_id + b"\x04\x08" + cell.key_id in payload


def test_load_controllers_are_unknown_to_the_older_read(meter):
    meter.fill(LOAD_CONTROLLER, BOB)
    assert _details(meter, [LOAD_CONTROLLER], code=0x0008) == bytes.fromhex("30083006020108" + "0a0119")


def test_reading_takes_a_fault_for_one_role(meter):
    assert _details(meter, [SUPPLIER, SUPPLIER], fault=(1, None)).endswith(bytes.fromhex("3006020102" + "0a017f"))


def test_reading_is_for_who_holds_the_cell(meter):
    for place, originator in ((DS, BOB), ((NETWORK_OPERATOR, DIGITAL_SIGNATURE, 0), ALICE)):
        with pytest.raises(DecodeError):
            _details(meter, [SUPPLIER], place, originator=originator)


def test_too_many_roles_are_refused(meter):
    with pytest.raises(DecodeError):
        _details(meter, [SUPPLIER] * 17)


def test_all_of_it_survives_a_restart_and_a_rollback_undoes_it(meter):
    meter.records.commit()
    before = meter.records.digest(meter.crypto)
    new = meter.party(SUPPLIER, ALICE, DIGITAL_SIGNATURE)
    _replace(meter, [(new, DS)], floor=5)
    meter.records.rollback()
    meter.anchors.reload()
    assert meter.records.digest(meter.crypto) == before
    _replace(meter, [(new, DS)], floor=5)
    meter.records.commit()
    again = type(meter.anchors)(type(meter.records)(meter.store), meter.anchors.places)
    assert again.cell(*DS).key_id == new.key_id
    assert again.counter(SUPPLIER) == 5
