"""The air without a radio, and the devices on it: air (a medium), mac, nwk, aps, zdo (the layers of a device), node
(one device of them all). Nothing here but air knows that the air is virtual: octets and time come in,
octets go out.
"""
