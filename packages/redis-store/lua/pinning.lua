-- pin, mark: a confirm that is decided in a ledger outside. While the decision is open the lock is
-- pinned: it stays ACTIVE, does not expire, and nobody else changes it. A pin comes off by a record
-- of the ledger and in no other way, above all not back to ACTIVE.

-- What the ledger needs to record the sale: { lock id, category, user, quantity, order or '', 1
-- when it is late, capacity when it was granted, 1 when it is decided already }.
local function saleOfLock(id, lock, order)
  local isDecided = lock.status == 'CONFIRMED'
  return {
    id, lock.category, lock.user, digits(lock.quantity), order or '', lock.late and 1 or 0,
    digits(lock.capacityAtGrant), isDecided and 1 or 0,
  }
end

local function judgePin(s, id, lock, claims, taken)
  local pin = lock.pin
  if pin and claims.order and pin[1] ~= '' and pin[1] ~= claims.order then
    return refuse('ORDER_CONFLICT', id)
  end
  return judgeConfirm(s, id, lock, claims, taken)
end

-- A lock that is late takes fresh tickets while its decision is open.
local function relock(s, id, lock)
  reopen(s, lock)
  lock.status = 'ACTIVE'
  lock.capacityAtGrant = s.records['c' .. lock.category].capacity
  local user = userOf(s, lock.user)
  table.insert(user.locks, 1, id)
  if #user.locks == 1 then
    s.h.users = s.h.users + 1
  end
  put(s, 'u' .. lock.user, user)
  s.h.active = s.h.active + 1
  addLocked(s, lock.category, lock.quantity)
end

local function pin(s, id, lock, order)
  if lock.status == 'CONFIRMED' then
    return saleOfLock(id, lock, lock.order)
  end
  if not lock.pin then
    if lock.status == 'EXPIRED' then
      relock(s, id, lock)
    else
      unplace(s, id, lock)
    end
    s.h.pins = (s.h.pins or 0) + 1
  end
  local wanted = order or lock.order or lock.pin and lock.pin[1] ~= '' and lock.pin[1] or nil
  lock.pin = { wanted or '', s.now }
  add(s, ':d', s.now, id)
  touch(s, 'h')
  touch(s, 'l' .. id)
  return saleOfLock(id, lock, wanted)
end

-- ARGV as `confirm`. Output of `pin`: for each lock its sale. A confirm of the same order takes the
-- pin over. Tells the others that a decision is open, so that one of them sees to it.
command('pin', lockFields, function(s, args)
  local reply = decide(s, args, judgePin, pin)
  if (s.h.pins or 0) > 0 then
    redis.call('PUBLISH', s.channel, 'pinned' .. LINE .. s.key)
  end
  return reply
end)

-- What a record does to a lock. One that is confirmed may have been returned since.
local marks = {
  sold = function(s, id, lock, order)
    if lock.pin then
      sell(s, id, lock, order)
    end
  end,
  aborted = function(s, id, lock)
    if lock.pin and s.now >= lock.expiresAt then
      lock.late = nil
      expire(s, id, lock)
    elseif lock.pin then
      release(s, id, lock, 'confirm-aborted', lock.order)
    end
  end,
  returned = function(s, id, lock, order)
    if lock.pin then
      sell(s, id, lock, order)
    end
    if lock.status == 'CONFIRMED' and lock.settled ~= true then
      release(s, id, lock, 'order-failed', lock.order)
    end
  end,
}

-- Brings locks to what their records say. ARGV from 4: { lock id, outcome, order or '' } for each.
-- Output of `mark`: { id, status } of each that is known; nothing is made of one that is not.
command('mark', function()
  return {}
end, function(s, args)
  local marked = {}
  for index = 4, #args, 3 do
    local id, order = args[index], args[index + 2]
    fetchLocks(s, { id })
    local lock = s.records['l' .. id]
    if lock then
      marks[args[index + 1]](s, id, lock, order ~= '' and order or lock.order)
      marked[#marked + 1] = { id, lock.status }
    end
  end
  return ok(unpack(marked))
end)

-- Decisions that are open for too long. ARGV from 4: most of them. Output: their sales.
command('stuckPins', function()
  return {}
end, function(s, args)
  local ids = redis.call(
    'ZRANGE', s.key .. ':d', '-inf', s.now - PIN_MS, 'BYSCORE', 'LIMIT', 0, tonumber(args[4])
  )
  fetch(s, fieldsOf('l', ids))
  local sales = {}
  for index, id in ipairs(ids) do
    local lock = s.records['l' .. id]
    local order = lock.pin and lock.pin[1] ~= '' and lock.pin[1] or nil
    sales[index] = saleOfLock(id, lock, order or lock.order)
  end
  return ok(unpack(sales))
end)

-- A slice of the unsettled sales, category by category. ARGV from 4: the place of the category, the
-- number after which the slice begins, its size. Output of `sales`: the place and number for the
-- next slice, 0 for the place when this was the last one, then the ids.
command('sales', function()
  return { 'k' }
end, function(s, args)
  local list = (get(s, 'k') or { list = {} }).list
  local place, last, size = tonumber(args[4]), args[5], tonumber(args[6])
  if list[place] == nil then
    return ok(0, '0')
  end
  local page = scored(s.key .. ':w:' .. list[place], '(' .. last, '+inf', size)
  local ids = {}
  for index = 1, #page, 2 do
    ids[#ids + 1], last = page[index], page[index + 1]
  end
  if #ids < size then
    place, last = list[place + 1] and place + 1 or 0, '0'
  end
  return ok(place, last, unpack(ids))
end)
