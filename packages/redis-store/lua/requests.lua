-- Requests that changed something, kept so that the same request gets the same answer.
--
-- The answer is kept as { lock id, quantity, expiresAt, ... } for each lock, or { id, quantity,
-- remaining } of an unlock; a decision keeps nothing, its answer is read from the lock.
-- A call without a request id has '' for it, and nothing is looked up or kept.

local function requestField(scope, requestId)
  return 'r' .. scope .. FIELD .. requestId
end

local function scopeOfUser(user, requestId)
  return requestId ~= '' and '["user",' .. user .. ']' or ''
end

-- What was remembered, or nothing; then the refusal when the id was used for another content.
local function recall(s, scope, requestId, content)
  if requestId == '' then
    return nil
  end
  local request = get(s, requestField(scope, requestId))
  if not request or request.content == content then
    return request or nil
  end
  return nil, refuse('REQUEST_CONFLICT', requestId)
end

local function remember(s, scope, requestId, content, answer)
  if requestId == '' or s.policy.requestsMax == 0 then
    return
  end
  local field = requestField(scope, requestId)
  if get(s, field) then
    return
  end
  put(s, field, { content = content, at = s.now, answer = answer })
  s.requests[#s.requests + 1] = field
  s.h.requests = s.h.requests + 1
  touch(s, 'h')
end

local ENDS = {
  CONFIRMED = 'LOCK_CONFIRMED',
  RELEASED = 'LOCK_RELEASED',
  EXPIRED = 'LOCK_EXPIRED',
}

-- The refusal that says how the lock ended, or nothing while it is active.
local function endOf(id, lock)
  if not lock then
    return refuse('LOCK_NOT_FOUND', id)
  end
  local code = lock.reason == 'lost' and 'LOCK_LOST' or ENDS[lock.status]
  return code and refuse(code, id)
end

local function freeOf(c)
  local free = c.capacity - c.soldElsewhere - c.confirmed - c.locked
  return free > 0 and free or 0
end

local function availableIn(s, category)
  return freeOf(get(s, 'c' .. category))
end

-- A lock as outsiders see it.
local function viewOf(id, lock)
  return {
    id, lock.status, lock.category, lock.user, lock.session, digits(lock.quantity), lock.createdAt,
    lock.expiresAt, lock.extensions, lock.order or '', lock.late and 1 or 0,
    lock.settled and 1 or 0, lock.endedAt or '', lock.reason or '',
  }
end
