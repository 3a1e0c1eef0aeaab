-- Commits one change of one order: all of it, or nothing. This is the point at which it happened.
--
-- Safe to run twice with the same arguments: a change whose operation id is in the history already
-- is answered as done.
--
-- KEYS  1 order  2 history  3 user's orders  4 open orders  5 feed  6 user's events  7 outbox
--       8 idempotency key (only where one was given)
-- ARGV  1 expected version, 0 for a new order
--       2 operation id
--       3 history entry (JSON)
--       4 feed length   5 length of the user's events
--       6 outbox limit for a new order, 0 for none
--       7 '1' when the kitchen must hear of it
--       8 '1' when the order is finished by it
--       9 retention in seconds, 0 keeps for good
--      10 when it was placed (ms)
--      11 the first answer, for the idempotency key   12 that key's life in seconds
--      13 how many event arguments follow, then the event's fields and values
--      then the order's fields and values
-- Reply {'APPLIED'}            committed now
--       {'DONE'}               committed before by this very operation
--       {'STALE', version}     the order is at another version; '0' when there is none
--       {'REPLAY', answer}     the idempotency key has an answer
--       {'FULL'}               the outbox is at its limit
local expected = ARGV[1]

if expected == '0' and KEYS[8] then
  local answer = redis.call('GET', KEYS[8])
  if answer then return {'REPLAY', answer} end
end

local version = redis.call('HGET', KEYS[1], 'version') or '0'
if version ~= expected then
  for _, entry in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
    if string.find(entry, '"op":"' .. ARGV[2] .. '"', 1, true) then return {'DONE'} end
  end
  return {'STALE', version}
end

local limit = tonumber(ARGV[6])
if limit > 0 and redis.call('XLEN', KEYS[7]) >= limit then return {'FULL'} end

local first_event = 14
local first_field = first_event + tonumber(ARGV[13])
local event, fields = {}, {}
for i = first_event, first_field - 1 do event[#event + 1] = ARGV[i] end
for i = first_field, #ARGV do fields[#fields + 1] = ARGV[i] end

redis.call('HSET', KEYS[1], unpack(fields))
redis.call('RPUSH', KEYS[2], ARGV[3])
local order_id = redis.call('HGET', KEYS[1], 'id')

local id = redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[4], '*', unpack(event))
redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[5], id, unpack(event))

local retention = tonumber(ARGV[9])
if expected == '0' then
  redis.call('ZADD', KEYS[3], ARGV[10], order_id)
  redis.call('ZADD', KEYS[4], ARGV[10], order_id)
  if KEYS[8] then redis.call('SET', KEYS[8], ARGV[11], 'EX', ARGV[12]) end
end
if ARGV[7] == '1' then
  redis.call('XADD', KEYS[7], '*', 'order_id', order_id, 'version', expected + 1)
end
if ARGV[8] == '1' then
  redis.call('ZREM', KEYS[4], order_id)
  if retention > 0 then
    redis.call('EXPIRE', KEYS[1], retention)
    redis.call('EXPIRE', KEYS[2], retention)
  end
end
if retention > 0 then
  -- Longer than any order in them, so that a list or a stream never ends before its orders do.
  redis.call('EXPIRE', KEYS[3], retention * 2)
  redis.call('EXPIRE', KEYS[6], retention * 2)
end
return {'APPLIED'}
