-- One command at work: the instant it was given, the records it has read and what it makes true.
--
-- Guarantee: a command decides in memory and writes at its end, in `close`. Whatever goes wrong
-- before that leaves nothing behind. It begins on a state in which nothing is over: `open` expires
-- what is due first, at most DUE_MAX locks; when more are due the command answers MORE, has done
-- nothing else, and is to be called again.
--
-- KEYS[1]: the event's key; all others are made of it, so they are in the same slot.
-- ARGV: 1 epoch, 2 the newest `seq` that the caller has seen of the event, 3 policy as JSON, then
-- what the command wants.
-- Output: { code, now, seq, changes, event id, ... }; NOSTATE { code, epoch, seq, '', '', 1 when it
-- is of this server } when the event is not known, is of another epoch or server, or has forgotten
-- what the caller has seen: nothing was changed.

local FIELD, LINE = '\31', '\30'
local DUE_MAX = 256
local WRITE_MAX = 1000
local STREAM_MAX = 10000
local POLICIES_MAX = 32
local TEXTS_MAX = 1000

local policies, policyCount = {}, 0

-- Policies are few and come with every call: each is read once.
local function policyOf(text)
  local policy = policies[text]
  if policy == nil then
    if policyCount >= POLICIES_MAX then
      policies, policyCount = {}, 0
    end
    policy = cjson.decode(text)
    policies[text] = policy
    policyCount = policyCount + 1
  end
  return policy
end

local texts, textCount = {}, 0

-- Exact text of an integer; Lua's own has 14 digits. To make one takes longer than all else that is
-- done with it, and most come again: counts, and the instants of one moment.
local function digits(integer)
  local text = texts[integer]
  if text == nil then
    if textCount >= TEXTS_MAX then
      texts, textCount = {}, 0
    end
    text = string.format('%d', integer)
    texts[integer] = text
    textCount = textCount + 1
  end
  return text
end

local function fetch(s, fields)
  local records, wanted, count = s.records, {}, 0
  for index = 1, #fields do
    local field = fields[index]
    if records[field] == nil then
      records[field] = false
      count = count + 1
      wanted[count] = field
    end
  end
  for from = 1, count, WRITE_MAX do
    local upTo = math.min(from + WRITE_MAX - 1, count)
    local texts = redis.call('HMGET', s.key, unpack(wanted, from, upTo))
    local sub, unpackValues = string.sub, cmsgpack.unpack
    for index = from, upTo do
      local text = texts[index - from + 1]
      if text then
        local field = wanted[index]
        records[field] = unpackers[sub(field, 1, 1)](unpackValues(text))
      end
    end
  end
end

-- The record of a field, or false.
local function get(s, field)
  local record = s.records[field]
  if record == nil then
    fetch(s, { field })
    return s.records[field]
  end
  return record
end

local function put(s, field, record)
  s.records[field] = record
  s.dirty[field] = true
end

local function touch(s, field)
  s.dirty[field] = true
end

-- A score may be a number, but as a text it is written several times as fast.
local function add(s, suffix, score, member)
  s.adds[suffix] = s.adds[suffix] or {}
  s.adds[suffix][member] = score
  if s.removals[suffix] then
    s.removals[suffix][member] = nil
  end
end

-- Takes the oldest entries off a list.
local function shift(s, suffix, entryCount)
  if entryCount > 0 then
    s.shifts[suffix] = entryCount
  end
end

local function remove(s, suffix, member)
  s.removals[suffix] = s.removals[suffix] or {}
  s.removals[suffix][member] = true
  if s.adds[suffix] then
    s.adds[suffix][member] = nil
  end
end

-- A category's version grows with each of its changes.
local function moved(s, category)
  local field = 'c' .. category
  local record = get(s, field)
  record.version = record.version + 1
  touch(s, field)
  return record
end

