"""Parts that backends share, also for backends of other packages: see docs/plug-ins.md.

They know the contract of backends and no backend.
"""
