"""Security credentials of the remote parties: CS02a and CS02f read them, CS02b and CS02g replace them (GBCS 13.3).

A replacement command is judged cell by cell; what fails keeps its old contents and the rest succeeds. Nothing is
written before everything is judged, and the whole of it is durable together.

    the device has no such cell                            25 trustAnchorNotFound
    the mode may not touch the cell                       127 other
    unreadable, no identity, wrong usage, wrong role        5 badCertificate
    its issuer leads to no root that the device trusts     10 noTrustAnchor
    an issuer's signature is wrong, or (if asked) expired   5 badCertificate

Whoever signs the command must hold the cell that it names as authorising, and the counter in it is that of the header.
A command that breaks this is no command of the use case: DecodeError, and no response.

Counters. The command sets floors for the roles that it affects, and the response repeats them, failed cells or not
(RTDS 6.15.1 IMMEDIATE_ERROR). A floor above a role's counter always raises it. A floor below lowers it only when the
key that authenticates the role's commands was really exchanged: otherwise the command itself could be sent again and
be executed again. The same holds for the top-up counter and the top-up key.

Role in the certificate. The organisational unit names the remote party role of the holder. Modes 2 to 7 replace the
credentials of one role by others of that role, so it must be the role of the cell. Recovery and contingency may put a
placeholder into any cell, and load controller cells take supplier certificates (RTDS 6.15.1 CS02g).

Contingency. The key that verifies an anyByContingency command is encrypted in the root certificate and comes free with
the symmetric key in the command. Its wrapping is published nowhere, so the port does not unwrap: a device that is to
accept the mode is given the contingency key as a cell (CONTINGENCY, digital signature). Its counter is that role's,
its floor is reported as the root's.
"""

from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import asn1, replacement_command
from slotmeter.dlms.gbcs.anchors import Cell
from slotmeter.dlms.gbcs.asn1_request import ACTIONED, CANCEL, NOT_ACTIONED, UPDATE_SECURITY_CREDENTIALS, Outcome
from slotmeter.dlms.gbcs.certification_path import BAD_CERTIFICATE, NO_TRUST_ANCHOR, SUCCESS, CertificationPath
from slotmeter.dlms.gbcs.replacement_command import Change
from slotmeter.dlms.gbcs.roles import (
    ACCESS_CONTROL_BROKER,
    CONTINGENCY,
    DIGITAL_SIGNATURE,
    KEY_AGREEMENT,
    KEY_CERT_SIGN,
    LOAD_CONTROLLER,
    MANAGEMENT,
    NETWORK_OPERATOR,
    PREPAYMENT_TOP_UP,
    RECOVERY,
    ROOT,
    SUPPLIER,
    TRANSITIONAL_COS,
    WAN_PROVIDER,
)
from slotmeter.hal.errors import HalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.dlms.gbcs.anchors import Anchors, Secrets
    from slotmeter.dlms.gbcs.asn1_request import Request
    from slotmeter.dlms.gbcs.replacement_command import ReplacementCommand
    from slotmeter.hal.certificates import Certificates
    from slotmeter.hal.crypto import Crypto

# StatusCode of the ASN.1 module, beside those of certification_path.
INSUFFICIENT_MEMORY = 17
TRUST_ANCHOR_NOT_FOUND = 25
RESOURCES_BUSY = 30
OTHER = 127

# Message codes.
CS02A = 0x0008
CS02F = 0x011B
CS02B = 0x0100  # plus the mode, 0 to 9
CS02G = 0x0125  # plus the mode less 10
CS02B_ALERT = 0x00CB
CS02G_ALERT = 0x0124