-- Notes a fact: its type, and text of what else it says. Answers its number.
local function record(s, text)
  local h = s.h
  h.seq = h.seq + 1
  touch(s, 'h')
  s.changes[#s.changes + 1] = text
  return h.seq
end

-- Notes a fact about a lock; `first` and `second` are what is special about it.
local function recordAbout(s, kind, id, lock, first, second)
  local quantity = digits(lock.quantity)
  return record(s, kind .. FIELD .. id .. FIELD .. lock.category .. FIELD .. lock.user .. FIELD
    .. quantity .. FIELD .. first .. FIELD .. (second or ''))
end

-- The facts of a step: event, epoch, the number of the first and their instant, then each of them.
local function changesOf(s)
  local count = #s.changes
  if count == 0 then
    return ''
  end
  local h = s.h
  local head = h.id .. LINE .. digits(h.epoch) .. LINE .. digits(h.seq - count + 1)
  return head .. LINE .. digits(s.now) .. LINE .. table.concat(s.changes, LINE)
end

local function inChunks(command, key, list)
  for from = 1, #list, WRITE_MAX do
    redis.call(command, key, unpack(list, from, math.min(from + WRITE_MAX - 1, #list)))
  end
end

-- Writes everything. Nothing here can fail halfway but for want of memory, which Redis looks at
-- before it runs a function.
local function flush(s)
  local records, sets, drops, count = s.records, {}, {}, 0
  local sub = string.sub
  for field in pairs(s.dirty) do
    local value = records[field]
    if value then
      sets[count + 1], sets[count + 2] = field, packers[sub(field, 1, 1)](value)
      count = count + 2
    else
      drops[#drops + 1] = field
    end
  end
  inChunks('HSET', s.key, sets)
  inChunks('HDEL', s.key, drops)
  for suffix, members in pairs(s.removals) do
    local list = {}
    for member in pairs(members) do
      list[#list + 1] = member
    end
    inChunks('ZREM', s.key .. suffix, list)
  end
  for suffix, members in pairs(s.adds) do
    local list = {}
    for member, score in pairs(members) do
      list[#list + 1] = score
      list[#list + 1] = member
    end
    inChunks('ZADD', s.key .. suffix, list)
  end
  for suffix, oldest in pairs(s.shifts) do
    redis.call('LPOP', s.key .. suffix, oldest)
  end
  inChunks('RPUSH', s.key .. ':e', s.ended)
  inChunks('RPUSH', s.key .. ':t', s.requests)
end

-- Appends the changes to the event's stream under the number of the first.
local function append(s, text)
  local first = s.h.seq - #s.changes + 1
  local most = s.policy.streamMax or STREAM_MAX
  redis.call(
    'XADD', s.key .. ':o', 'MAXLEN', '~', most, string.format('%d-0', first), 'c', text
  )
end

local function close(s, reply)
  flush(s)
  local text = changesOf(s)
  if text ~= '' then
    append(s, text)
    redis.call('PUBLISH', s.channel, text)
  end
  reply[2], reply[3], reply[4], reply[5] = s.now, s.h.seq, text, s.h.id
  return reply
end

local function ok(...)
  return { 'OK', 0, 0, '', '', ... }
end

local function refuse(code, ...)
  return { code, 0, 0, '', '', ... }
end

-- Logical time: the clock, put forward by what it ever stepped back. So it neither goes back nor
-- stands still. It is kept with every change, and at least once in a second.
local function readLogicalClock(s)
  local h = s.h
  local raw = readClock(s.key)
  if raw < h.rawAt then
    h.ahead = h.ahead + h.rawAt - raw
    touch(s, 'h')
  end
  if raw >= h.rawAt + 1000 then
    touch(s, 'h')
  end
  h.rawAt = raw
  s.now = raw + h.ahead
end

-- `{prefix:tag}` is the event's key; the channel is that of the prefix.
local function channelOf(key)
  return string.match(key, '^{(.-):[^:}]*}') .. ':changes'
end

local function newStep(key, args)
  return {
    key = key,
    channel = channelOf(key),
    policy = policyOf(args[3]),
    records = {},
    dirty = {},
    adds = {},
    removals = {},
    shifts = {},
    ended = {},
    requests = {},
    changes = {},
  }
end
