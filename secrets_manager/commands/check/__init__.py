"""``secrets-manager check``: what is wrong with definitions in files, before they are applied."""
