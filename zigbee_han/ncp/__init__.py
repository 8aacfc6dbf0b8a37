"""The co-processor side of a ZigBee stick: what a host finds at the other end of the serial line.

- ash: the link of the serial line: frames, windows, re-sending (both ends)
- ezsp: the commands inside it, laid out for six protocol versions by the tables in `commands`
- settings, security, network, messages: what the commands do: what a host sets and reads, the keys, the network, data
- flash: what a stick remembers without power
- server: the co-processor: answers commands, tells what happens to the device on the air
- stick: all of it behind one serial line: octets in, octets out
"""
