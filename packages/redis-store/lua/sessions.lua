-- Who is there, for sessions that have locks: on which instances each has sockets, where it has
-- locks, and when its grace ends. An index, never the basis of a grant.
--
-- KEYS[1]: the key of all sessions. `<key>` is a hash with a record for each session and the clock,
-- `<key>:g` the sessions whose grace runs by its end, `<key>:i` the instances by the end of their
-- lease, `<key>:of:<instance>` the sessions of an instance.
-- A session is PRESENT while an instance is listed, else it WAITS until `endsAt`, then it is GONE:
-- whoever asks first is told to give its locks back, and again after RETRY_MS until
-- `sessionForget`.

local RETRY_MS = 5000
local SESSIONS_MAX = 100

local function sessionClock(key)
  local kept = redis.call('HMGET', key, 'rawAt', 'ahead')
  local rawAt, ahead = tonumber(kept[1] or 0), tonumber(kept[2] or 0)
  local raw = readClock(key)
  if raw < rawAt then
    ahead = ahead + rawAt - raw
  end
  if raw < rawAt or raw >= rawAt + 1000 then
    redis.call('HSET', key, 'rawAt', raw, 'ahead', ahead)
  end
  return raw + ahead
end

-- Sessions by their ids; of one that is not kept nothing.
local function readSessions(key, ids)
  local sessions = {}
  local texts = redis.call('HMGET', key, unpack(fieldsOf('s', ids)))
  for index, id in ipairs(ids) do
    if texts[index] then
      local instances, places, endsAt = cmsgpack.unpack(texts[index])
      sessions[id] = { instances = instances, places = places, endsAt = endsAt or nil }
    end
  end
  return sessions
end

local function readSession(key, id)
  return readSessions(key, { id })[id]
end

