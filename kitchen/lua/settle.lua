-- Forgets changes the order service has applied. It stands alone: of a ticket it touches one field,
-- and there is a change for every step of every order, so one call forgets many.
--
-- KEYS   1 changes (stream)  then the ticket (hash) of each change
-- ARGV   1 seconds a closed ticket is remembered  then the id of each change
-- Reply  for each change 1 when it was pending, 0 when not, or why Redis could not work on its ticket

local changes, kept_seconds = KEYS[1], ARGV[1]

local function settle(ticket, change)
  -- First what may fail, so that nothing is half done.
  local found = redis.pcall('HMGET', ticket, 'pending', 'status')
  if found.err then return found end
  redis.call('XDEL', changes, change)
  local pending, status = found[1], found[2]
  if not pending then return 0 end

  local left, known = {}, 0
  for id in string.gmatch(pending, '[^,]+') do
    if id == change then known = 1 else left[#left + 1] = id end
  end
  if known == 1 then
    redis.call('HSET', ticket, 'pending', table.concat(left, ','))
    local closed = status == 'completed' or status == 'cancelled' or status == 'rejected'
    if closed and #left == 0 then redis.call('EXPIRE', ticket, kept_seconds) end
  end
  return known
end

local answers = {}
for i = 2, #KEYS do answers[i - 1] = settle(KEYS[i], ARGV[i]) end
return answers
