-- lock, extend: how tickets are taken.

-- Adds to a line of a wish `existing`, the user's active lock in the category, `target`, what the
-- lock will hold, and `growth`, how many tickets that takes.
local function aim(s, wish, own, line)
  local existing = own.byCategory[line.category]
  local locked = existing and s.records['l' .. existing].quantity or 0
  line.existing = existing
  line.target = wish.onExisting == 'add' and line.quantity + locked or line.quantity
  line.growth = line.target - locked
end

local NOTHING = { lockCount = 0, tickets = 0, byCategory = {} }

-- What the user has in the event.
local function ownOf(s, user)
  local record = get(s, 'u' .. user)
  if not record then
    return NOTHING
  end
  local own = { byCategory = {} }
  fetch(s, fieldsOf('l', record.locks))
  own.lockCount, own.tickets = #record.locks, record.bought
  for index = #record.locks, 1, -1 do
    local id = record.locks[index]
    local lock = s.records['l' .. id]
    own.tickets = own.tickets + lock.quantity
    own.byCategory[lock.category] = id
  end
  return own
end

local function refuseExisting(s, wish, line)
  if line.existing == nil then
    return nil
  end
  local lock = s.records['l' .. line.existing]
  if wish.onExisting == '' then
    return refuse('DUPLICATE_LOCK', line.existing, viewOf(line.existing, lock))
  end
  if lock.pin then
    return refuse('PINNED', line.existing)
  end
  return lock.order and refuse('ORDER_CONFLICT', line.existing)
end

local function refuseMore(s, own, newLocks, growth)
  local policy = s.policy
  if newLocks > 0 and own.lockCount + newLocks > policy.locksPerUserMax then
    return refuse('LIMIT_EXCEEDED', 'locksPerUserMax')
  end
  if growth > 0 and own.tickets + growth > policy.ticketsPerUserPerEventMax then
    return refuse('LIMIT_EXCEEDED', 'ticketsPerUserPerEventMax')
  end
end

