-- restoreEvent, restoreSales, openEvent: an event as a ledger outside knows it, in parts. While
-- they come the event carries its epoch with a minus: nothing is granted on a part.

local function dropEvent(key)
  local text = redis.call('HGET', key, 'k')
  local list = text and unpacked('k', text).list or {}
  for _, category in ipairs(list) do
    redis.call('UNLINK', key .. ':w:' .. category, key .. ':p:' .. category)
  end
  redis.call(
    'UNLINK', key, key .. ':x', key .. ':n', key .. ':e', key .. ':f', key .. ':d', key .. ':t',
    key .. ':o', key .. ':s'
  )
end

-- The header of an event that is being brought in this epoch and on this server, or nothing.
local function unfinished(key, args)
  local text = redis.call('HGET', key, 'h')
  local h = text and unpacked('h', text)
  local isOurs = h and h.epoch == -tonumber(args[1]) and h.server == thisServer(key)
  return isOurs and h.unsettled == tonumber(args[4]) and h or nil
end

-- What is there of an event. Output of `eventEpoch`: its epoch, with a minus while it is being
-- brought, 0 when there is nothing; how far it is; 1 when this server process keeps it.
define('eventEpoch', function(keys)
  local text = redis.call('HGET', keys[1], 'h')
  if not text then
    return { 0, 0, 0 }
  end
  local h = unpacked('h', text)
  return { h.epoch, h.seq, h.server == thisServer(keys[1]) and 1 or 0 }
end)

-- Begins an event anew; whatever was there is dropped. ARGV: 1 epoch, 4 event id, 5 when its
-- figures were fetched, then { category, capacity, soldElsewhere } for each. Output: { 'OK' }, or
-- { 'GONE' } when it was brought, or is being brought, in this epoch or a later one.
define('restoreEvent', function(keys, args)
  local key, epoch = keys[1], tonumber(args[1])
  local known = redis.call('HGET', key, 'h')
  if known and math.abs(unpacked('h', known).epoch) >= epoch then
    return { 'GONE' }
  end
  dropEvent(key)
  local s = newStep(key, args)
  local header = newHeader(key, -epoch, args[4])
  s.h = header
  s.now = header.rawAt
  header.fetchedAt = tonumber(args[5])
  put(s, 'h', header)
  local figures = {}
  for index = 6, #args, 3 do
    figures[#figures + 1] = {
      category = args[index],
      capacity = tonumber(args[index + 1]),
      soldElsewhere = tonumber(args[index + 2]),
    }
    s.records['c' .. args[index]] = false
  end
  setFigures(s, figures, { list = {} })
  flush(s)
  return { 'OK' }
end)

-- Whether a sale was told outside is not known any more: it is told once more, in the epoch that
-- begins. The publisher alone reads it there, to the instances it is no news.
local function appendSales(s)
  local h = s.h
  h.epoch = -h.epoch
  local text = changesOf(s)
  if text ~= '' then
    append(s, text)
  end
  h.epoch = -h.epoch
end

-- Adds sales to an event that is begun. ARGV: 1 epoch, 4 how many came before, then { lock id,
-- category, user, quantity, order or '', 1 when late, when } for each. Output: { 'OK' }, or
-- { 'GONE' } when the event is not as it was left.
define('restoreSales', function(keys, args)
  local h = unfinished(keys[1], args)
  if h == nil then
    return { 'GONE' }
  end
  local s = newStep(keys[1], args)
  put(s, 'h', h)
  s.h = h
  s.now = readClock(s.key)
  -- Each sale has the number of one change. What is confirmed from here on comes after them.
  h.seq = h.unsettled
  for index = 5, #args, 7 do
    local id, at = args[index], tonumber(args[index + 6])
    local lock = {
      status = 'CONFIRMED',
      category = args[index + 1],
      user = args[index + 2],
      session = 'restored',
      quantity = tonumber(args[index + 3]),
      createdAt = at,
      expiresAt = at,
      placed = 0,
      extensions = 0,
      noticed = true,
      capacityAtGrant = 0,
      order = args[index + 4] ~= '' and args[index + 4] or nil,
      late = args[index + 5] == '1' or nil,
      countedFrom = 0,
      settled = false,
    }
    local c = get(s, 'c' .. lock.category)
    local user = userOf(s, lock.user)
    h.unsettled = h.unsettled + 1
    lock.confirmedSeq = h.unsettled
    lock.soldBefore, lock.risenBefore = c.soldElsewhere, c.risen
    c.confirmed = c.confirmed + lock.quantity
    user.bought = user.bought + lock.quantity
    user.sales[#user.sales + 1] = id
    count(s, 'CONFIRMED', 1)
    put(s, 'l' .. id, lock)
    put(s, 'u' .. lock.user, user)
    touch(s, 'c' .. lock.category)
    add(s, ':w:' .. lock.category, lock.confirmedSeq, id)
    recordAbout(s, 'confirmed', id, lock, lock.order or '', lock.late and 1 or 0)
  end
  touch(s, 'h')
  flush(s)
  appendSales(s)
  return { 'OK' }
end)

-- Opens an event of which every part is there. ARGV: 1 epoch, 4 how many sales it must have.
-- Output: { 'OK' }, or { 'GONE' } when it is not as it was left.
define('openEvent', function(keys, args)
  local h = unfinished(keys[1], args)
  if h == nil then
    return { 'GONE' }
  end
  h.epoch = tonumber(args[1])
  redis.call('HSET', keys[1], 'h', packed('h', h))
  return { 'OK' }
end)
