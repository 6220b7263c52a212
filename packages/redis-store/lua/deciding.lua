-- beginPayment, confirm, release: what orders do with locks. One lock or several of the event, all
-- or nothing: every lock is judged before the first is decided.

-- Claims: ARGV 4 order, 5 user, 6 event, 7 category, 8 quantity, each '' when it is not said; then
-- 9 scope, 10 requestId or '', 11 content of the request.
local function claimsOf(args)
  return {
    order = args[4] ~= '' and args[4] or nil,
    user = args[5],
    event = args[6],
    category = args[7],
    quantity = args[8],
    scope = args[9],
    requestId = args[10],
    content = args[11],
  }
end

local function mismatchOf(s, id, lock, claims)
  local field
  if claims.event ~= '' and claims.event ~= s.h.id then
    field = 'eventId'
  elseif claims.category ~= '' and claims.category ~= lock.category then
    field = 'categoryId'
  elseif claims.quantity ~= '' and tonumber(claims.quantity) ~= lock.quantity then
    field = 'quantity'
  end
  return field and refuse('LOCK_MISMATCH', id, field)
end

-- Whether an order may name this lock: one that was confirmed without an order is nobody else's.
local function fitsOrder(lock, order)
  if lock.order == nil then
    return lock.confirmedSeq == nil
  end
  return lock.order == order
end

local function isWithinLateWindow(s, lock)
  local policy = s.policy
  return policy.lateConfirm == 'if-available'
    and s.now < lock.expiresAt + policy.lateConfirmWindowMs
end

-- `taken` counts what the locks that were judged before will take of the free tickets.
local function judgeLate(s, id, lock, taken)
  if not isWithinLateWindow(s, lock) then
    return refuse('LOCK_EXPIRED', id, '')
  end
  local quantity = (taken[lock.category] or 0) + lock.quantity
  local available = s.h.cancelled and 0 or availableIn(s, lock.category)
  if available < quantity then
    return refuse('LOCK_EXPIRED', id, digits(available))
  end
  taken[lock.category] = quantity
end

local function judgeConfirm(s, id, lock, claims, taken)
  local isReturned = lock.status == 'RELEASED' and lock.confirmedSeq ~= nil
  if not isReturned and claims.order and not fitsOrder(lock, claims.order) then
    return refuse('ORDER_CONFLICT', id)
  end
  local mismatch = mismatchOf(s, id, lock, claims)
  if mismatch or lock.status == 'ACTIVE' or lock.status == 'CONFIRMED' then
    return mismatch
  end
  if lock.status == 'RELEASED' then
    return endOf(id, lock)
  end
  return judgeLate(s, id, lock, taken)
end

local function judgeRelease(s, id, lock, claims)
  if lock.pin then
    return refuse('PINNED', id)
  end
  if lock.reason == 'lost' then
    return endOf(id, lock)
  end
  local order = claims.order
  local isOver = lock.status == 'RELEASED' or lock.status == 'EXPIRED'
  local isOthers
  if lock.status == 'CONFIRMED' then
    isOthers = lock.order ~= order
  else
    isOthers = order and lock.order and lock.order ~= order
  end
  if not isOver and isOthers then
    return refuse('ORDER_CONFLICT', id)
  end
  local mismatch = mismatchOf(s, id, lock, claims)
  if mismatch then
    return mismatch
  end
  if lock.settled then
    return refuse('LOCK_CONFIRMED', id)
  end
  -- Where sales are decided elsewhere they are taken back there first.
  return s.policy.decidesElsewhere and lock.status == 'CONFIRMED' and refuse('RETURN', id) or nil
end

