-- What is told outside: whose turn it is to tell it, what of an event is to be told, and what was.
--
-- `<key>:o` is the outbox of an event: entries under the number of their first change. `<key>:m` is
-- its mark: the epoch and number of the newest change of which the publisher says that it, and all
-- before it, was told. The turn is one for all events, in a slot of its own: the key holds `owner`
-- and `endsAt`, by this server's clock.

-- The epoch in which a text was told.
local function epochOf(text)
  return tonumber(string.match(text, '^[^\30]*\30(%-?%d+)'))
end

-- The number of the first change of an entry.
local function firstOf(entry)
  return tonumber(string.match(entry[1], '^%d+'))
end

-- Takes the turn, or keeps it. KEYS[1]: the key of the turn. ARGV: 1 who, 2 for how long.
-- Output: 0 when it is his, else for how many milliseconds it is another's.
define('takeTurn', function(keys, args)
  local kept = redis.call('HMGET', keys[1], 'owner', 'endsAt')
  local now, lease = readClock(keys[1]), tonumber(args[2])
  local endsAt = tonumber(kept[2] or 0)
  if kept[1] and kept[1] ~= args[1] and now < endsAt then
    if endsAt > now + lease then
      -- The clock stepped back: nobody waits longer than for one lease.
      endsAt = now + lease
      redis.call('HSET', keys[1], 'endsAt', endsAt)
    end
    return endsAt - now
  end
  redis.call('HSET', keys[1], 'owner', args[1], 'endsAt', now + lease)
  return 0
end)

-- Gives the turn back, and says so to all. KEYS[1]: the key of the turn. ARGV: 1 who, 2 the news.
define('giveTurn', function(keys, args)
  if redis.call('HGET', keys[1], 'owner') == args[1] then
    redis.call('HSET', keys[1], 'endsAt', 0)
    redis.call('PUBLISH', channelOf(keys[1]), args[2])
  end
  return { 'OK' }
end)

-- The entry that holds the change after `seq`, by its place in the stream; '-' when that is cut.
local function holding(stream, seq)
  local entry = redis.call('XREVRANGE', stream, digits(seq + 1), '-', 'COUNT', 1)[1]
  return entry and entry[1] or '-'
end

-- Where to go on in the stream: behind what the reader has, or else behind the mark. A stream that
-- begins in a later epoch, and not above, was begun anew.
local function readFrom(key, epoch, seq, first)
  if epoch == nil then
    local mark = redis.call('HMGET', key .. ':m', 'epoch', 'seq')
    epoch, seq = tonumber(mark[1] or 0), tonumber(mark[2] or 0)
  end
  local begun = epochOf(first[2][2])
  if begun > epoch then
    return begun, firstOf(first) > seq and seq or 0
  end
  return epoch, seq
end

-- Entries that are to be told. KEYS[1]: the event's key. ARGV: 1 and 2 the epoch and the number of
-- the newest change that the reader has, or '', 3 how many entries at most.
-- Output: { epoch, number behind which it goes on, the text of each entry ... }; the first one may
-- begin with changes up to that number. { } when there is nothing at all.
define('untold', function(keys, args)
  local key = keys[1]
  local stream = key .. ':o'
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  if first == nil then
    return {}
  end
  local epoch, seq = readFrom(key, tonumber(args[1]), tonumber(args[2]), first)
  local reply = { epoch, seq }
  local entries = redis.call('XRANGE', stream, holding(stream, seq), '+', 'COUNT', args[3])
  for index, entry in ipairs(entries) do
    reply[index + 2] = entry[2][2]
  end
  return reply
end)

-- Tells of money that came too late for a lock that is not there any more. ARGV from 4: lock id,
-- category, user, quantity, order or ''. Nothing is kept of it but the change.
command('tellRefund', function()
  return {}
end, function(s, args)
  record(s, table.concat({ 'refund-required', args[4], args[5], args[6], args[7], args[8] }, FIELD))
  return ok()
end)

-- Lets go of what is told and old. Instances that missed a little read it from the stream, so the
-- newest entries stay whether they are told or not.
local function trim(stream, epoch, seq)
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  if last == nil or epochOf(last[2][2]) ~= epoch then
    return
  end
  if firstOf(last) - seq < STREAM_MAX then
    redis.call('XTRIM', stream, 'MAXLEN', '~', STREAM_MAX)
    return
  end
  local next = holding(stream, seq)
  if next ~= '-' then
    redis.call('XTRIM', stream, 'MINID', '~', next)
  end
end

-- Notes how far the publisher has come. KEYS[1]: the event's key. ARGV: 1 epoch, 2 number.
-- A mark never goes back: whoever was held up meanwhile changes nothing.
define('markTold', function(keys, args)
  local key, epoch, seq = keys[1], tonumber(args[1]), tonumber(args[2])
  local mark = redis.call('HMGET', key .. ':m', 'epoch', 'seq')
  local markEpoch, markSeq = tonumber(mark[1] or 0), tonumber(mark[2] or 0)
  if epoch > markEpoch or (epoch == markEpoch and seq > markSeq) then
    redis.call('HSET', key .. ':m', 'epoch', epoch, 'seq', seq)
    trim(key .. ':o', epoch, seq)
  end
  return { 'OK' }
end)
