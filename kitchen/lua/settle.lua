-- Forgets a change the order service has applied.
--
-- KEYS   as in ticket.lua
-- ARGV   as in ticket.lua, and 4 the id of the change
-- Reply  settled, and the ticket

local change = ARGV[4]

redis.call('XDEL', changes, change)
if t == nil then return {'settled'} end
if is_pending(change) then
  forget_pending(change)
  write()
end
return reply('settled')
