-- What all events share: the epoch of the state in this server.

-- Begins an epoch unless another is in force by now. KEYS[1]: the key of the meta hash.
-- ARGV: 1 the epoch that the caller knows, 2 the one to begin. Output: the epoch in force.
define('beginEpoch', function(keys, args)
  local present = redis.call('HGET', keys[1], 'epoch')
  if present and tonumber(present) ~= tonumber(args[1]) then
    return tonumber(present)
  end
  redis.call('HSET', keys[1], 'epoch', args[2])
  return tonumber(args[2])
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
  s.h.firstEnd = nil
  touch(s, 'h')
  return close(s, ok())
end)
