-- batch: several commands of one event in one call, one after the other on one step: they read,
-- write and tell once. Each is decided as if it came alone; all are of one instant.
--
-- Only commands that read nothing but the hash may come in a batch: what the others read beside it
-- is not written before the end. Which those are, the caller knows (`event-lanes.ts`).

-- ARGV from 4: for each command its name, how many arguments it has, and these.
-- Output of `batch`: for each command what it replies alone; but now, seq, changes and event are
-- those of the batch.
local function commandsIn(args)
  local list = {}
  local at = 4
  while at <= #args do
    local count = tonumber(args[at + 1])
    local own = { args[1], args[2], args[3] }
    for index = 1, count do
      own[3 + index] = args[at + 1 + index]
    end
    list[#list + 1] = { together[args[at]], own }
    at = at + 2 + count
  end
  return list
end

define('batch', function(keys, args)
  local list = commandsIn(args)
  local fields = {}
  for _, entry in ipairs(list) do
    for _, field in ipairs(entry[1].fieldsOf(entry[2])) do
      fields[#fields + 1] = field
    end
  end
  local s, refusal = open(keys, args, fields)
  if s == nil then
    return refusal
  end
  if sweep(s, DUE_MAX) then
    return close(s, refuse('MORE'))
  end
  local replies = {}
  for index, entry in ipairs(list) do
    replies[index] = entry[1].run(s, entry[2])
  end
  return close(s, ok(unpack(replies)))
end)
