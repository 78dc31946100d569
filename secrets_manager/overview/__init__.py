"""What people are shown of definitions, backends and the daemon: one model for every door.

`secrets-manager status -o json` and the status page show the same data under the same names. No field has
room for a value of a Secret.
"""
