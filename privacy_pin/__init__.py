"""The privacy PIN: four digits that keep a household's screens from whoever passes the meter.

pin: the value, its attempts and lock-out. guard: whether it has been entered, and what that opens. tables: what can be
guarded. Nothing here knows a screen, a message or a clock: functions and the time are handed in.
"""
