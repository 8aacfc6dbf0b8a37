"""Remote party roles and the trust anchor cells that they have (GBCS section 4.3.2.5; ASN.1 RemotePartyRole)."""

ROOT = 0
RECOVERY = 1
SUPPLIER = 2
NETWORK_OPERATOR = 3
ACCESS_CONTROL_BROKER = 4
TRANSITIONAL_COS = 5
WAN_PROVIDER = 6
ISSUING_AUTHORITY = 7
LOAD_CONTROLLER = 8
# Not a role of the ASN.1 type: who signs a credential update of mode anyByContingency.
CONTINGENCY = 9

NAMES = (
    "root",
    "recovery",
    "supplier",
    "network-operator",
    "access-control-broker",
    "transitional-cos",
    "wan-provider",
    "issuing-authority",
    "load-controller",
    "contingency",
)

# Key usages, as the first octet of the X.509 KeyUsage bit string.
DIGITAL_SIGNATURE = 0x80
KEY_AGREEMENT = 0x08
KEY_CERT_SIGN = 0x04

# Cell usages.
MANAGEMENT = 0
PREPAYMENT_TOP_UP = 1

# The cells of an ESME, in the order in which CS02a lists those of a role: (role, key usage, cell usage).
ESME_CELLS = (
    (ROOT, KEY_CERT_SIGN, MANAGEMENT),
    (RECOVERY, DIGITAL_SIGNATURE, MANAGEMENT),
    (SUPPLIER, DIGITAL_SIGNATURE, MANAGEMENT),
    (SUPPLIER, KEY_AGREEMENT, MANAGEMENT),
    (SUPPLIER, KEY_AGREEMENT, PREPAYMENT_TOP_UP),
    (NETWORK_OPERATOR, DIGITAL_SIGNATURE, MANAGEMENT),
    (NETWORK_OPERATOR, KEY_AGREEMENT, MANAGEMENT),
    (ACCESS_CONTROL_BROKER, KEY_AGREEMENT, MANAGEMENT),
    (TRANSITIONAL_COS, DIGITAL_SIGNATURE, MANAGEMENT),
    (LOAD_CONTROLLER, DIGITAL_SIGNATURE, MANAGEMENT),
    (LOAD_CONTROLLER, KEY_AGREEMENT, MANAGEMENT),
    # Empty unless a bench fills it: the contingency key, which a real device finds wrapped in its root certificate.
    (CONTINGENCY, DIGITAL_SIGNATURE, MANAGEMENT),
)
