"""The menu of the meter's face and what it says, as data (SMETS 5.5.5; facts 6.2).

MENU: (title, what it does, argument, kind as the privacy PIN guards it, when it is offered).
"""

from slotmeter.firmware import screens
from slotmeter.privacy_pin.tables import ADD_CREDIT, ALWAYS, BOOST, EMERGENCY_CREDIT, ENABLE_SUPPLY, PRIVATE

# What a row does.
TOKEN = 0
CONFIRM = 1
AMOUNT = 2
AT_ONCE = 3
LIST = 4
MESSAGE = 5
ENTER_PIN = 6
SET_PIN = 7
CHANGE_PIN = 8
DISABLE_PIN = 9
EXIT = 10

# Arguments of CONFIRM, AMOUNT and AT_ONCE.
USE_EMERGENCY_CREDIT = 0
TURN_SUPPLY_ON = 1
START_BOOST = 2
EXTEND_BOOST = 3
CANCEL_BOOST = 4
PAIR_DISPLAY = 5

# When a row is offered.
ANY_TIME = 0
CREDIT_OFFERED = 1
SUPPLY_ARMED = 2
MESSAGE_THERE = 3
PREPAYMENT_MODE = 4
BOOST_THERE = 5
BOOST_IDLE = 6
BOOST_RUNNING = 7
PIN_SET = 8
PIN_NOT_SET = 9
PIN_WANTED = 10
NETWORK_THERE = 11

MENU = (
    ("Add credit", TOKEN, 0, ADD_CREDIT, ANY_TIME),
    ("Emergency credit", CONFIRM, USE_EMERGENCY_CREDIT, EMERGENCY_CREDIT, CREDIT_OFFERED),
    ("Turn supply on", CONFIRM, TURN_SUPPLY_ON, ENABLE_SUPPLY, SUPPLY_ARMED),
    ("Message", MESSAGE, 0, PRIVATE, MESSAGE_THERE),
    ("Enter PIN", ENTER_PIN, 0, ALWAYS, PIN_WANTED),
    ("Start boost", AMOUNT, START_BOOST, BOOST, BOOST_IDLE),
    ("Extend boost", AT_ONCE, EXTEND_BOOST, BOOST, BOOST_RUNNING),
    ("Cancel boost", AT_ONCE, CANCEL_BOOST, BOOST, BOOST_RUNNING),
    ("Your supply", LIST, screens.CUSTOMER, ALWAYS, ANY_TIME),
    ("Prepayment", LIST, screens.PREPAYMENT, PRIVATE, PREPAYMENT_MODE),
    ("Registers", LIST, screens.REGISTERS, ALWAYS, ANY_TIME),
    ("Prices", LIST, screens.PRICES, ALWAYS, ANY_TIME),
    ("Boost", LIST, screens.BOOST, ALWAYS, BOOST_THERE),
    ("General", LIST, screens.GENERAL, ALWAYS, ANY_TIME),
    ("Logs", LIST, screens.LOGS, ALWAYS, ANY_TIME),
    ("Pair a display", CONFIRM, PAIR_DISPLAY, ALWAYS, NETWORK_THERE),
    ("Set PIN", SET_PIN, 0, ALWAYS, PIN_NOT_SET),
    ("Change PIN", CHANGE_PIN, 0, ALWAYS, PIN_SET),
    ("Disable PIN", DISABLE_PIN, 0, ALWAYS, PIN_SET),
    ("Exit", EXIT, 0, ALWAYS, ANY_TIME),
)

# What is asked before, said after when done, and after when refused; a boost says itself why it was.
QUESTIONS = {
    USE_EMERGENCY_CREDIT: ("Use emergency credit?", "Emergency credit in use", "Not possible now"),
    TURN_SUPPLY_ON: ("Turn supply on? Appliances off?", "Supply is on", "Supply stays off"),
    START_BOOST: ("", "Boost started", ""),
    EXTEND_BOOST: ("", "Boost extended", ""),
    CANCEL_BOOST: ("", "Boost cancelled", ""),
    PAIR_DISPLAY: ("Pair a display?", "Waiting for display", "No network"),
}
