-- How locks end, whoever ends them, and the sweep that every command begins with.

-- The place of an active lock among those that end at the same instant: the one whose end was set
-- first comes first.
local function placeOf(id, lock)
  return string.format('%016d', lock.placed) .. id
end

local function idOfPlace(member)
  return string.sub(member, 17)
end

local function userOf(s, user)
  return get(s, 'u' .. user) or { bought = 0, locks = {}, sales = {} }
end

local function without(list, value)
  for index = 1, #list do
    if list[index] == value then
      table.remove(list, index)
      return
    end
  end
end

-- Keeps the user while something is to his name.
local function keepUser(s, id, user)
  local isIdle = #user.locks == 0 and user.bought == 0
  put(s, 'u' .. id, not isIdle and user)
end

local function addLocked(s, category, quantity)
  local c = moved(s, category)
  local before = c.locked
  local locked = before + quantity
  c.locked = locked
  if before == 0 and locked > 0 then
    s.h.categories = s.h.categories + 1
  elseif before > 0 and locked == 0 then
    s.h.categories = s.h.categories - 1
  end
  assert(locked >= 0, 'locked is not negative')
end

local function place(s, id, lock)
  local h, expiresAt = s.h, lock.expiresAt
  local member, score = placeOf(id, lock), digits(expiresAt)
  add(s, ':x', score, member)
  if expiresAt < h.noticedEnd then
    add(s, ':n', score, member)
  end
  if h.firstEnd == nil or expiresAt < h.firstEnd then
    h.firstEnd = expiresAt
  end
end

local function unplace(s, id, lock)
  local member = placeOf(id, lock)
  remove(s, ':x', member)
  if not lock.noticed and lock.expiresAt < s.h.noticedEnd then
    remove(s, ':n', member)
  end
end

-- A pinned lock is active with a decision open: it has a place among the pins, not among the ends.
local function removePin(s, id, lock)
  lock.pin = nil
  remove(s, ':d', id)
  s.h.pins = (s.h.pins or 0) - 1
  touch(s, 'h')
end

-- Takes an active lock out of every index, and its tickets out of `locked`.
local function unlink(s, id, lock)
  assert(lock.status == 'ACTIVE', 'only an active lock ends')
  if lock.pin then
    removePin(s, id, lock)
  else
    unplace(s, id, lock)
  end
  local h, user = s.h, userOf(s, lock.user)
  without(user.locks, id)
  if #user.locks == 0 then
    h.users = h.users - 1
  end
  keepUser(s, lock.user, user)
  h.active = h.active - 1
  addLocked(s, lock.category, -lock.quantity)
end

local COUNTS = { CONFIRMED = 'confirmed', RELEASED = 'released', EXPIRED = 'expired' }

local function count(s, status, change)
  local name = COUNTS[status]
  s.h[name] = s.h[name] + change
end

