-- What can be asked about an event. A query may expire what is due; it decides nothing.

-- ARGV from 4: lock ids. Output of `locks`: for each that is known its view.
command('locks', function(args)
  return fieldsOf('l', idsFrom(args, 4))
end, function(s, args)
  local views = {}
  for _, id in ipairs(idsFrom(args, 4)) do
    local lock = get(s, 'l' .. id)
    if lock then
      views[#views + 1] = viewOf(id, lock)
    end
  end
  return ok(unpack(views))
end)

-- ARGV from 4: user. Output of `locksOfUser`: the views of his active locks.
command('locksOfUser', function(args)
  return { 'u' .. args[4] }
end, function(s, args)
  local user = get(s, 'u' .. args[4])
  local views = {}
  if user then
    fetch(s, fieldsOf('l', user.locks))
    for index, id in ipairs(user.locks) do
      views[index] = viewOf(id, s.records['l' .. id])
    end
  end
  return ok(unpack(views))
end)

-- Output of `availability`: 1 when the event is cancelled, then for each category { id, capacity,
-- soldElsewhere, confirmed, locked, version }.
command('availability', function()
  return { 'k' }
end, function(s)
  local list = (get(s, 'k') or { list = {} }).list
  fetch(s, fieldsOf('c', list))
  local figures = {}
  for index, category in ipairs(list) do
    local c = s.records['c' .. category]
    figures[index] = {
      category, digits(c.capacity), digits(c.soldElsewhere), digits(c.confirmed), digits(c.locked),
      digits(c.version),
    }
  end
  return ok(s.h.cancelled and 1 or 0, unpack(figures))
end)

-- Sales of one category by their confirms, a page at a time.
-- ARGV from 4: category, the number after which the page begins, its size.
-- Output of `unsettled`: the number of the last one, then views.
command('unsettled', function()
  return {}
end, function(s, args)
  local page = scored(
    s.key .. ':w:' .. args[4], '(' .. args[5], '+inf', math.min(tonumber(args[6]), 1000)
  )
  local views, last = {}, args[5]
  local ids = {}
  for index = 1, #page, 2 do
    ids[#ids + 1], last = page[index], page[index + 1]
  end
  fetch(s, fieldsOf('l', ids))
  for index, id in ipairs(ids) do
    views[index] = viewOf(id, s.records['l' .. id])
  end
  return ok(last, unpack(views))
end)

-- ARGV from 4: the place after which the page begins. Output of `refunds`: the next place or '',
-- then { lock id, category, user, quantity, order or '', when } for each.
command('refunds', function()
  return {}
end, function(s, args)
  local from = tonumber(args[4])
  local ids = redis.call('ZRANGE', s.key .. ':f', from, from + 499)
  fetch(s, fieldsOf('l', ids))
  local refunds = {}
  for _, id in ipairs(ids) do
    local lock = s.records['l' .. id]
    for _, refund in ipairs(lock.refunds or {}) do
      refunds[#refunds + 1] = {
        id, lock.category, lock.user, lock.quantity, refund[1], refund[2],
      }
    end
  end
  return ok(#ids == 500 and from + 500 or '', unpack(refunds))
end)

-- Output of `stats`: counts of active, confirmed, released, expired and unsettled locks, of users
-- and categories with locks, of remembered requests.
command('stats', function()
  return {}
end, function(s)
  local h = s.h
  return ok(
    h.active, h.confirmed, h.released, h.expired, h.unsettled, h.users, h.categories, h.requests
  )
end)
