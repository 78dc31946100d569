"""The engine: three inputs, one queue, one path out.

It sees the protocol of backends and the cluster's stores and writers, never a vendor.
"""
