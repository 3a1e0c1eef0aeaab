-- Brings a ticket to the wanted state a command tells, unless that version or a later one is known.
--
-- KEYS   as in ticket.lua
-- ARGV   as in ticket.lua and command.lua, and 19 the traceparent of the span that puts it, if any
-- Reply  rebuilt | changed | voided | withdrawn | closed | noted | known, and the ticket
--        taken <number> <promise, ms>  one text: the rest of the ticket is in the command, and
--        Redis 6.2 sends each table that a script returns by a system call of its own

if t and command.version <= t.version then return reply('known') end

if t == nil or t.status == 'parked' then
  t = new_ticket()
  t.traceparent = ARGV[19]
  if CLOSED[command.status] then
    -- Remembered only so that an older command, still on its way, can't bring it to life.
    redis.call('ZREM', parked, order_id)
    t.reason = command.reason
    return save('closed')
  end
  follow_status()
  if command.status ~= 'placed' then
    tell_boards()
    return save('rebuilt')
  end
  -- No change is recorded: this very reply goes on to the order service, which keeps its command
  -- until it has acted on it.
  t.seq, t.by = t.seq + 1, 'kitchen'
  tell_boards()
  save('taken')
  return string.format('taken %d %d', t.number, t.promised_at)
end

if t.status == 'cancelled' or t.status == 'rejected' then
  t.version = command.version
  return save('noted')
end

if CLOSED[command.status] then return close() end

t.version = command.version
if command.revision <= t.revision then return save('noted') end
-- The status stays: a change made with the old content in hand will come back amended.
replace_content()
if not SHELVES[t.status] then return save('noted') end
watch_promise()
t.flag = 'changed'
tell_boards()
return save('changed')
