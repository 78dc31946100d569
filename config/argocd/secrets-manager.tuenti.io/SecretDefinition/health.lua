-- As kstatus judges it: Current is Healthy, InProgress is Progressing, Failed is Degraded.
-- Only the condition Stalled says that waiting does not help.
if obj.spec ~= nil and obj.spec.suspend == true then
  return { status = "Suspended", message = "spec.suspend is true: the Secret stays as it is" }
end

local health = { status = "Progressing", message = "Waiting for secrets-manager to look at this definition" }
local status = obj.status
if status == nil or status.conditions == nil or status.observedGeneration ~= obj.metadata.generation then
  return health
end

local stalled = false
for _, condition in ipairs(status.conditions) do
  if condition.type == "Stalled" and condition.status == "True" then
    stalled = true
  elseif condition.type == "Ready" then
    health.message = condition.message
    if condition.status == "True" then
      health.status = "Healthy"
    end
  end
end
if stalled then
  health.status = "Degraded"
end
return health
