-- Puts a ticket back into the state the order service knows, because it did not accept a change.
--
-- KEYS   as in ticket.lua
-- ARGV   as in ticket.lua and command.lua, and 19 the id of the change
-- Reply  reset | voided | withdrawn | closed | gone (the change was not pending), and the ticket

local change = ARGV[19]

redis.call('XDEL', changes, change)
if t == nil then return {'gone'} end
if not is_pending(change) then return reply('gone') end
if CLOSED[command.status] then return close() end

drop_pending()
-- A later command may have overtaken the verdict; its content stays.
if command.version >= t.version then
  t.version = command.version
  replace_content()
end
t.flag = 'changed'
follow_status()
if command.status == 'placed' then record_change('placed', 'system', 'kitchen', '') end
tell_boards()
return save('reset')
