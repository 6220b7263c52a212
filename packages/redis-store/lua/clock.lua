-- The only clock of shared locks: this server's.
--
-- Output: milliseconds since 1970. It moves while a function runs, so a function reads it once.
-- It may step in either direction; `step.lua` makes instants of it that never go back.

local function readClock(_key)
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
