-- batch: several commands of one event in one call, one after the other on one step: they read,
-- write and tell once. Each is decided as if it came alone; all are of one instant.
--
-- Only commands that read nothing but the hash may come in a batch: what the others read beside it
-- is not written before the end. Which those are, the caller knows (`event-lanes.ts`).

-- ARGV from 4: for each command its name, how many arguments it has, and these.
-- Output of `batch`: for each command what it replies alone, as a text: LINE between its values,
-- FIELD between those of a list. Now, seq, changes and event are those of the batch.
local function commandsIn(args)
  local list = {}
  local at = 4
  while at <= #args do
    local last = at + 1 + tonumber(args[at + 1])
    list[#list + 1] = {
      command = together[args[at]],
      args = { args[1], args[2], args[3], unpack(args, at + 2, last) },
    }
    at = last + 1
  end
  return list
end

-- Many values in one are read and written several times as fast as each by itself.
local function textOf(reply)
  local parts = { reply[1] }
  for index = 6, #reply do
    local value = reply[index]
    parts[index - 4] = type(value) == 'table' and table.concat(value, FIELD) or value
  end
  return table.concat(parts, LINE)
end

define('batch', function(keys, args)
  local list = commandsIn(args)
  local fields = {}
  for _, entry in ipairs(list) do
    for _, field in ipairs(entry.command.fieldsOf(entry.args)) do
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
    replies[index] = textOf(entry.command.run(s, entry.args))
  end
  return close(s, ok(unpack(replies)))
end)
