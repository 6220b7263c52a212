-- setInventory, settle: what the source of truth counts, and the sales that it counts by now.

-- Rises that are told apart while a sale waits to be settled.
local RISES_MAX = 1000
-- Completed sales of a category that one fetch looks at.
local COMPLETED_MAX = 1000

-- A rise is { where it began on the axis of all rises, unused tickets, those that settled a sale }.
local function addRise(c, quantity)
  local rises = c.rises
  local newest = rises[#rises]
  if newest and newest[1] >= c.mark then
    newest[2] = newest[2] + quantity
  else
    rises[#rises + 1] = { c.risen, quantity, 0 }
  end
  c.risen = c.risen + quantity
  if #rises > RISES_MAX then
    rises[2][2] = rises[2][2] + rises[1][2]
    rises[2][3] = rises[2][3] + rises[1][3]
    table.remove(rises, 1)
  end
end

local function usedSince(c, mark)
  local used = 0
  for _, rise in ipairs(c.rises) do
    if rise[1] >= mark then
      used = used + rise[3]
    end
  end
  return used
end

-- Uses up to `quantity` tickets that rose after `mark`, the oldest first.
local function useRises(c, mark, quantity)
  local missing = quantity
  for _, rise in ipairs(c.rises) do
    if rise[1] >= mark then
      local used = math.min(missing, rise[2])
      rise[2], rise[3] = rise[2] - used, rise[3] + used
      missing = missing - used
    end
  end
end

local function forgetRisesBefore(c, mark)
  local kept = {}
  for _, rise in ipairs(c.rises) do
    if rise[1] >= mark then
      kept[#kept + 1] = rise
    end
  end
  c.rises = kept
end

-- Where a ledger decides, a sale is PENDING from when the count has risen until the ledger says
-- that it is settled. Its rise is used, and it counts all the same: twice for a moment, never not
-- at all.
local PENDING = 'pending'

local function beginSettling(s, id, lock)
  lock.settled = PENDING
  useRises(s.records['c' .. lock.category], lock.risenBefore, lock.quantity)
  touch(s, 'c' .. lock.category)
  remove(s, ':p:' .. lock.category, id)
  add(s, ':s', lock.confirmedSeq, id)
  touch(s, 'l' .. id)
end

local function settle(s, id, lock, byOperator)
  local wasPending = lock.settled == PENDING
  recordAbout(s, 'settled', id, lock, lock.order or '', byOperator and 1 or 0)
  removeUnsettled(s, id, lock)
  lock.settled = true
  if not wasPending then
    useRises(s.records['c' .. lock.category], lock.risenBefore, lock.quantity)
  end
  appendEnded(s, id, lock)
end

-- Ties a completed order to the sale that it is about.
local function complete(s, id, lock, order, countedFrom)
  lock.completed, lock.countedFrom = order, countedFrom
  touch(s, 'l' .. id)
  put(s, 'o' .. order .. ',' .. lock.category, { lock = id })
  add(s, ':p:' .. lock.category, lock.confirmedSeq, id)
end

-- The unsettled sale that a completed order is about: the one it names, else the user's oldest.
local function saleOf(s, order, taken)
  local function isMeant(id)
    local lock = s.records['l' .. id]
    return lock and not taken[id] and lock.status == 'CONFIRMED' and not lock.settled
      and lock.category == order.category and lock.completed == nil
      and lock.user == order.user and lock.quantity == order.quantity
      and (lock.order == nil or lock.order == order.id)
  end
  if order.lock ~= '' then
    get(s, 'l' .. order.lock)
    return isMeant(order.lock) and order.lock or nil
  end
  local user = get(s, 'u' .. order.user)
  local sales = user and user.sales or {}
  fetch(s, fieldsOf('l', sales))
  local oldest
  for _, id in ipairs(sales) do
    if isMeant(id) then
      if s.records['l' .. id].order == order.id then
        return id
      end
      oldest = oldest or id
    end
  end
  return oldest
end

-- Finds the sale of each order; one that settled already is neither found nor missed. Answers the
-- pairs of lock and order, and the places of the orders that fit nothing.
local function match(s, orders)
  local completed, unmatched, taken, keys = {}, {}, {}, {}
  for index, order in ipairs(orders) do
    local field = 'o' .. order.id .. ',' .. order.category
    if not keys[field] and not get(s, field) then
      local id = get(s, 'c' .. order.category) and saleOf(s, order, taken)
      if id then
        taken[id], keys[field] = true, true
        completed[#completed + 1] = { id, order.id }
      else
        unmatched[#unmatched + 1] = index - 1
      end
    end
  end
  return completed, unmatched
end

local function readOrders(args, from, orderCount)
  local orders = {}
  for index = 1, orderCount do
    local at = from + (index - 1) * 5
    orders[index] = {
      id = args[at],
      category = args[at + 1],
      quantity = tonumber(args[at + 2]),
      user = args[at + 3],
      lock = args[at + 4],
    }
  end
  return orders
end

local function setFigures(s, figures, categories)
  for _, figure in ipairs(figures) do
    local field = 'c' .. figure.category
    local c = s.records[field]
    if not c then
      c = {
        soldElsewhere = figure.soldElsewhere,
        confirmed = 0,
        locked = 0,
        version = s.now * 1000,
        risen = 0,
        mark = 0,
        rises = {},
      }
      categories.list[#categories.list + 1] = figure.category
      put(s, 'k', categories)
    elseif figure.soldElsewhere > c.soldElsewhere then
      addRise(c, figure.soldElsewhere - c.soldElsewhere)
    end
    c.capacity, c.soldElsewhere = figure.capacity, figure.soldElsewhere
    c.version = c.version + 1
    put(s, field, c)
  end
end

local function oldestUnsettled(s, category)
  local oldest = redis.call('ZRANGE', s.key .. ':w:' .. category, 0, 0)
  return oldest[1] and get(s, 'l' .. oldest[1])
end

local function forgetRises(s, categories)
  for _, category in ipairs(categories.list) do
    local c = get(s, 'c' .. category)
    if #c.rises > 0 then
      local oldest = oldestUnsettled(s, category)
      local mark = oldest and oldest.risenBefore or c.risen
      if c.rises[1][1] < mark then
        forgetRisesBefore(c, mark)
        touch(s, 'c' .. category)
      end
    end
  end
end

-- Completed sales of a category by their confirms: those of before and those of this command.
local function completedSales(s, category)
  local list = redis.call('ZRANGE', s.key .. ':p:' .. category, 0, COMPLETED_MAX - 1)
  local known = {}
  for _, id in ipairs(list) do
    known[id] = true
  end
  for id in pairs(s.adds[':p:' .. category] or {}) do
    if not known[id] then
      list[#list + 1] = id
    end
  end
  fetchLocks(s, list)
  table.sort(list, function(a, b)
    return s.records['l' .. a].confirmedSeq < s.records['l' .. b].confirmedSeq
  end)
  return list
end

-- Whether the count rose by the lock's tickets since it was confirmed, beyond what settled other
-- sales, by a fetch that began after its order was completed.
local function isRisen(s, c, lock)
  if s.h.fetchedAt < lock.countedFrom then
    return false
  end
  local netRise = c.soldElsewhere - lock.soldBefore
  return netRise - usedSince(c, lock.risenBefore) >= lock.quantity
end

local function settleRisen(s, categories)
  local settled = {}
  for _, category in ipairs(categories.list) do
    local c = s.records['c' .. category]
    for _, id in ipairs(completedSales(s, category)) do
      local lock = s.records['l' .. id]
      if isRisen(s, c, lock) then
        if s.policy.decidesElsewhere then
          beginSettling(s, id, lock)
        else
          settle(s, id, lock, false)
        end
        settled[#settled + 1] = id
      end
    end
  end
  return settled
end

local function readFigures(s, args, from, figureCount)
  local figures = {}
  for index = 1, figureCount do
    local at = from + (index - 1) * 3
    local known = get(s, 'c' .. args[at])
    local sold = tonumber(args[at + 2]) or (known and known.soldElsewhere or 0)
    figures[index] = {
      category = args[at],
      capacity = tonumber(args[at + 1]),
      soldElsewhere = sold,
    }
  end
  return figures
end

local function recordInventory(s, figures, completed, fetchedAt)
  local parts = { 'inventory-set', string.format('%.17g', fetchedAt), digits(#figures) }
  for _, figure in ipairs(figures) do
    parts[#parts + 1] = figure.category
    parts[#parts + 1] = digits(figure.capacity)
    parts[#parts + 1] = digits(figure.soldElsewhere)
  end
  for _, pair in ipairs(completed) do
    parts[#parts + 1] = pair[1]
    parts[#parts + 1] = pair[2]
  end
  record(s, table.concat(parts, FIELD))
end

local function noteCompleted(s, orders)
  local completed, unmatched = match(s, orders)
  for _, pair in ipairs(completed) do
    local lock = s.records['l' .. pair[1]]
    recordAbout(s, 'order-completed', pair[1], lock, pair[2])
    complete(s, pair[1], lock, pair[2], s.now + 1)
  end
  return ok(#completed > 0 and 1 or 0, {}, unmatched)
end

local function categoryFields(args)
  local fields = { 'k' }
  for index = 0, tonumber(args[7]) - 1 do
    fields[#fields + 1] = 'c' .. args[9 + index * 3]
  end
  return fields
end

-- Sales of which the ledger has not yet said that they are settled.
local function pendingSales(s)
  local ids = redis.call('ZRANGE', s.key .. ':s', 0, COMPLETED_MAX - 1)
  for id in pairs(s.adds[':s'] or {}) do
    ids[#ids + 1] = id
  end
  return ids
end

-- What is free in Redis must be free in the ledger, which hears of new figures next: until it has,
-- those that free tickets are held back. `before` are the figures by category. Tells whether any
-- is.
local function holdBack(s, figures, before)
  local isHeld = false
  for _, figure in ipairs(figures) do
    local c, known = s.records['c' .. figure.category], before[figure.category]
    c.capacity = math.min(c.capacity, known and known.capacity or 0)
    c.soldElsewhere = math.max(c.soldElsewhere, known and known.soldElsewhere or 0)
    isHeld = isHeld or c.capacity < figure.capacity or c.soldElsewhere > figure.soldElsewhere
  end
  return isHeld
end

local function figuresBefore(s, figures)
  local before = {}
  for _, figure in ipairs(figures) do
    local c = s.records['c' .. figure.category]
    before[figure.category] = c and { capacity = c.capacity, soldElsewhere = c.soldElsewhere }
  end
  return before
end

-- ARGV from 4: event id, 1 when figures were fetched (0: completed orders alone), when the fetch
-- began or '' for now, count of figures, count of orders, then { category, capacity, soldElsewhere
-- or '' } for each, then { order, category, quantity, user, lock id or '' } for each.
-- Output of `setInventory`: 1 when it was applied, ids of settled locks, places of the orders that
-- fit nothing. Where a ledger decides, also: ids of pending sales, 1 when figures were held back;
-- `markSettled` is to follow when the ledger has both.
command('setInventory', categoryFields, function(s, args)
  local figureCount, orderCount = tonumber(args[7]), tonumber(args[8])
  local orders = readOrders(args, 9 + figureCount * 3, orderCount)
  if args[5] == '0' then
    return noteCompleted(s, orders)
  end
  local fetchedAt = tonumber(args[6]) or s.now
  if fetchedAt < s.h.fetchedAt then
    return ok(0, {}, {})
  end
  local figures = readFigures(s, args, 9, figureCount)
  local completed, unmatched = match(s, orders)
  local categories = get(s, 'k') or { list = {} }
  local before = figuresBefore(s, figures)
  recordInventory(s, figures, completed, fetchedAt)
  s.h.fetchedAt = fetchedAt
  setFigures(s, figures, categories)
  fetch(s, fieldsOf('c', categories.list))
  for _, pair in ipairs(completed) do
    complete(s, pair[1], s.records['l' .. pair[1]], pair[2], fetchedAt)
  end
  forgetRises(s, categories)
  local settled = settleRisen(s, categories)
  if not s.policy.decidesElsewhere then
    return ok(1, settled, unmatched)
  end
  return ok(1, settled, unmatched, pendingSales(s), holdBack(s, figures, before) and 1 or 0)
end)

local function isNews(s, figures)
  for _, figure in ipairs(figures) do
    local c = get(s, 'c' .. figure.category)
    if not c or c.capacity ~= figure.capacity or c.soldElsewhere ~= figure.soldElsewhere then
      return true
    end
  end
  return false
end

-- Settles sales that are settled in the ledger, and takes over the figures that count them.
-- ARGV from 4: when the figures were fetched, how many, { category, capacity, soldElsewhere } for
-- each, then lock ids. Output of `markSettled`: 'OK'. Older figures than the known are ignored.
command('markSettled', function()
  return { 'k' }
end, function(s, args)
  local fetchedAt, figureCount = tonumber(args[4]), tonumber(args[5])
  local figures = readFigures(s, args, 6, figureCount)
  if fetchedAt >= s.h.fetchedAt and isNews(s, figures) then
    recordInventory(s, figures, {}, fetchedAt)
    s.h.fetchedAt = fetchedAt
    setFigures(s, figures, get(s, 'k') or { list = {} })
  end
  local ids = idsFrom(args, 6 + figureCount * 3)
  fetchLocks(s, ids)
  for _, id in ipairs(ids) do
    local lock = s.records['l' .. id]
    if lock and lock.status == 'CONFIRMED' and lock.settled ~= true then
      settle(s, id, lock, false)
    end
  end
  return ok()
end)

local function newHeader(key, epoch, id)
  return {
    format = FORMAT,
    epoch = epoch,
    server = thisServer(key),
    id = id,
    seq = 0,
    rawAt = readClock(key),
    ahead = 0,
    cancelled = false,
    fetchedAt = -1,
    active = 0,
    confirmed = 0,
    released = 0,
    expired = 0,
    unsettled = 0,
    users = 0,
    categories = 0,
    requests = 0,
    pins = 0,
    noticedEnd = 0,
    noticedPlaced = 0,
  }
end

-- Makes an event known. ARGV: 1 epoch, 4 event id. Output: { 'OK' } also when it is known already.
define('createEvent', function(keys, args)
  local key = keys[1]
  if not redis.call('HGET', key, 'h') then
    redis.call('HSET', key, 'h', packed('h', newHeader(key, tonumber(args[1]), args[4])))
  end
  return { 'OK' }
end)

-- Settles a sale by an operator's word. ARGV from 4: lock id. Output: lock id.
command('settle', function(args)
  return { 'l' .. args[4] }
end, function(s, args)
  local id, lock = args[4], get(s, 'l' .. args[4])
  if not lock then
    return refuse('LOCK_NOT_FOUND', id)
  end
  if lock.status == 'ACTIVE' then
    return refuse('LOCK_MISMATCH', id, 'status')
  end
  if lock.status ~= 'CONFIRMED' then
    return endOf(id, lock)
  end
  if lock.settled ~= true then
    fetchLocks(s, { id })
    settle(s, id, lock, true)
  end
  return ok(id)
end)