-- Puts a lock that is over for good into the order of ends.
local function appendEnded(s, id, lock)
  lock.endedAt = s.now
  s.ended[#s.ended + 1] = id
  touch(s, 'l' .. id)
end

local function finish(s, id, lock, status)
  unlink(s, id, lock)
  lock.status = status
  count(s, status, 1)
  appendEnded(s, id, lock)
end

local function expire(s, id, lock)
  recordAbout(s, 'expired', id, lock, digits(lock.expiresAt), lock.order or '')
  finish(s, id, lock, 'EXPIRED')
end

-- Takes a sale out of what waits to be settled.
local function removeUnsettled(s, id, lock)
  local c = moved(s, lock.category)
  c.confirmed = c.confirmed - lock.quantity
  assert(c.confirmed >= 0, 'confirmed is not negative')
  remove(s, ':w:' .. lock.category, id)
  remove(s, ':p:' .. lock.category, id)
  remove(s, ':s', id)
  local user = userOf(s, lock.user)
  without(user.sales, id)
  keepUser(s, lock.user, user)
  s.h.unsettled = s.h.unsettled - 1
end

local function forgetPurchase(s, lock)
  local user = userOf(s, lock.user)
  user.bought = user.bought - lock.quantity
  keepUser(s, lock.user, user)
end

local function release(s, id, lock, reason, order)
  recordAbout(s, 'released', id, lock, reason, order or '')
  if lock.status == 'CONFIRMED' then
    removeUnsettled(s, id, lock)
    forgetPurchase(s, lock)
    count(s, 'CONFIRMED', -1)
    lock.status = 'RELEASED'
    count(s, 'RELEASED', 1)
    appendEnded(s, id, lock)
  else
    finish(s, id, lock, 'RELEASED')
  end
  lock.reason = reason
end

local function fieldsOf(prefix, values)
  local fields = {}
  for index = 1, #values do
    fields[index] = prefix .. values[index]
  end
  return fields
end

-- Reads locks, and the users and categories that they belong to, with two calls.
local function fetchLocks(s, ids)
  fetch(s, fieldsOf('l', ids))
  local fields = {}
  for _, id in ipairs(ids) do
    local lock = s.records['l' .. id]
    if lock then
      fields[#fields + 1] = 'u' .. lock.user
      fields[#fields + 1] = 'c' .. lock.category
    end
  end
  fetch(s, fields)
end

local function scored(key, from, to, limit)
  return redis.call('ZRANGE', key, from, to, 'BYSCORE', 'LIMIT', 0, limit, 'WITHSCORES')
end

local function firstEndAfter(s, instant)
  local next = scored(s.key .. ':x', string.format('(%.17g', instant), '+inf', 1)
  return next[2] and tonumber(next[2])
end

-- Expires what is over, at most `limit` locks. Tells whether more are.
local function sweep(s, limit)
  if s.h.firstEnd == nil or s.h.firstEnd > s.now then
    return false
  end
  local due = redis.call(
    'ZRANGE', s.key .. ':x', '-inf', s.now, 'BYSCORE', 'LIMIT', 0, limit + 1
  )
  local more = #due > limit
  local ids = {}
  for index = 1, math.min(#due, limit) do
    ids[index] = idOfPlace(due[index])
  end
  fetchLocks(s, ids)
  for _, id in ipairs(ids) do
    expire(s, id, s.records['l' .. id])
  end
  if not more then
    s.h.firstEnd = firstEndAfter(s, s.now)
    touch(s, 'h')
  end
  return more, #ids
end

-- Reads the event and begins a command. Answers the step, or nothing and what to reply.
local function open(keys, args, fields)
  local s = newStep(keys[1], args)
  fields[#fields + 1] = 'h'
  fetch(s, fields)
  local h = s.records.h
  local isHere = h and h.server == thisServer(s.key)
  if not isHere or h.epoch ~= tonumber(args[1]) or h.seq < tonumber(args[2]) then
    return nil, { 'NOSTATE', h and h.epoch or 0, h and h.seq or 0, '', '', isHere and 1 or 0 }
  end
  assert(h.format == FORMAT, 'the event is kept in a format that this version does not know')
  s.h = h
  readLogicalClock(s)
  return s
end

-- Every command of the library: its name, and what it does. While a library is loaded there are no
-- iterators, so it is a list.
local commands = {}

local function define(name, run)
  commands[#commands + 1] = { name, run }
end

-- What may run together with others in one step, by its name: what it reads, and what it does.
local together = {}

-- Makes a command of what decides on a state in which nothing is over.
local function command(name, fieldsOf, run)
  together[name] = { fieldsOf = fieldsOf, run = run }
  define(name, function(keys, args)
    local s, refusal = open(keys, args, fieldsOf(args))
    if s == nil then
      return refusal
    end
    if sweep(s, DUE_MAX) then
      return close(s, refuse('MORE'))
    end
    return close(s, run(s, args))
  end)
end
