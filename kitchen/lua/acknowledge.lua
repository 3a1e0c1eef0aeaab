-- A cook has seen what is flagged on a ticket; a voided or parked one is done with then.
--
-- KEYS   as in ticket.lua
-- ARGV   as in ticket.lua
-- Reply  acknowledged | already | unknown, and the ticket

if t == nil then return {'unknown'} end
local dealt_with = redis.call('ZREM', parked, order_id) == 1
redis.call('ZREM', flagged, order_id)
if t.flag == '' and not dealt_with then return reply('already') end
t.flag = ''
tell_boards()
local answer = save('acknowledged')
if dealt_with then redis.call('EXPIRE', ticket, KEPT_SECONDS) end
return answer
