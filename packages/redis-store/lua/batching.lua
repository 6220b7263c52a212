-- batch: several commands of one event in one call, one after the other on one step: they read,
-- write and tell once. Each is decided as if it came alone; all are of one instant.
--
-- Only commands that read nothing but the hash may come in a batch: what the others read beside it
-- is not written before the end. Which those are, the caller knows (`event-lanes.ts`).

-- ARGV from 4: for each command how many arguments it has, and a text of its name and these, with
-- FIELD between them. 30 arguments at most.
-- Output of `batch`: for each command what it replies alone, as a text: LINE between its values,
-- FIELD between those of a list. Now, seq, changes and event are those of the batch.
--
-- Many values in one text are sent and read several times as fast as each by itself.

local patterns = {}

-- Matches all parts of a text at once; made once for each number of them.
local function patternOf(partCount)
  local pattern = patterns[partCount]
  if pattern == nil then
    pattern = '^' .. string.rep('([^\31]*)\31', partCount - 1) .. '([^\31]*)$'
    patterns[partCount] = pattern
  end
  return pattern
end

local function commandsIn(args)
  local list, match = {}, string.match
  for at = 4, #args, 2 do
    local own = { '', '', match(args[at + 1], patternOf(args[at] + 1)) }
    list[#list + 1] = { command = together[own[3]], args = own }
  end
  return list
end

local function textOf(reply)
  local concat = table.concat
  for index = 6, #reply do
    local value = reply[index]
    if type(value) == 'table' then
      reply[index] = concat(value, FIELD)
    end
  end
  -- The code in place of the last of what the batch says for all.
  reply[5] = reply[1]
  return concat(reply, LINE, 5)
end

define('batch', function(keys, args)
  local list = commandsIn(args)
  local fields = {}
  local count = 0
  for index = 1, #list do
    local entry = list[index]
    local wanted = entry.command.fieldsOf(entry.args)
    for place = 1, #wanted do
      fields[count + place] = wanted[place]
    end
    count = count + #wanted
  end
  local s, refusal = open(keys, args, fields)
  if s == nil then
    return refusal
  end
  if sweep(s, DUE_MAX) then
    return close(s, refuse('MORE'))
  end
  local replies = {}
  for index = 1, #list do
    local entry = list[index]
    replies[index] = textOf(entry.command.run(s, entry.args))
  end
  return close(s, ok(unpack(replies)))
end)
