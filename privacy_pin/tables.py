"""What a privacy PIN can guard (SMETS 5.5.4, 5.5.5; facts 6.1 and 6.2; open-questions 12 and 13).

The one rule that no setting changes: adding credit never needs the PIN, so that nobody sits in the dark for having
forgotten four digits. Which of the others need it is a product's choice; the column is what E470 and AS302P do.
"""

# Kinds of screens and functions.
ALWAYS = 0
ADD_CREDIT = 1
PUBLIC = 2
PRIVATE = 3
EMERGENCY_CREDIT = 4
ENABLE_SUPPLY = 5
BOOST = 6

# Whether the PIN guards a kind.
NEVER = 0
WHEN_CHOSEN = 1
GUARDED = 2

# (kind, what it is, whether it is guarded, source)
KINDS = (
    (ALWAYS, "the clock, the indicators, and entering the PIN itself", NEVER, "there must be a way in"),
    (ADD_CREDIT, "adding credit", NEVER, "design record: add credit stays within reach"),
    (PUBLIC, "registers, prices, the meter itself", WHEN_CHOSEN, "AS302P: not marked as protected"),
    (PRIVATE, "balances, debts, payment mode, messages, histories", GUARDED, "AS302P marks them; E470 status list"),
    (EMERGENCY_CREDIT, "activating emergency credit", GUARDED, "facts 6.2, from general knowledge"),
    (ENABLE_SUPPLY, "turning an armed supply on", GUARDED, "E470"),
    (BOOST, "starting, extending, cancelling a boost", WHEN_CHOSEN, "E470: on the default display"),
)