_ANY_ROLE = 0x1FF
_SAME_ROLE = 1
# Who authorises each mode, with which cell; the cells' roles that it may touch, as an OR of 1 << role; whether the
# certificates must name the role of their cell.
MODES = (
    (ROOT, SUPPLIER, DIGITAL_SIGNATURE, 1 << ROOT, 0),
    (ROOT, WAN_PROVIDER, DIGITAL_SIGNATURE, 1 << ROOT, 0),
    (SUPPLIER, SUPPLIER, DIGITAL_SIGNATURE, 1 << SUPPLIER, _SAME_ROLE),
    (NETWORK_OPERATOR, NETWORK_OPERATOR, DIGITAL_SIGNATURE, 1 << NETWORK_OPERATOR, _SAME_ROLE),
    (ACCESS_CONTROL_BROKER, ACCESS_CONTROL_BROKER, KEY_AGREEMENT, 1 << ACCESS_CONTROL_BROKER, _SAME_ROLE),
    (WAN_PROVIDER, WAN_PROVIDER, DIGITAL_SIGNATURE, 1 << WAN_PROVIDER, _SAME_ROLE),
    (TRANSITIONAL_COS, TRANSITIONAL_COS, DIGITAL_SIGNATURE, 1 << TRANSITIONAL_COS, _SAME_ROLE),
    (SUPPLIER, TRANSITIONAL_COS, DIGITAL_SIGNATURE, 1 << SUPPLIER, _SAME_ROLE),
    (None, RECOVERY, DIGITAL_SIGNATURE, _ANY_ROLE, 0),
    (None, ROOT, KEY_CERT_SIGN, _ANY_ROLE, 0),
    (LOAD_CONTROLLER, LOAD_CONTROLLER, DIGITAL_SIGNATURE, 1 << LOAD_CONTROLLER, 0),
    (LOAD_CONTROLLER, SUPPLIER, DIGITAL_SIGNATURE, 1 << LOAD_CONTROLLER, 0),
)
_NOBODY = b"\x00\x00\x00\x00\x00\x00\x00\x00"
_ROLES_LIMIT = 16
_NOTHING_STORED = 0xFF


