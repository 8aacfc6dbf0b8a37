"""The reference board: a Raspberry Pi Pico 2."""
