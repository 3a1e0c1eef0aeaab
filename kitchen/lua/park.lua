-- Takes a ticket off the board, with its changes, because the order service can't place it.
--
-- KEYS   as in ticket.lua
-- ARGV   as in ticket.lua, and 4 the id of the change  5 reason
-- Reply  parked | gone (the change was not pending), and the ticket

local change, reason = ARGV[4], ARGV[5]

redis.call('XDEL', changes, change)
if t == nil then return {'gone'} end
if not is_pending(change) then return reply('gone') end

take_down()
free_number()
drop_pending()
t.status, t.reason = 'parked', reason
redis.call('ZADD', parked, now, order_id)
tell_boards()
return save('parked')