class TrustAnchors:
    """Carries out CS02a, CS02f, CS02b and CS02g over the trust anchor cells.

    check_validity: whether replacement certificates must be valid at the time of execution when the command says so
    (applyTimeBasedCPVChecks 0 or absent); off, because RTDS installs certificates outside of their time.
    match_roles: whether modes 2 to 7 ask for the role of the cell in the certificate.
    set_top_up_floor: called with (counter, whether the top-up key is a new one) when a command sets the floor of
    top-up tokens; whoever keeps the tokens' counters sets it.
    """

    def __init__(
        self,
        anchors: "Anchors",
        secrets: "Secrets",
        crypto: "Crypto",
        certificates: "Certificates",
    ) -> None:
        self._anchors = anchors
        self._secrets = secrets
        self._crypto = crypto
        self._certificates = certificates
        self.check_validity = False
        self.match_roles = True
        self.set_top_up_floor: Callable[[int, bool], None] | None = None

    # ---- CS02a, CS02f

    def provide(self, request: "Request") -> Outcome:
        """CS02a and CS02f: SEQUENCE { authorising CellId, SEQUENCE OF role }; details of each role in that order.

        Load controller cells are known to CS02f alone.
        """
        payload = request.payload
        end = len(payload)
        start, stop = asn1.enter(payload, 0, end, asn1.SEQUENCE)
        asn1.at_end(stop, end)
        place, pos = replacement_command.parse_cell(payload, start, stop)
        self._check_authorised(place, request.originator)
        first, after = asn1.enter(payload, pos, stop, asn1.SEQUENCE)
        asn1.at_end(after, stop)
        details = []
        failed = False
        found = asn1.children(payload, first, after, asn1.INTEGER, _ROLES_LIMIT)
        for index in range(len(found)):
            role = asn1.integer_value(payload, found[index][1], found[index][2])
            status = SUCCESS
            cells = [] if role == LOAD_CONTROLLER and request.code == CS02A else self._anchors.cells(role)
            if request.fault is not None and request.fault[0] == index:
                status = request.failure(OTHER)
            elif not cells:
                status = TRUST_ANCHOR_NOT_FOUND
            parts = [asn1.put_integer(role), asn1.put_enumerated(status)]
            if status == SUCCESS:
                parts.append(asn1.put_integer(self._anchors.counter(role)))
                parts.append(asn1.sequence([_cell_details(cell) for cell in cells]))
            else:
                failed = True
            details.append(asn1.sequence(parts))
        return Outcome(asn1.sequence(details), failed=failed)

    def _check_authorised(self, place: "tuple[int, int, int]", originator: bytes) -> None:
        cell = self._anchors.cell(place[0], place[1], place[2])
        if cell is None or cell.entity_id != originator:
            raise DecodeError("the originator does not hold the authorising cell", 0)

    # ---- CS02b, CS02g

    def replace(self, request: "Request") -> Outcome:
        """CS02b and CS02g: at once, stored until its time, or the stored one cancelled."""
        command = replacement_command.parse(request.payload)
        self._check_command(command, request)
        accepted = asn1.put_null()
        if command.due_s == asn1.CANCEL_TIME:
            return Outcome(asn1.sequence([accepted]), CANCEL)
        item = _NOTHING_STORED
        status = 0
        if request.fault is not None and 0 <= request.fault[0] < _NOTHING_STORED:
            item = request.fault[0]
            status = request.failure(NO_TRUST_ANCHOR) & 0xFF
        if command.due_s is not None:
            # A fault armed for a future-dated command strikes when it is carried out.
            return Outcome(asn1.sequence([accepted]), (command.due_s, bytes((item, status)) + request.payload))
        execution, failed, replaced = self._execute(command, request.code, request.now_s, item, status)
        events = (UPDATE_SECURITY_CREDENTIALS,) if replaced else ()
        return Outcome(asn1.sequence([accepted, execution]), None, events, failed)

    def due(
        self, code: int, blob: bytes, due_s: int, now_s: int
    ) -> "tuple[int, int, bytes, tuple[int, ...]]":
        """Carries out what `replace` stored: alert code, message code, payload, events."""
        command = replacement_command.parse(blob[2:])
        execution, failed, replaced = self._execute(command, code, now_s, blob[0], blob[1])
        alert_code = NOT_ACTIONED if failed else ACTIONED
        payload = asn1.sequence([asn1.put_integer(alert_code), asn1.put_generalized_time(due_s), execution])
        message_code = CS02G_ALERT if code >= CS02G else CS02B_ALERT
        return alert_code, message_code, payload, (UPDATE_SECURITY_CREDENTIALS,) if replaced else ()

    def _check_command(self, command: "ReplacementCommand", request: "Request") -> None:
        """Whether the command is one of its use case and of its originator; DecodeError when not."""
        mode = command.mode
        code = CS02B + mode if mode < replacement_command.LOAD_CONTROLLER_BY_LOAD_CONTROLLER else CS02G + mode - 10
        if code != request.code:
            raise DecodeError("replacement mode is not that of the message code", 0)
        if command.counter != request.counter:
            raise DecodeError("authorising counter differs from that of the header", 0)
        role, usage = MODES[mode][1:3]
        place = (role, usage, MANAGEMENT)
        if command.cell is None and mode != replacement_command.ACB_BY_ACB:
            raise DecodeError("authorising cell missing", 0)
        if command.cell is not None and command.cell != place:
            raise DecodeError("authorising cell is not that of the mode", 0)
        if mode == replacement_command.ANY_BY_CONTINGENCY:
            if request.role != CONTINGENCY:
                raise DecodeError("the originator is not the contingency party", 0)
        else:
            self._check_authorised(place, request.originator)
        if mode == replacement_command.ACB_BY_ACB and command.due_s is not None:
            raise DecodeError("this mode is carried out at once", 0)
        touched = MODES[mode][3]
        for change in command.others:
            if change.role > CONTINGENCY or not touched >> change.role & 1:
                raise DecodeError("a counter of a role that the mode does not touch", 0)
            if change.specialist is not None and change.role != SUPPLIER:
                raise DecodeError("a top-up counter of another role than the supplier", 0)
        if command.specialist is not None and (role != SUPPLIER or command.floor is None):
            raise DecodeError("a top-up counter of another role than the supplier", 0)

    def _execute(
        self, command: "ReplacementCommand", code: int, now_s: int, fault_item: int, fault_status: int
    ) -> "tuple[bytes, bool, bool]":
        """Judges and installs the replacements: execution outcome, whether any failed, whether any succeeded."""
        roots = [cell for cell in self._anchors.cells(ROOT)]
        timed = self.check_validity and command.apply_validity
        path = CertificationPath(
            self._crypto, self._certificates, command.path, roots, now_s if timed else None
        )
        count = len(command.replacements)
        statuses = [OTHER] * count
        cells: list[Cell | None] = [None] * count
        # The root first, wherever it stands: what comes with it may lead to the new one.
        order = [index for index in range(count) if command.replacements[index][1][0] == ROOT]
        order += [index for index in range(count) if command.replacements[index][1][0] != ROOT]
        # Both load controller cells are one item to the test bench, as in RTDS 6.15.1 CS02g.
        strikes_all = code >= CS02G and fault_item != _NOTHING_STORED and fault_status != SUCCESS
        for index in order:
            if strikes_all or (index == fault_item and fault_status != SUCCESS):
                statuses[index] = fault_status
            else:
                statuses[index], cells[index] = self._judge(command, index, path)
                cell = cells[index]
                if cell is not None and cell.role == ROOT:
                    path.add_root(cell)
        outcomes = []
        renewed = 0
        top_up_renewed = False
        for index in range(count):
            place = command.replacements[index][1]
            old = self._anchors.cell(place[0], place[1], place[2])
            new = cells[index]
            outcomes.append(_replacement_outcome(place, statuses[index], old, new))
            if new is not None and (old is None or old.public_key != new.public_key):
                if place[1] == (KEY_AGREEMENT if place[0] == ACCESS_CONTROL_BROKER else DIGITAL_SIGNATURE):
                    renewed |= 1 << place[0]
                if place == (SUPPLIER, KEY_AGREEMENT, PREPAYMENT_TOP_UP):
                    top_up_renewed = True
        failed = False
        replaced = False
        for index in range(count):
            new = cells[index]
            failed = failed or new is None
            if new is not None:
                replaced = True
                self._anchors.put_cell(new)
        if replaced:
            self._secrets.forget()
        changes = self._set_counters(command, renewed, top_up_renewed)
        execution = asn1.sequence(
            [
                asn1.put_integer(command.counter),
                asn1.put_integer(command.mode),
                asn1.sequence([change.to_asn1() for change in changes]),
                asn1.sequence(outcomes),
            ]
        )
        return execution, failed, replaced

    def _judge(
        self, command: "ReplacementCommand", index: int, path: CertificationPath
    ) -> "tuple[int, Cell | None]":
        """The status of one replacement, and the cell to install when it is SUCCESS."""
        der, place = command.replacements[index]
        role, usage, cell_usage = place
        touched, match = MODES[command.mode][3:]
        if not self._anchors.has_place(role, usage, cell_usage):
            return TRUST_ANCHOR_NOT_FOUND, None
        if not touched >> role & 1:
            return OTHER, None
        try:
            certificate = self._certificates.read(der)
        except HalError:
            return BAD_CERTIFICATE, None
        if len(certificate.key_id) != 8:
            return BAD_CERTIFICATE, None
        if role == ROOT:
            # A root may sign revocation lists too, and names no entity.
            if not certificate.key_usage & KEY_CERT_SIGN:
                return BAD_CERTIFICATE, None
            status = path.check_root(certificate, command.mode == replacement_command.ANY_BY_CONTINGENCY)
            entity_id = _NOBODY
        else:
            if certificate.key_usage != usage or len(certificate.entity_id) != 8:
                return BAD_CERTIFICATE, None
            if match and self.match_roles and certificate.role != role:
                return BAD_CERTIFICATE, None
            status = path.check(certificate)
            entity_id = certificate.entity_id
        if status != SUCCESS:
            return status, None
        return status, Cell(role, usage, cell_usage, entity_id, certificate.key_id, certificate.public_key, der)

    def _set_counters(self, command: "ReplacementCommand", renewed: int, top_up_renewed: bool) -> "list[Change]":
        """Sets the counters that the command asks for, and says what the response reports."""
        changes = list(command.others)
        if command.floor is not None:
            changes.insert(0, Change(MODES[command.mode][1], command.floor, command.specialist))
        for change in changes:
            role = change.role
            if role == ROOT and command.mode == replacement_command.ANY_BY_CONTINGENCY:
                role = CONTINGENCY
            present = self._anchors.counter(role)
            if change.floor > present or renewed >> role & 1:
                self._anchors.set_counter(role, change.floor)
            if change.specialist is not None and self.set_top_up_floor is not None:
                self.set_top_up_floor(change.specialist, top_up_renewed)
        return changes


