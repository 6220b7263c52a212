-- Which ends are announced, and which comes next.
--
-- The header notes the place among the ends up to which they were announced: `noticedEnd`, and
-- `noticedPlaced` among those that end at that instant. It never goes back: what is placed before
-- it afterwards, because it lives shorter than others, waits in `<key>:n`. All others are in no set
-- but that of the ends.

-- How many active locks are at the noted place or before it. A marker that sorts right behind the
-- place is put among them for the question: the lock that made the place may be gone.
local function countNoticed(s)
  local ends, h = s.key .. ':x', s.h
  local marker = string.format('%016d', h.noticedPlaced + 1)
  redis.call('ZADD', ends, digits(h.noticedEnd), marker)
  local rank = redis.call('ZRANK', ends, marker)
  redis.call('ZREM', ends, marker)
  return rank
end

-- The first locks behind the noted place that are not over, at most `limit`: each member and end.
local function behindNoticed(s, limit)
  if limit == 0 then
    return {}
  end
  if s.h.noticedEnd <= s.now then
    return scored(s.key .. ':x', '(' .. digits(s.now), '+inf', limit)
  end
  local from = countNoticed(s)
  return redis.call('ZRANGE', s.key .. ':x', from, from + limit - 1, 'WITHSCORES')
end

local function announce(s, id, lock)
  recordAbout(s, 'expiring', id, lock, digits(lock.expiresAt), lock.order or '')
  lock.noticed = true
  touch(s, 'l' .. id)
end

-- Announces ends that are near, at most `limit`. Answers when the next one is to be announced: not
-- after now when more are near, nothing when there is none.
local function noticed(s, limit)
  local noticeMs = s.policy.expiringNoticeMs
  if noticeMs == 0 then
    return nil
  end
  local waiting = scored(s.key .. ':n', '(' .. digits(s.now), '+inf', limit + 1)
  local waitingCount = #waiting
  for _, value in ipairs(behindNoticed(s, limit + 1 - waitingCount / 2)) do
    waiting[#waiting + 1] = value
  end
  local nearMax, near = math.min(#waiting, 2 * limit), 0
  while near < nearMax and waiting[near + 2] - noticeMs <= s.now do
    near = near + 2
  end
  local ids = {}
  for index = 1, near, 2 do
    ids[#ids + 1] = idOfPlace(waiting[index])
  end
  fetch(s, fieldsOf('l', ids))
  for index, id in ipairs(ids) do
    local lock = s.records['l' .. id]
    announce(s, id, lock)
    if 2 * index <= waitingCount then
      remove(s, ':n', placeOf(id, lock))
    else
      s.h.noticedEnd, s.h.noticedPlaced = lock.expiresAt, lock.placed
    end
  end
  local next = waiting[near + 2]
  return next and next - noticeMs
end
