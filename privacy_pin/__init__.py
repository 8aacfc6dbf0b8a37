"""The privacy PIN: its attempts and lock-out, and which screens it guards. Nothing is here yet.

Until it is, ECS14 is stored as any other attribute and no screen exists that it could open.
"""
