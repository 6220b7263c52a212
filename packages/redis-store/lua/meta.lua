-- What all events share: the epoch of the state in this server, and which server that is. Where a
-- ledger counts the epochs it says which are begun; else they are counted here.

local function readMeta(key)
  local kept = redis.call('HMGET', key, 'epoch', 'server')
  return tonumber(kept[1] or 0), kept[2] == thisServer(key)
end

local function writeMeta(key, epoch)
  redis.call('HSET', key, 'epoch', epoch, 'server', thisServer(key))
  return epoch
end

-- KEYS[1]: the key of the meta hash. Output: the epoch in force; 0 when there is none, or when it
-- is that of another server process.
define('epochInForce', function(keys)
  local present, isHere = readMeta(keys[1])
  return isHere and present or 0
end)

-- Begins the epoch after the one that is lost, unless a later one is in force. KEYS[1]: the key of
-- the meta hash. ARGV: 1 the epoch that is lost, or 0. Output: the epoch in force.
define('beginEpoch', function(keys, args)
  local lost = tonumber(args[1])
  local present, isHere = readMeta(keys[1])
  if isHere and present > lost then
    return present
  end
  return writeMeta(keys[1], math.max(present, lost) + 1)
end)

-- Notes an epoch that was begun in a ledger. KEYS[1]: the key of the meta hash. ARGV: 1 the epoch.
-- Output: 1; 0 when a later one was noted, or this one by another server process: then the memory
-- that it was begun for is lost again.
define('noteEpoch', function(keys, args)
  local epoch = tonumber(args[1])
  local present, isHere = readMeta(keys[1])
  if present > epoch or (present == epoch and not isHere) then
    return 0
  end
  writeMeta(keys[1], epoch)
  return 1
end)

-- Takes an event over into another epoch: its sales stay, its active locks are released as lost, in
-- slices. KEYS[1]: the event's key. ARGV: 1 the epoch, 2 unused, 3 policy. Output: as every
-- command; MORE when locks are left.
define('renewEvent', function(keys, args)
  local s = newStep(keys[1], args)
  fetch(s, { 'h' })
  s.h = s.records.h
  if not s.h or s.h.epoch >= tonumber(args[1]) then
    return { 'OK', 0, 0, '', '' }
  end
  readLogicalClock(s)
  local members = redis.call('ZRANGE', s.key .. ':x', 0, SLICE - 1)
  local ids = {}
  for index, member in ipairs(members) do
    ids[index] = idOfPlace(member)
  end
  fetchLocks(s, ids)
  for _, id in ipairs(ids) do
    release(s, id, s.records['l' .. id], 'lost')
  end
  if s.h.active > 0 then
    return close(s, refuse('MORE'))
  end
  s.h.epoch = tonumber(args[1])
  s.h.server = thisServer(s.key)
  s.h.firstEnd = nil
  s.h.noticedEnd, s.h.noticedPlaced = 0, 0
  touch(s, 'h')
  return close(s, ok())
end)