-- Every line is put to one check before the next one is made.
local function refuseAny(s, wish, own, lines)
  for _, line in ipairs(lines) do
    local refusal = refuseExisting(s, wish, line)
    if refusal then
      return refusal
    end
  end
  local newLocks, growth = 0, 0
  for _, line in ipairs(lines) do
    if line.target > s.policy.ticketsPerLockMax then
      return refuse('LIMIT_EXCEEDED', 'ticketsPerLockMax')
    end
    newLocks = newLocks + (line.existing and 0 or 1)
    growth = growth + line.growth
  end
  local refusal = refuseMore(s, own, newLocks, growth)
  if refusal then
    return refusal
  end
  local short = {}
  for _, line in ipairs(lines) do
    local available = availableIn(s, line.category)
    if line.growth > 0 and available < line.growth then
      short[#short + 1] = line.category
      short[#short + 1] = digits(line.quantity)
      short[#short + 1] = digits(available)
    end
  end
  return #short > 0 and refuse('INSUFFICIENT_TICKETS', short)
end

local function makeLock(s, wish, line)
  local id, user = line.newId, userOf(s, wish.user)
  local category = s.records['c' .. line.category]
  local lock = {
    status = 'ACTIVE',
    category = line.category,
    user = wish.user,
    session = wish.session,
    quantity = line.target,
    createdAt = s.now,
    expiresAt = s.now + s.policy.ttlMs,
    extensions = 0,
    noticed = false,
    capacityAtGrant = category.capacity,
  }
  lock.placed = recordAbout(s, 'locked', id, lock, lock.session, digits(lock.expiresAt))
  put(s, 'l' .. id, lock)
  table.insert(user.locks, 1, id)
  if #user.locks == 1 then
    s.h.users = s.h.users + 1
  end
  put(s, 'u' .. wish.user, user)
  place(s, id, lock)
  s.h.active = s.h.active + 1
  addLocked(s, line.category, line.target)
  return id, lock
end

local function changeQuantity(s, id, lock, quantity)
  local before = lock.quantity
  lock.quantity = quantity
  recordAbout(s, 'quantity-changed', id, lock, digits(before))
  touch(s, 'l' .. id)
  addLocked(s, lock.category, quantity - before)
end

-- Carries a line out, and answers the lock.
local function take(s, wish, line)
  local id, lock = line.existing, nil
  if id == nil then
    id, lock = makeLock(s, wish, line)
  else
    lock = s.records['l' .. id]
    if lock.quantity ~= line.target then
      changeQuantity(s, id, lock, line.target)
    end
  end
  if line.growth > 0 then
    local c = s.records['c' .. line.category]
    -- What is promised is promised at the capacity of now.
    lock.capacityAtGrant = c.capacity
    assert(c.soldElsewhere + c.confirmed + c.locked <= c.capacity, 'no more than there is')
  end
  return id, lock
end

-- A grant as it was given, with the tickets that are free now.
local function repeatGrant(s, answer)
  local ids = {}
  for index = 1, #answer, 3 do
    ids[#ids + 1] = answer[index]
  end
  fetchLocks(s, ids)
  local grants = {}
  for index = 1, #answer, 3 do
    local id = answer[index]
    local lock = s.records['l' .. id]
    local refusal = endOf(id, lock)
    if refusal then
      return refusal
    end
    local grant = { id, lock.category, digits(answer[index + 1]), answer[index + 2] }
    grant[5] = digits(availableIn(s, lock.category))
    grants[#grants + 1] = grant
  end
  return ok(unpack(grants))
end

local function findCategories(s, lines)
  if s.h.cancelled then
    return refuse('EVENT_NOT_FOUND')
  end
  for _, line in ipairs(lines) do
    if not get(s, 'c' .. line.category) then
      return refuse('CATEGORY_NOT_FOUND', line.category)
    end
  end
end

-- Carries all lines out, and answers what is replied and what is remembered.
local function takeAll(s, wish, lines)
  local grants, answer = {}, {}
  for index, line in ipairs(lines) do
    local id, lock = take(s, wish, line)
    grants[index] = {
      id, line.category, digits(lock.quantity), digits(lock.expiresAt),
      digits(availableIn(s, line.category)),
    }
    local at = #answer
    answer[at + 1], answer[at + 2], answer[at + 3] = id, lock.quantity, lock.expiresAt
  end
  return grants, answer
end

-- ARGV from 4: user, session, onExisting or '', requestId or '', content, then for each line its
-- category, quantity and the id of its lock if it makes one.
-- Output of `lock`: for each line { lock id, category, quantity, expiresAt, available }.
command('lock', function(args)
  local fields = { 'u' .. args[4] }
  for index = 9, #args, 3 do
    fields[#fields + 1] = 'c' .. args[index]
  end
  if args[7] ~= '' then
    fields[#fields + 1] = requestField(scopeOfUser(args[4]), args[7])
  end
  return fields
end, function(s, args)
  local wish = { user = args[4], session = args[5], onExisting = args[6] }
  local scope, requestId, content = scopeOfUser(args[4]), args[7], args[8]
  local lines = {}
  for index = 9, #args, 3 do
    lines[#lines + 1] = {
      category = args[index], quantity = tonumber(args[index + 1]), newId = args[index + 2],
      existing = nil, target = 0, growth = 0,
    }
  end
  local before, conflict = recall(s, scope, requestId, content)
  if before or conflict then
    return conflict or repeatGrant(s, before.answer)
  end
  local unknown = findCategories(s, lines)
  if unknown then
    return unknown
  end
  local own = ownOf(s, wish.user)
  for _, line in ipairs(lines) do
    aim(s, wish, own, line)
  end
  local refusal = refuseAny(s, wish, own, lines)
  if refusal then
    return refusal
  end
  local grants, answer = takeAll(s, wish, lines)
  remember(s, scope, requestId, content, answer)
  return ok(unpack(grants))
end)

local function moveEnd(s, id, lock, expiresAt, kind, first, second)
  unplace(s, id, lock)
  lock.expiresAt = expiresAt
  lock.placed = recordAbout(s, kind, id, lock, first, second)
  lock.noticed = false
  place(s, id, lock)
  touch(s, 'l' .. id)
end

local function repeatExtend(s, answer)
  local id, expiresAt = answer[1], answer[2]
  local lock = get(s, 'l' .. id)
  return endOf(id, lock) or ok(id, expiresAt, lock.extensions)
end

-- ARGV from 4: lock id, user or '', requestId or '', content.
-- Output of `extend`: lock id, expiresAt, how often it was extended.
command('extend', function(args)
  return { 'l' .. args[4] }
end, function(s, args)
  local id, user, requestId, content = args[4], args[5], args[6], args[7]
  local lock = get(s, 'l' .. id)
  if not lock or (user ~= '' and user ~= lock.user) then
    return refuse('LOCK_NOT_FOUND', id)
  end
  local scope = scopeOfUser(lock.user)
  local before, conflict = recall(s, scope, requestId, content)
  if before or conflict then
    return conflict or repeatExtend(s, before.answer)
  end
  if lock.pin then
    return refuse('PINNED', id)
  end
  if lock.status == 'ACTIVE' and lock.order then
    return refuse('ORDER_CONFLICT', id)
  end
  local over = endOf(id, lock)
  if over then
    return over
  end
  if lock.extensions >= s.policy.extensionsMax then
    return refuse('LIMIT_EXCEEDED', 'extensionsMax')
  end
  local latest = lock.createdAt + s.policy.lockAgeMsMax
  if lock.expiresAt >= latest then
    return refuse('LIMIT_EXCEEDED', 'lockAgeMsMax')
  end
  local expiresAt = math.max(lock.expiresAt, math.min(s.now + s.policy.ttlMs, latest))
  lock.extensions = lock.extensions + 1
  moveEnd(s, id, lock, expiresAt, 'extended', digits(expiresAt))
  remember(s, scope, requestId, content, { id, expiresAt })
  return ok(id, expiresAt, lock.extensions)
end)
