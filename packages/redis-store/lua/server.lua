-- The server process that runs the functions: the beginning of its run_id. A restart and a failover
-- lead to another one, which may have lost the newest writes; a count of changes cannot tell.
--
-- Read once for each load of the library: a process never changes its run_id.

local RUN_ID_LENGTH = 16

local ownRunId

local function thisServer(_key)
  if ownRunId == nil then
    local runId = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
    ownRunId = string.sub(runId, 1, RUN_ID_LENGTH)
  end
  return ownRunId
end
