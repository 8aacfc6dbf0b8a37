"""The frames of the air, parsed and built: mac (IEEE 802.15.4), nwk, aps, zdo; layout, by which their commands are
tables; secure, which seals and opens NWK and APS frames. They keep no state.
"""
