-- How the state of one event is kept.
--
-- Everything stands in one hash, `<key>`, so that a command reads with one HMGET and writes with
-- one HSET. The first letter of a field says what it holds; ids are JSON, lock ids are plain:
--   h                    the event: counts, clock, epoch, server
--   k                    the ids of its categories in the order in which they were made known
--   c<category>          the accounting of a category
--   l<lock>              a lock
--   u<user>              what a user has in this event
--   r<scope><0x1f><id>   a request that changed something, and its answer
--   o<order>,<category>  a completed order, so that it settles once
-- Beside it: `<key>:x` active locks by their end, `<key>:n` those that are to be announced and are
-- before the newest end that was (`announcing.lua`), `<key>:e` the list of ended locks in the order
-- of their ends (a lock that was reopened is in it for each end, and has `reopened`, how many of
-- these do not count), `<key>:w:<category>` unsettled sales and `<key>:p:<category>` completed ones
-- in the order of their confirms, `<key>:s` those that settle when the ledger says so, `<key>:f`
-- locks to be refunded, `<key>:d` pinned locks by when they were pinned, `<key>:t` requests in
-- their order, `<key>:o` the stream of changes.
-- A field is a sequence of MessagePack values, in the order of the names below.

local FORMAT = 3

-- Written out, because this is done several times in every command: a table that is made with all
-- its fields is made at once, one that grows is made again and again. Most locks were never
-- confirmed, and have only the first fields.
local unpackers = {
  h = function(
    v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17, v18, v19, v20,
    v21
  )
    return {
      format = v1, epoch = v2, id = v3, seq = v4, rawAt = v5, ahead = v6, cancelled = v7,
      fetchedAt = v8, firstEnd = v9, active = v10, confirmed = v11, released = v12,
      expired = v13, unsettled = v14, users = v15, categories = v16, requests = v17, pins = v18,
      server = v19, noticedEnd = v20, noticedPlaced = v21,
    }
  end,
  k = function(v1)
    return {
      list = v1,
    }
  end,
  c = function(v1, v2, v3, v4, v5, v6, v7, v8)
    return {
      capacity = v1, soldElsewhere = v2, confirmed = v3, locked = v4, version = v5, risen = v6,
      mark = v7, rises = v8,
    }
  end,
  l = function(
    v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17, v18, v19, v20,
    v21, v22, v23, v24
  )
    if v15 == nil and v16 == nil and v22 == nil and v23 == nil and v24 == nil then
      return {
        status = v1, category = v2, user = v3, session = v4, quantity = v5, createdAt = v6,
        expiresAt = v7, placed = v8, extensions = v9, noticed = v10, capacityAtGrant = v11,
        order = v12, endedAt = v13, reason = v14,
      }
    end
    return {
      status = v1, category = v2, user = v3, session = v4, quantity = v5, createdAt = v6,
      expiresAt = v7, placed = v8, extensions = v9, noticed = v10, capacityAtGrant = v11,
      order = v12, endedAt = v13, reason = v14, confirmedSeq = v15, late = v16,
      soldBefore = v17, risenBefore = v18, completed = v19, countedFrom = v20, settled = v21,
      refunds = v22, pin = v23, reopened = v24,
    }
  end,
  u = function(v1, v2, v3)
    return {
      bought = v1, locks = v2, sales = v3,
    }
  end,
  r = function(v1, v2, v3)
    return {
      content = v1, at = v2, answer = v3,
    }
  end,
  o = function(v1)
    return {
      lock = v1,
    }
  end,
}

local packers = {
  h = function(r)
    return cmsgpack.pack(
      r.format, r.epoch, r.id, r.seq, r.rawAt, r.ahead, r.cancelled, r.fetchedAt, r.firstEnd,
      r.active, r.confirmed, r.released, r.expired, r.unsettled, r.users, r.categories,
      r.requests, r.pins, r.server, r.noticedEnd, r.noticedPlaced
    )
  end,
  k = function(r)
    return cmsgpack.pack(r.list)
  end,
  c = function(r)
    return cmsgpack.pack(
      r.capacity, r.soldElsewhere, r.confirmed, r.locked, r.version, r.risen, r.mark, r.rises
    )
  end,
  l = function(r)
    local isShort = r.confirmedSeq == nil and r.late == nil and r.refunds == nil
      and r.pin == nil and r.reopened == nil
    if isShort then
      return cmsgpack.pack(
        r.status, r.category, r.user, r.session, r.quantity, r.createdAt, r.expiresAt, r.placed,
        r.extensions, r.noticed, r.capacityAtGrant, r.order, r.endedAt, r.reason
      )
    end
    return cmsgpack.pack(
      r.status, r.category, r.user, r.session, r.quantity, r.createdAt, r.expiresAt, r.placed,
      r.extensions, r.noticed, r.capacityAtGrant, r.order, r.endedAt, r.reason, r.confirmedSeq,
      r.late, r.soldBefore, r.risenBefore, r.completed, r.countedFrom, r.settled, r.refunds,
      r.pin, r.reopened
    )
  end,
  u = function(r)
    return cmsgpack.pack(r.bought, r.locks, r.sales)
  end,
  r = function(r)
    return cmsgpack.pack(r.content, r.at, r.answer)
  end,
  o = function(r)
    return cmsgpack.pack(r.lock)
  end,
}

local function unpacked(field, text)
  return unpackers[string.sub(field, 1, 1)](cmsgpack.unpack(text))
end

local function packed(field, record)
  return packers[string.sub(field, 1, 1)](record)
end
