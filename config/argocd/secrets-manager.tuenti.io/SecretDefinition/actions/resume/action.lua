-- Absent, and not false: as in a manifest that does not name it.
obj.spec.suspend = nil
return obj
