-- unlock, releaseSession: how buyers give tickets back.

local function giveBack(s, id, lock, quantity)
  if lock.pin then
    return refuse('PINNED', id)
  end
  if lock.status == 'ACTIVE' and lock.order then
    return refuse('ORDER_CONFLICT', id)
  end
  local over = endOf(id, lock)
  if over then
    local isBack = over[1] == 'LOCK_RELEASED' or over[1] == 'LOCK_EXPIRED'
    return isBack and not quantity and ok(id, lock.category, 0, 0) or over
  end
  local locked = lock.quantity
  local given = quantity or locked
  if given > locked then
    return refuse('INVALID_REQUEST', 'quantity', digits(locked))
  end
  if given == locked then
    release(s, id, lock, 'unlocked')
  else
    changeQuantity(s, id, lock, locked - given)
  end
  return ok(id, lock.category, digits(given), digits(locked - given))
end

local function repeatUnlock(s, answer)
  local id, category, given, remaining = unpack(answer)
  local over = tonumber(remaining) > 0 and endOf(id, get(s, 'l' .. id))
  return over or ok(id, category, given, remaining)
end

-- The user's active lock in a category.
local function lockIn(s, user, category)
  local record = get(s, 'u' .. user)
  if not record then
    return nil
  end
  fetch(s, fieldsOf('l', record.locks))
  for _, id in ipairs(record.locks) do
    if s.records['l' .. id].category == category then
      return id, s.records['l' .. id]
    end
  end
end

local function unlock(s, id, lock, quantity, scope, requestId, content)
  local reply = giveBack(s, id, lock, quantity)
  if requestId ~= '' and reply[1] == 'OK' then
    remember(s, scope, requestId, content, { reply[6], reply[7], reply[8], reply[9] })
  end
  return reply
end

-- ARGV from 4: lock id, user or '', quantity or '', requestId or '', content.
-- Output of `unlock`: lock id, category, tickets given back, tickets left.
command('unlock', function(args)
  return args[5] == '' and { 'l' .. args[4] } or { 'l' .. args[4], 'u' .. args[5] }
end, function(s, args)
  local id, user, quantity = args[4], args[5], tonumber(args[6])
  local requestId, content = args[7], args[8]
  local lock = get(s, 'l' .. id)
  if not lock or (user ~= '' and user ~= lock.user) then
    return refuse('LOCK_NOT_FOUND', id)
  end
  local scope = scopeOfUser(lock.user, requestId)
  local before, conflict = recall(s, scope, requestId, content)
  if before or conflict then
    return conflict or repeatUnlock(s, before.answer)
  end
  return unlock(s, id, lock, quantity, scope, requestId, content)
end)

-- ARGV from 4: category, user, quantity or '', requestId or '', content. Output as `unlock`.
command('unlockOwn', function(args)
  return { 'c' .. args[4], 'u' .. args[5] }
end, function(s, args)
  local category, user, quantity = args[4], args[5], tonumber(args[6])
  local requestId, content = args[7], args[8]
  local scope = scopeOfUser(user, requestId)
  local before, conflict = recall(s, scope, requestId, content)
  if before or conflict then
    return conflict or repeatUnlock(s, before.answer)
  end
  if not get(s, 'c' .. category) then
    return refuse('CATEGORY_NOT_FOUND', category)
  end
  local id, lock = lockIn(s, user, category)
  if not lock then
    return refuse('LOCK_NOT_FOUND', '')
  end
  return unlock(s, id, lock, quantity, scope, requestId, content)
end)

-- Releases the active locks of a user that a session made; those in payment stay.
-- ARGV from 4: user, session. Output of `releaseSession`: the ids of the released locks.
command('releaseSession', function(args)
  return { 'u' .. args[4] }
end, function(s, args)
  local record = get(s, 'u' .. args[4])
  local ids = {}
  if record then
    fetchLocks(s, record.locks)
    for _, id in ipairs(record.locks) do
      local lock = s.records['l' .. id]
      if lock.session == args[5] and not lock.order and not lock.pin then
        ids[#ids + 1] = id
      end
    end
  end
  for _, id in ipairs(ids) do
    release(s, id, s.records['l' .. id], 'disconnected')
  end
  return ok(unpack(ids))
end)
