"""What a tester may choose where the documents leave a choice; docs/decisions.md says why each default."""

from slotmeter.dlms.gbcs import gate
from slotmeter.firmware.mains import DEAD_VOLTS
from slotmeter.prepayment.lockout import ATTEMPTS, LOCK_S, WITHIN_S
from slotmeter.privacy_pin import guard

SINGLE = 1
TWIN = 2
POLYPHASE = 4
VARIANT_NAMES = {"single": SINGLE, "twin": TWIN, "polyphase": POLYPHASE}

# Reason of a refusal: (code for the security log, code of the alert to the supplier or 0). Alert codes: GBCS 16.2.
REFUSAL_CODES = {
    gate.WRONG_TARGET: (0x8F3E, 0x8F3E),
    gate.NOT_A_COMMAND: (0x8F3E, 0x8F3E),
    gate.UNKNOWN_ORIGINATOR: (0x8F3E, 0x8F3E),
    gate.NOT_AUTHORISED: (0x8F30, 0x8F30),
    gate.NOT_AUTHENTIC: (0x8F3D, 0x8F3D),
    gate.REPLAYED: (0x8F53, 0x8F53),
    gate.MALFORMED: (0x8F1E, 0x8F1E),
    gate.NOT_SUPPORTED: (0, 0x8F85),
}


# What auxiliary switches do while the clock is not reliable: keep the calendar's last word, fall to nought, go on.
HOLD = 0
OPEN = 1
CALENDAR = 2


class Settings:
    """variant: SINGLE, TWIN or POLYPHASE; everything else has the default that the documents suggest.

    refusal_codes: as REFUSAL_CODES; cache_secrets: keep agreed secrets in memory; check_validity: look at the
    validity period of certificates; block_size: octets of a general block transfer block for responses, 0 to send
    them whole; keep_undelivered: keep messages in the store until `Meter.delivered`; flood_messages refused within
    flood_s seconds are told of as unusual (8F60), 0 for never; log_commands: note carried-out updates in the event
    log; lock_attempts wrong tokens typed within lock_within_s seconds lock manual entry for lock_s.
    randomise_tariff: the randomised offset delays the switching of tariff registers too, not of auxiliary controllers
    alone; register_modulus: Wh and varh at which the energy registers roll over, at most 2^32; log_again_after_s: a
    clock put back by more than this makes the logs start anew, by less they wait until it has caught up.
    pin_attempts: wrong privacy PINs in a row before it is locked, 0 for any number; pin_lock_s: for how long;
    pin_kinds: what it guards, of privacy_pin.tables; pin_settable_remotely: a bench may set one as no command can.
    ride_through_ms: supply that is gone for less was never gone; dead_volts: below it (0.1 V) a phase has no supply.
    switch_retry_ms: how often a contact that did not follow is tried again; enable_without_credit: a command to enable
    the supply does so in prepayment mode without credit too, until the next disablement; auxiliary_without_time: HOLD,
    OPEN or CALENDAR.
    open_clusters: of Time (0x000A) and Alarms (0x0009) those that are answered on the home area network without a link
    key; serves_unlisted: devices with a link key may read there too when the meter's device log does not name them.
    face_columns, face_rows: characters and lines of the display; face_digits: whole digits shown of a register;
    face_idle_s: without a key, the default display is back and the PIN needed again; face_turn_s: how long each
    screen of the default display stays, 0 for ever.
    """

    def __init__(self, variant: int = SINGLE) -> None:
        self.variant = variant
        self.refusal_codes = REFUSAL_CODES
        self.cache_secrets = True
        self.check_validity = False
        self.block_size = 0
        self.keep_undelivered = False
        self.log_commands = True
        # No figure is published.
        self.flood_messages = 10
        self.flood_s = 60
        self.lock_attempts = ATTEMPTS
        self.lock_within_s = WITHIN_S
        self.lock_s = LOCK_S
        self.randomise_tariff = True
        self.register_modulus = 1 << 32
        self.log_again_after_s = 86400
        self.pin_attempts = 5
        self.pin_lock_s = 600
        self.pin_kinds = guard.DEFAULT
        self.pin_settable_remotely = False
        # One manufacturer's value; no document names one.
        self.ride_through_ms = 500
        self.dead_volts = DEAD_VOLTS
        self.switch_retry_ms = 60000
        self.enable_without_credit = True
        self.auxiliary_without_time = HOLD
        self.open_clusters = (0x000A,)
        self.serves_unlisted = False
        self.face_columns = 20
        self.face_rows = 4
        self.face_digits = 5
        self.face_idle_s = 30
        self.face_turn_s = 10
