local suspended = obj.spec.suspend == true
return {
  sync = { disabled = suspended },
  suspend = { disabled = suspended },
  resume = { disabled = not suspended },
}
