"""The co-processor side of a ZigBee stick: what a host finds at the other end of the serial line.

- ash: the link of the serial line: frames, windows, re-sending (both ends)
- ezsp: the commands inside it, laid out for six protocol versions by the tables in `commands`
- settings, security: what a host sets and reads, and the keys
- flash: what a stick remembers without power
- zdo: the device object's own answers
- radio: what a co-processor needs of the air, and the air where nobody is
- server: the co-processor: answers commands, forms a network
- stick: all of it behind one serial line: octets in, octets out
"""