-- The lock is the order's after all: its money is not given back.
local function keepMoney(s, id, lock, order)
  local left = {}
  for _, refund in ipairs(lock.refunds or {}) do
    if refund[1] ~= '' and refund[1] ~= (order or '') then
      left[#left + 1] = refund
    end
  end
  lock.refunds = #left > 0 and left or nil
  if lock.refunds == nil then
    remove(s, ':f', id)
  end
end

-- Takes a lock that has expired out of what is over. Its entry among the ended stays, and is passed
-- over when it is the oldest.
local function reopen(s, lock)
  lock.reopened = (lock.reopened or 0) + 1
  count(s, 'EXPIRED', -1)
  lock.endedAt = nil
  lock.late = true
end

local function sell(s, id, lock, order)
  local isExpired = lock.status == 'EXPIRED'
  local late = isExpired or lock.late
  local seq = recordAbout(s, 'confirmed', id, lock, order or '', late and 1 or 0)
  if isExpired then
    reopen(s, lock)
    moved(s, lock.category)
  else
    unlink(s, id, lock)
  end
  if late then
    keepMoney(s, id, lock, order)
  end
  local user = userOf(s, lock.user)
  user.bought = user.bought + lock.quantity
  user.sales[#user.sales + 1] = id
  put(s, 'u' .. lock.user, user)
  local c = s.records['c' .. lock.category]
  lock.status = 'CONFIRMED'
  lock.order = order or lock.order
  lock.late = late or nil
  lock.confirmedSeq = seq
  lock.soldBefore, lock.risenBefore = c.soldElsewhere, c.risen
  lock.completed, lock.countedFrom, lock.settled = nil, 0, false
  c.mark = c.risen
  c.confirmed = c.confirmed + lock.quantity
  add(s, ':w:' .. lock.category, seq, id)
  s.h.unsettled = s.h.unsettled + 1
  count(s, 'CONFIRMED', 1)
  touch(s, 'l' .. id)
  if late then
    assert(c.soldElsewhere + c.confirmed + c.locked <= c.capacity, 'no more than there is')
  end
end

local function confirm(s, id, lock, order)
  if lock.status ~= 'CONFIRMED' then
    sell(s, id, lock, order or lock.order)
  end
  local late = lock.late and 1 or 0
  return { id, lock.category, lock.user, digits(lock.quantity), lock.order or '', late }
end

local function giveUp(s, id, lock)
  if lock.status == 'ACTIVE' or lock.status == 'CONFIRMED' then
    local reason = lock.status == 'CONFIRMED' and 'order-failed' or 'released'
    release(s, id, lock, reason, lock.order)
  end
  local status = lock.status == 'EXPIRED' and 'EXPIRED' or 'RELEASED'
  return { id, lock.category, lock.user, digits(lock.quantity), status }
end

local function idsFrom(args, first)
  local ids = {}
  for index = first, #args do
    ids[#ids + 1] = args[index]
  end
  return ids
end

-- A foreign user's lock answers as one that does not exist.
local function findClaimed(s, ids, claims)
  fetchLocks(s, ids)
  for _, id in ipairs(ids) do
    local lock = s.records['l' .. id]
    if lock and claims.user ~= '' and claims.user ~= lock.user then
      return nil, refuse('LOCK_NOT_FOUND', id)
    end
    if lock then
      return true
    end
  end
end

local function decide(s, args, judge, carryOut)
  local claims, ids = claimsOf(args), idsFrom(args, 12)
  local isKnown, foreign = findClaimed(s, ids, claims)
  if foreign then
    return foreign
  end
  if isKnown then
    local _, conflict = recall(s, claims.scope, claims.requestId, claims.content)
    if conflict then
      return conflict
    end
  end
  local taken = {}
  for _, id in ipairs(ids) do
    local lock = s.records['l' .. id]
    local refusal = not lock and refuse('LOCK_NOT_FOUND', id) or judge(s, id, lock, claims, taken)
    if refusal then
      return refusal
    end
  end
  local decided = {}
  for index, id in ipairs(ids) do
    decided[index] = carryOut(s, id, s.records['l' .. id], claims.order)
  end
  remember(s, claims.scope, claims.requestId, claims.content, nil)
  return ok(unpack(decided))
end

local function lockFields(args)
  return fieldsOf('l', idsFrom(args, 12))
end

-- ARGV from 4: claims, then lock ids. Output of `confirm`: for each lock { id, category, user,
-- quantity, order or '', 1 when it was late }.
command('confirm', lockFields, function(s, args)
  return decide(s, args, judgeConfirm, confirm)
end)

-- ARGV as `confirm`. Output of `release`: for each lock { id, category, user, quantity, status }.
command('release', lockFields, function(s, args)
  return decide(s, args, judgeRelease, giveUp)
end)

local function judgePayment(s, id, lock, claims)
  if lock.pin then
    return refuse('PINNED', id)
  end
  if lock.order and lock.order ~= claims.order then
    return refuse('ORDER_CONFLICT', id)
  end
  return mismatchOf(s, id, lock, claims) or endOf(id, lock)
end

-- ARGV from 4: claims, lock id, how long the payment may take in milliseconds.
-- Output of `beginPayment`: lock id, expiresAt.
command('beginPayment', function(args)
  return { 'l' .. args[12] }
end, function(s, args)
  local claims, id, ttlMs = claimsOf(args), args[12], tonumber(args[13])
  local _, foreign = findClaimed(s, { id }, claims)
  local lock = s.records['l' .. id]
  if foreign or not lock then
    return foreign or refuse('LOCK_NOT_FOUND', id)
  end
  local _, conflict = recall(s, claims.scope, claims.requestId, claims.content)
  local refusal = conflict or judgePayment(s, id, lock, claims)
  if refusal then
    return refusal
  end
  if lock.order == nil then
    local latest = lock.createdAt + s.policy.lockAgeMsMax
    local expiresAt = math.max(lock.expiresAt, math.min(s.now + ttlMs, latest))
    lock.order = claims.order
    moveEnd(s, id, lock, expiresAt, 'payment-begun', claims.order, digits(expiresAt))
  end
  remember(s, claims.scope, claims.requestId, claims.content, nil)
  return ok(id, lock.expiresAt)
end)

-- Notes that money was taken for a lock that is over, once for each order.
-- ARGV from 4: lock id, order or ''. Output: lock id, category, user, quantity, order, when.
command('requireRefund', function(args)
  return { 'l' .. args[4] }
end, function(s, args)
  local id, lock = args[4], get(s, 'l' .. args[4])
  if not lock then
    return refuse('LOCK_NOT_FOUND', id)
  end
  if lock.status == 'ACTIVE' then
    return refuse('LOCK_MISMATCH', id, 'status')
  end
  if lock.status == 'CONFIRMED' or lock.reason == 'released' or lock.reason == 'order-failed' then
    return endOf(id, lock)
  end
  local order = args[5] ~= '' and args[5] or lock.order or ''
  for _, refund in ipairs(lock.refunds or {}) do
    if refund[1] == order then
      return ok(id, lock.category, lock.user, lock.quantity, order, refund[2])
    end
  end
  recordAbout(s, 'refund-required', id, lock, order)
  lock.refunds = lock.refunds or {}
  lock.refunds[#lock.refunds + 1] = { order, s.now }
  add(s, ':f', s.h.seq, id)
  touch(s, 'l' .. id)
  return ok(id, lock.category, lock.user, lock.quantity, order, s.now)
end)