local function writeSessions(key, sessions)
  local sets = {}
  for id, session in pairs(sessions) do
    sets[#sets + 1] = 's' .. id
    sets[#sets + 1] = cmsgpack.pack(session.instances, session.places, session.endsAt or false)
  end
  redis.call('HSET', key, unpack(sets))
end

local function writeSession(key, id, session)
  writeSessions(key, { [id] = session })
end

local function has(list, value)
  for _, one in ipairs(list) do
    if one == value then
      return true
    end
  end
  return false
end

-- Adds an instance to sessions. At least one.
local function enter(key, ids, sessions, instance)
  for _, id in ipairs(ids) do
    local session = sessions[id]
    if not has(session.instances, instance) then
      session.instances[#session.instances + 1] = instance
    end
    session.endsAt = nil
  end
  redis.call('SADD', key .. ':of:' .. instance, unpack(ids))
  redis.call('ZREM', key .. ':g', unpack(ids))
end

local function wait(key, id, session, endsAt)
  session.endsAt = endsAt
  redis.call('ZADD', key .. ':g', endsAt, id)
end

local function notePlace(key, session, note, now, horizonMs)
  local place = note.event .. FIELD .. note.user
  if not has(session.places, place) then
    session.places[#session.places + 1] = place
  end
  local ofUser = key .. ':u:' .. note.user
  redis.call('ZADD', ofUser, now, note.event)
  redis.call('PEXPIRE', ofUser, horizonMs)
end

-- Notes where sessions and their users may have locks. ARGV: 1 instance, 2 how long nothing of it
-- can last, in milliseconds, then at most 64 times { session, 1 when it has a socket on the
-- instance, event, user }. Output: 1.
define('notePlaces', function(keys, args)
  local key, instance, horizonMs = keys[1], args[1], args[2]
  local now = sessionClock(key)
  local notes, ids, here = {}, {}, {}
  for at = 3, #args, 4 do
    local id = args[at]
    notes[#notes + 1] = { id = id, event = args[at + 2], user = args[at + 3] }
    ids[#ids + 1] = id
    if args[at + 1] == '1' then
      here[#here + 1] = id
    end
  end
  local sessions = readSessions(key, ids)
  for _, note in ipairs(notes) do
    local session = sessions[note.id] or { instances = {}, places = {} }
    sessions[note.id] = session
    notePlace(key, session, note, now, horizonMs)
  end
  if #here > 0 then
    enter(key, here, sessions, instance)
  end
  for id, session in pairs(sessions) do
    if #session.instances == 0 and session.endsAt == nil then
      wait(key, id, session, now + tonumber(horizonMs))
    end
  end
  writeSessions(key, sessions)
  return 1
end)

-- The events in which a user may have locks. ARGV: 1 user. Output: their ids.
define('userEvents', function(keys, args)
  return redis.call('ZRANGE', keys[1] .. ':u:' .. args[1], 0, -1)
end)

-- Drops an event in which a user has nothing, unless he came there a moment ago. ARGV: 1 user,
-- 2 event, 3 how long a moment is, in milliseconds. Output: 1.
define('userLeft', function(keys, args)
  local key = keys[1] .. ':u:' .. args[1]
  local cameAt = redis.call('ZSCORE', key, args[2])
  if cameAt and tonumber(cameAt) <= sessionClock(keys[1]) - tonumber(args[3]) then
    redis.call('ZREM', key, args[2])
  end
  return 1
end)

-- Adds an instance to a session that has locks; of another nothing is kept. ARGV: 1 session,
-- 2 instance. Output: 1 when it has, else 0.
define('sessionEnter', function(keys, args)
  local key, id = keys[1], args[1]
  local session = readSession(key, id)
  if session == nil then
    return 0
  end
  enter(key, { id }, { [id] = session }, args[2])
  writeSession(key, id, session)
  return 1
end)

-- Takes an instance from a session. ARGV: 1 session, 2 instance, 3 grace in milliseconds, or 0.
-- Output: the places of its locks when it is gone by this, else nothing.
define('sessionLeave', function(keys, args)
  local key, id, instance, graceMs = keys[1], args[1], args[2], tonumber(args[3])
  local session = readSession(key, id)
  if session == nil then
    return {}
  end
  without(session.instances, instance)
  redis.call('SREM', key .. ':of:' .. instance, id)
  if #session.instances > 0 then
    writeSession(key, id, session)
    return {}
  end
  local now = sessionClock(key)
  wait(key, id, session, graceMs == 0 and now + RETRY_MS or now + graceMs)
  writeSession(key, id, session)
  return graceMs == 0 and session.places or {}
end)

-- Where a session may have locks. ARGV: 1 session.
define('sessionPlaces', function(keys, args)
  local session = readSession(keys[1], args[1])
  return session and session.places or {}
end)

-- Gives up the sessions of an instance whose lease is over. Tells whether more of them are left.
local function bury(key, instance, now, graceMs)
  local ids = redis.call('SRANDMEMBER', key .. ':of:' .. instance, SESSIONS_MAX)
  for _, id in ipairs(ids) do
    redis.call('SREM', key .. ':of:' .. instance, id)
    local session = readSession(key, id)
    if session then
      without(session.instances, instance)
      if #session.instances == 0 then
        wait(key, id, session, now + graceMs)
      end
      writeSession(key, id, session)
    end
  end
  if #ids < SESSIONS_MAX then
    redis.call('ZREM', key .. ':i', instance)
  end
end

-- Says that an instance lives, gives up those that do not, and tells which sessions are gone.
-- ARGV: 1 instance, 2 lease, 3 grace, in milliseconds.
-- Output: 1 when the instance is not known, so its sessions are to enter (again), the instant of
-- the next end of a grace or '', now, then for each session that is gone { session, places... }.
define('sessionsDue', function(keys, args)
  local key, instance, leaseMs, graceMs = keys[1], args[1], tonumber(args[2]), tonumber(args[3])
  local now = sessionClock(key)
  local isNew = redis.call('ZADD', key .. ':i', now + leaseMs, instance)
  local dead = redis.call('ZRANGE', key .. ':i', '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)
  if dead[1] then
    bury(key, dead[1], now, graceMs)
  end
  local due = redis.call('ZRANGE', key .. ':g', '-inf', now, 'BYSCORE', 'LIMIT', 0, SESSIONS_MAX)
  local gone = {}
  for index, id in ipairs(due) do
    redis.call('ZADD', key .. ':g', now + RETRY_MS, id)
    local session = readSession(key, id)
    gone[index] = { id, unpack(session and session.places or {}) }
  end
  local next = redis.call('ZRANGE', key .. ':g', 0, 0, 'WITHSCORES')
  return { isNew, next[2] or '', now, unpack(gone) }
end)

-- Forgets a session that is gone and whose locks were given back. ARGV: 1 session.
define('sessionForget', function(keys, args)
  local key, id = keys[1], args[1]
  local session = readSession(key, id)
  if session and #session.instances == 0 then
    redis.call('HDEL', key, 's' .. id)
    redis.call('ZREM', key .. ':g', id)
  end
  return 1
end)
