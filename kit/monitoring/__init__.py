"""What an operator watches the daemon with, made by code: alerts, recording rules and a dashboard.

`make monitoring` writes the files. Nothing here reads the program, and nothing of it is installed.
"""
