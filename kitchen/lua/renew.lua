-- Gives a ticket a new promise when the old one is about to be missed by more than two minutes.
-- Its place in the queue stays: whoever was promised first is started first.
--
-- KEYS   as in ticket.lua
-- ARGV   as in ticket.lua, and 4 capacity  5 cause  6 by
-- Reply  renewed | not_due | unknown, and the ticket

local capacity, cause, by = tonumber(ARGV[4]), ARGV[5], ARGV[6]

if t == nil or (t.status ~= 'queued' and t.status ~= 'preparing') then
  redis.call('ZREM', promises, order_id)
end
if t == nil then return {'unknown'} end
local late = tonumber(redis.call('ZSCORE', promises, order_id))
if late == nil or late > now then return reply('not_due') end

local remaining_ms
if t.status == 'queued' then
  local ahead = (redis.call('ZRANK', queued, order_id) or 0) + redis.call('ZCARD', preparing)
  local rounds = math.floor(ahead / capacity)
  remaining_ms = t.prep_ms * rounds + t.prep_ms
else
  local due = tonumber(redis.call('ZSCORE', preparing, order_id))
  -- Only the cook knows how much longer it takes when its time is over or it was recalled.
  local known = due ~= nil and due > now and due < math.huge
  remaining_ms = known and due - now or LATE_MS
end
-- Being due says that this is later than the old promise.
t.promised_at = now + remaining_ms
watch_promise()
record_change(t.status, cause, by, '')
tell_boards()
return save('renewed')
