-- Forgets a change the order service has applied. It stands alone: of the ticket it touches one
-- field, and there is one for every step of every order.
--
-- KEYS   as in ticket.lua
-- ARGV   as in ticket.lua, and 4 the id of the change  5 seconds a closed ticket is remembered
-- Reply  1 when the change was pending, else 0

local ticket, changes = KEYS[1], KEYS[10]
local change = ARGV[4]

-- First what may fail, so that nothing is half done.
local found = redis.call('HMGET', ticket, 'pending', 'status')
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
  if closed and #left == 0 then redis.call('EXPIRE', ticket, ARGV[5]) end
end
return known
