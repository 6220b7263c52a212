-- sweep, forget, cancelEvent: what happens to locks without anybody deciding on them.

-- Locks that one call ends or forgets.
local SLICE = 256
-- How long a decision may be open before it is taken for stuck.
local PIN_MS = 10000

-- When there is something to sweep next: an end, a notice, or a decision that is open for too long.
-- '' when there is not.
local function nextDue(s, nextNotice)
  local due = math.min(s.h.firstEnd or math.huge, nextNotice or math.huge)
  if (s.h.pins or 0) > 0 then
    due = math.min(due, s.now + PIN_MS)
  end
  return due < math.huge and due or ''
end

-- Expires what is due and announces what ends soon, in slices.
-- ARGV from 4: most locks to expire and most to announce; at most SLICE each, which is the default.
-- Output of `sweep`: 1 when more is left, the instant of the next sweep or '', how many are pinned.
define('sweep', function(keys, args)
  local s, refusal = open(keys, args, {})
  if s == nil then
    return refusal
  end
  local more = sweep(s, math.min(tonumber(args[4]) or SLICE, SLICE))
  local nextNotice = noticed(s, math.min(tonumber(args[5]) or SLICE, SLICE))
  more = more or (nextNotice and nextNotice <= s.now)
  return close(s, ok(more and 1 or 0, nextDue(s, nextNotice), s.h.pins or 0))
end)

local function forgetLock(s, id, lock)
  remove(s, ':f', id)
  put(s, 'l' .. id, false)
  count(s, lock.status, -1)
  if lock.status == 'CONFIRMED' then
    forgetPurchase(s, lock)
  end
  if lock.completed then
    put(s, 'o' .. lock.completed .. ',' .. lock.category, false)
  end
end

-- An end after which the lock was reopened is none.
local function passOver(s, id, lock)
  lock.reopened = lock.reopened > 1 and lock.reopened - 1 or nil
  touch(s, 'l' .. id)
end

-- Answers how many locks were forgotten, and how many entries were looked at for good.
local function forgetLocks(s, limit, isForgotten)
  local ids = redis.call('LRANGE', s.key .. ':e', 0, limit - 1)
  fetchLocks(s, ids)
  local forgotten, seen = 0, 0
  for _, id in ipairs(ids) do
    local lock = s.records['l' .. id]
    if lock.reopened then
      passOver(s, id, lock)
    elseif isForgotten(forgotten, lock.endedAt) then
      forgetLock(s, id, lock)
      forgotten = forgotten + 1
    else
      break
    end
    seen = seen + 1
  end
  shift(s, ':e', seen)
  return forgotten, seen
end

local function forgetRequests(s, limit, isForgotten)
  local fields = redis.call('LRANGE', s.key .. ':t', 0, limit - 1)
  fetch(s, fields)
  local forgotten = 0
  for _, field in ipairs(fields) do
    if not isForgotten(forgotten, s.records[field].at) then
      break
    end
    put(s, field, false)
    forgotten = forgotten + 1
  end
  if forgotten > 0 then
    shift(s, ':t', forgotten)
    s.h.requests = s.h.requests - forgotten
    touch(s, 'h')
  end
  return forgotten
end

-- What is over the number goes, and what is past its retention.
local function overdue(size, max, before)
  return function(forgotten, at)
    return size - forgotten > max or at <= before
  end
end

local function exactly(number)
  return function(forgotten)
    return forgotten < number
  end
end

-- Forgets ended locks and requests, the oldest first, at most SLICE of each. Expires nothing.
-- ARGV from 4: exact counts of locks and requests, or nothing: then the policy says.
-- Output of `forget`: how many locks, how many requests, 1 when more may be left.
define('forget', function(keys, args)
  local s, refusal = open(keys, args, {})
  if s == nil then
    return refusal
  end
  local policy, h = s.policy, s.h
  local before = s.now - policy.endedLockRetentionMs
  local ended = h.confirmed - h.unsettled + h.released + h.expired
  local isLock = overdue(ended, policy.endedLocksMax, before)
  local isRequest = overdue(h.requests, policy.requestsMax, before)
  if args[4] then
    isLock, isRequest = exactly(tonumber(args[4])), exactly(tonumber(args[5]))
  end
  local locks, seen = forgetLocks(s, SLICE, isLock)
  local requests = forgetRequests(s, SLICE, isRequest)
  if locks > 0 then
    touch(s, 'h')
  end
  return close(s, ok(locks, requests, (seen == SLICE or requests == SLICE) and 1 or 0))
end)

-- Releases the event's active locks in slices, and takes no new ones from the first slice on.
-- Output of `cancelEvent`: 1 when more is left, ids of the released locks.
command('cancelEvent', function()
  return {}
end, function(s)
  local wasCancelled = s.h.cancelled
  local members = redis.call('ZRANGE', s.key .. ':x', 0, SLICE - 1)
  local ids = {}
  for _, member in ipairs(members) do
    local id = idOfPlace(member)
    ids[#ids + 1] = id
  end
  fetchLocks(s, ids)
  local released = {}
  for _, id in ipairs(ids) do
    local lock = s.records['l' .. id]
    if lock.status == 'ACTIVE' then
      release(s, id, lock, 'event-cancelled')
      released[#released + 1] = id
    end
  end
  local more = s.h.active > (s.h.pins or 0)
  s.h.cancelled = true
  if not more and (not wasCancelled or #released > 0) then
    record(s, 'event-cancelled')
  end
  touch(s, 'h')
  return ok(more and 1 or 0, released)
end)
