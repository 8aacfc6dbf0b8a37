"""The same meter on a host's crypto and on that of a board: the same life, octet for octet.

Signatures differ each time they are made, so of a signed message everything else is compared, and the signature is
verified by the independent builder.
"""

import asn1_commands as a
import builder as b
from world import DS, ISSUER, ISSUER_CERTIFICATE, KA, METER, NOW_S, World

from slotmeter.hal.board.certificates import BoardCertificates
from slotmeter.hal.board.crypto import BoardCrypto

HOUR = 3600
PLACES = ((b.SUPPLIER, DS, 0), (b.SUPPLIER, KA, 0), (b.SUPPLIER, KA, 1))
COS = (b.TRANSITIONAL_COS, DS, 0)
FIRMWARE = [b.get(1, "0-0:0.2.1.255", 2)]
THRESHOLD = "0-0:94.44.128.7"


def worlds():
    """Two worlds that differ in what computes."""
    return World(), World(crypto=BoardCrypto(), certificates=BoardCertificates())


def same(pair, make):
    """Delivers to both meters what `make` gives for the first; what both sent back must be the same."""
    host, board = pair
    data = make(host)
    heard = [world.deliver(data) for world in pair]
    for here, there in zip(*[responses + alerts for responses, alerts, _ in heard], strict=True):
        if here.mac:
            assert here.whole == there.whole
        else:
            assert here.signed == there.signed
        for world, parts in ((host, here), (board, there)):
            world.check(parts)
    assert [repr(fact) for fact in heard[0][2]] == [repr(fact) for fact in heard[1][2]]
    assert host.meter.digest() == board.meter.digest()
    return heard[1]


def test_reads_and_writes_are_answered_alike():
    pair = worlds()
    host = pair[0]
    item = b.protected_read(
        host.supplier.counter + 3, host.supplier.entity, METER, "0-0:43.2.8.255", [(1, "0-0:94.44.34.10", 2)]
    )
    for make in (
        lambda w: w.command(w.supplier, 0x0059, FIRMWARE),
        lambda w: w.command(w.operator, 0x0028, [b.get(1, "0-0:94.44.34.20", 2)]),
        lambda w: w.command(w.supplier, 0x0021, [b.put(1, "0-2:96.13.1.255", 2, b.octets(b"hello"))]),
        lambda w: w.command(w.supplier, 0x0027, [item]),
        lambda w: w.command(w.broker, 0x004D, [b.put(1, "1-0:0.0.2.255", 2, b.octets(b"1312345678333"))]),
        lambda w: w.top_up(w.supplier, 5 << 32, 1250),
    ):
        responses, _, _ = same(pair, make)
        assert len(responses) == 1 and responses[0].mac
    assert pair[1].balance() == 1250000


def test_an_unknown_remote_party_is_answered_alike():
    pair = worlds()
    reader = pair[0].other_supplier
    certificate = b.certificate(b.public_key(reader.ka), ISSUER, reader.entity, b.SUPPLIER, "ka")

    def make(world):
        wanted = [(7, "0-0:98.1.8.255", 2, (NOW_S - 86400, NOW_S))]
        item = b.protected_read(world.broker.counter + 1, reader.entity, METER, "0-0:43.2.6.255", wanted)
        return world.command(world.broker, 0x0034, [item], supplementary=reader.entity + b.number(55, 8) + certificate)

    responses, _, _ = same(pair, make)
    ((_, result, _),) = b.response_results(responses[0].payload)
    assert result == 0


def test_critical_commands_are_answered_alike():
    pair = worlds()
    for make in (
        lambda w: w.command(w.supplier, 0x001C, [b.act(112, "0-0:19.10.0.255", 1, b.i32(7))], critical=True),
        lambda w: w.command(w.supplier, 0x0050, [b.act(9, "0-0:10.0.106.255", 1, b.u16(52))], critical=True),
        lambda w: w.command(
            w.supplier,
            0x0043,
            [b.put(9000, THRESHOLD, 4, b.u32(6900)), b.put(9000, THRESHOLD, 6, b.octets(b.date_time(NOW_S + HOUR)))],
            critical=True,
        ),
        lambda w: w.message(w.supplier, 0x0008, a.read_credentials(PLACES[0], [2, 3, 4, 5]), 1, True, mac=False),
        lambda w: w.asn1(w.supplier, 0x000D, a.join(bytes.fromhex("00DB1234567890A1"), 5)),
        lambda w: w.asn1(w.supplier, 0x000C, a.own_certificate(KA)),
    ):
        responses, _, _ = same(pair, make)
        assert len(responses) == 1 and responses[0].signature
    due = [world.advance(HOUR)[1] for world in pair]
    assert due[0][0].signed == due[1][0].signed
    pair[1].check(due[1][0])


def test_refusals_are_told_of_alike():
    pair = worlds()
    read = pair[0].command(pair[0].supplier, 0x0059, FIRMWARE)
    write = pair[0].command(
        pair[0].supplier, 0x001C, [b.act(112, "0-0:19.10.0.255", 1, b.i32(7))], counter=5000, critical=True
    )
    unsigned = b.take_apart(write).body
    for data in (
        read[:-1] + bytes([read[-1] ^ 1]),
        read[:-1],
        pair[0].command(pair[0].stranger, 0x0059, FIRMWARE),
        pair[0].command(pair[0].supplier, 0x0099, FIRMWARE),
        write[:-14] + bytes([write[-14] ^ 1]) + write[-13:],
        b.with_mac(unsigned[:-1] + bytes([unsigned[-1] ^ 1]), b.shared_secret(pair[0].broker.ka, pair[0].ka_public)),
    ):
        responses, _, facts = same(pair, lambda _, octets=data: octets)
        assert not responses and facts


def test_credentials_are_judged_alike():
    pair = worlds()
    listed = pair[0].credentials(pair[0].other_supplier, PLACES)
    bad = listed[1][0]
    listed[1] = (bad[:-1] + bytes([bad[-1] ^ 1]), PLACES[1])
    others = [(b.SUPPLIER, 5, 5 << 32)]

    def change(world):
        return world.asn1(
            world.transcos, 0x0107, lambda n: a.update(7, COS, n, listed, [ISSUER_CERTIFICATE], others=others)
        )

    responses, _, _ = same(pair, change)
    assert [one[1] for one in a.read(responses[0].payload)[1][3]] == [0, 5, 0]
    for world in pair:
        assert world.refused(world.command(world.supplier, 0x001C, FIRMWARE, critical=True)) == "not-authentic"


def test_a_board_makes_itself_a_new_key_and_agrees_and_signs_with_it():
    _, board = worlds()
    for usage in (DS, KA):
        request = board.answer(board.asn1(board.supplier, 0x000A, a.own_certificate(usage))).payload
        public = a.request_public_key(request)
        certificate = b.certificate(public, ISSUER, METER, None, "ds" if usage == DS else "ka")
        ((response,), _, _) = board.deliver(board.asn1(board.supplier, 0x000B, certificate))
        if usage == DS:
            board.ds_public = public
        else:
            board.ka_public = public
        board.check(response)
        assert a.read(response.payload) == 0
    assert board.results(board.command(board.supplier, 0x0059, FIRMWARE))[0][1] == 0
