-- lock, extend: how tickets are taken.

-- Adds to a line of a wish `existing`, the user's active lock in the category, `target`, what the
-- lock will hold, and `growth`, how many tickets that takes.
local function aim(s, wish, own, line)
  local quantity, existing = line.quantity, own.byCategory[line.category]
  if existing == nil then
    line.target, line.growth = quantity, quantity
    return
  end
  local locked = s.records['l' .. existing].quantity
  line.existing = existing
  line.target = wish.onExisting == 'add' and quantity + locked or quantity
  line.growth = line.target - locked
end

local NONE = {}

-- What the user has in the event.
local function ownOf(s, user)
  local record = get(s, 'u' .. user)
  if not record then
    return { record = nil, lockCount = 0, tickets = 0, byCategory = NONE }
  end
  local tickets, byCategory = record.bought, {}
  fetch(s, fieldsOf('l', record.locks))
  for index = #record.locks, 1, -1 do
    local id = record.locks[index]
    local lock = s.records['l' .. id]
    tickets = tickets + lock.quantity
    byCategory[lock.category] = id
  end
  return { record = record, lockCount = #record.locks, tickets = tickets, byCategory = byCategory }
end

local function refuseExisting(s, wish, line)
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

local function refuseShort(s, lines)
  local short
  for index = 1, #lines do
    local line = lines[index]
    local available = freeOf(line.record)
    if line.growth > 0 and available < line.growth then
      short = short or {}
      short[#short + 1] = line.category
      short[#short + 1] = digits(line.quantity)
      short[#short + 1] = digits(available)
    end
  end
  return short and refuse('INSUFFICIENT_TICKETS', short)
end

-- Every line is put to one check before the next one is made.
local function refuseAny(s, wish, own, lines)
  for index = 1, #lines do
    local line = lines[index]
    local refusal = line.existing and refuseExisting(s, wish, line)
    if refusal then
      return refusal
    end
  end
  local newLocks, growth, quantityMax = 0, 0, s.policy.ticketsPerLockMax
  for index = 1, #lines do
    local line = lines[index]
    if line.target > quantityMax then
      return refuse('LIMIT_EXCEEDED', 'ticketsPerLockMax')
    end
    newLocks = newLocks + (line.existing and 0 or 1)
    growth = growth + line.growth
  end
  return refuseMore(s, own, newLocks, growth) or refuseShort(s, lines)
end

-- Puts a new lock first among those of its user.
local function giveUser(s, wish, own, id)
  local record = own.record
  if record then
    table.insert(record.locks, 1, id)
  else
    record = { bought = 0, locks = { id }, sales = {} }
    own.record = record
  end
  if #record.locks == 1 then
    s.h.users = s.h.users + 1
  end
  put(s, 'u' .. wish.user, record)
end

local function makeLock(s, wish, own, line)
  local id, category, now = line.newId, line.category, s.now
  local expiresAt = now + s.policy.ttlMs
  local lock = {
    status = 'ACTIVE',
    category = category,
    user = wish.user,
    session = wish.session,
    quantity = line.target,
    createdAt = now,
    expiresAt = expiresAt,
    placed = 0,
    extensions = 0,
    noticed = false,
    capacityAtGrant = line.record.capacity,
  }
  lock.placed = recordAbout(s, 'locked', id, lock, wish.session, digits(expiresAt))
  put(s, 'l' .. id, lock)
  giveUser(s, wish, own, id)
  place(s, id, lock)
  s.h.active = s.h.active + 1
  addLocked(s, category, line.target)
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
local function take(s, wish, own, line)
  local id, lock = line.existing, nil
  if id == nil then
    id, lock = makeLock(s, wish, own, line)
  else
    lock = s.records['l' .. id]
    if lock.quantity ~= line.target then
      changeQuantity(s, id, lock, line.target)
    end
  end
  if line.growth > 0 then
    local c = line.record
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

-- Adds to each line the record of its category.
local function findCategories(s, lines)
  if s.h.cancelled then
    return refuse('EVENT_NOT_FOUND')
  end
  for index = 1, #lines do
    local line = lines[index]
    line.record = get(s, 'c' .. line.category)
    if not line.record then
      return refuse('CATEGORY_NOT_FOUND', line.category)
    end
  end
end

-- Carries all lines out, and answers the grants.
local function takeAll(s, wish, own, lines)
  local grants = {}
  for index = 1, #lines do
    local line = lines[index]
    local id, lock = take(s, wish, own, line)
    grants[index] = {
      id, line.category, digits(lock.quantity), digits(lock.expiresAt), digits(freeOf(line.record)),
    }
  end
  return grants
end

-- What is remembered of grants.
local function answerOf(grants)
  local answer = {}
  for _, grant in ipairs(grants) do
    answer[#answer + 1] = grant[1]
    answer[#answer + 1] = tonumber(grant[3])
    answer[#answer + 1] = tonumber(grant[4])
  end
  return answer
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
    fields[#fields + 1] = requestField(scopeOfUser(args[4], args[7]), args[7])
  end
  return fields
end, function(s, args)
  local wish = { user = args[4], session = args[5], onExisting = args[6] }
  local requestId, content = args[7], args[8]
  local scope = scopeOfUser(args[4], requestId)
  local lines = {}
  for index = 9, #args, 3 do
    lines[#lines + 1] = {
      category = args[index], quantity = tonumber(args[index + 1]), newId = args[index + 2],
      record = nil, existing = nil, target = 0, growth = 0,
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
  for index = 1, #lines do
    aim(s, wish, own, lines[index])
  end
  local refusal = refuseAny(s, wish, own, lines)
  if refusal then
    return refusal
  end
  local grants = takeAll(s, wish, own, lines)
  if requestId ~= '' then
    remember(s, scope, requestId, content, answerOf(grants))
  end
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
  local scope = scopeOfUser(lock.user, requestId)
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
