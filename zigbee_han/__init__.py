"""The ZigBee Smart Energy side of a device: frames, clusters, key establishment, the tunnel, and a virtual air.

It knows nothing of what the tunnel carries, and nothing of the other three strangers (docs/architecture.md).
"""
