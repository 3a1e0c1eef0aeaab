-- Moves a ticket one step, if it still stands where the mover saw it.
--
-- KEYS   as in ticket.lua
-- ARGV   as in ticket.lua, and 4 from  5 to  6 the seq seen, or 0  7 '1' when time alone moves it
--        8 capacity  9 ms a ready ticket waits to be picked up  10 cause  11 by  12 reason
-- Reply  moved | already | refused | not_due | full | unknown, and the ticket

local from, to, seen_seq, by_time = ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7] == '1'
local capacity, pickup_ms = tonumber(ARGV[8]), tonumber(ARGV[9])
local cause, by, reason = ARGV[10], ARGV[11], ARGV[12]
local recall = from == 'ready' and to == 'preparing'

if t == nil or t.status ~= from then
  -- Nothing that hangs on the wrong shelf may come up as due for ever.
  redis.call('ZREM', SHELVES[from], order_id)
end
if t == nil then return {'unknown'} end
if t.status == to and (t.held == '1' or not recall) then return reply('already') end
if t.status ~= from or (seen_seq > 0 and seen_seq ~= t.seq) then return reply('refused') end

if by_time and from == 'queued' then
  if redis.call('ZCARD', preparing) >= capacity then return reply('full') end
elseif by_time then
  local due = tonumber(redis.call('ZSCORE', SHELVES[from], order_id))
  if due == nil or due > now then return reply('not_due') end
end

t.status = to
if recall then
  t.held, t.ready_at, t.reason = '1', '', reason
elseif to == 'preparing' then
  t.started_at = now
elseif to == 'ready' then
  t.held, t.ready_at, t.reason = '0', now, ''
else
  t.flag = ''
  free_number()
end
hang(pickup_ms)
record_change(from, cause, by, reason)
tell_boards()
return save('moved')