def _cell_details(cell: Cell) -> bytes:
    """SEQUENCE { keyUsage, cellUsage DEFAULT, subjectUniqueId, subjectKeyIdentifier }."""
    parts = [asn1.put_key_usage(cell.usage)]
    if cell.cell_usage:
        parts.append(asn1.put_integer(cell.cell_usage))
    parts.append(asn1.put_octets(cell.entity_id))
    parts.append(asn1.put_octets(cell.key_id))
    return asn1.sequence(parts)


def _replacement_outcome(
    place: "tuple[int, int, int]", status: int, old: "Cell | None", new: "Cell | None"
) -> bytes:
    """SEQUENCE { CellId, StatusCode, existing subject and key id, replacing subject and key id }.

    What was not replaced is "replaced" by itself; an empty or missing cell shows zeros.
    """
    existing = _NOBODY + _NOBODY if old is None else old.entity_id + old.key_id
    replacing = existing if new is None else new.entity_id + new.key_id
    return asn1.sequence(
        [
            replacement_command.cell_to_asn1(place),
            asn1.put_enumerated(status),
            asn1.put_octets(existing[:8]),
            asn1.put_octets(existing[8:]),
            asn1.put_octets(replacing[:8]),
            asn1.put_octets(replacing[8:]),
        ]
    )
