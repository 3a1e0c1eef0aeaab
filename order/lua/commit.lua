-- Commits one change of one order: all of it, or nothing. This is the point at which it happened.
--
-- Safe to run twice with the same arguments: a change whose operation id is in the history already
-- is answered as done.
--
-- KEYS  1 order  2 history  3 user's orders  4 open orders  5 feed  6 user's events  7 outbox
--       8 placings, for the limit   9 idempotency key (only where one was given)
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
--      13 order id
--      14 how many orders its guest may place, 0 for any number   15 within how long (ms)
--      16 how many event arguments follow, then the event's fields and values
--      then those of the order's fields that change, and their values
-- sliding_window.lua stands before this text.
--
-- Reply {'APPLIED'}            committed now
--       {'APPLIED', taken, reset}  a limited one: how many places are taken, ms until one is free
--       {'DONE'}               committed before by this very operation
--       {'LIMITED', taken, reset}  the guest has placed too many
--       {'STALE', version}     the order is at another version; '0' when there is none
--       {'REPLAY', answer}     the idempotency key has an answer
--       {'FULL'}               the outbox is at its limit
local expected = ARGV[1]

if expected == '0' and KEYS[9] then
  local answer = redis.call('GET', KEYS[9])
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

local reply = {'APPLIED'}
local places = tonumber(ARGV[14])
if expected == '0' and places > 0 then
  local granted, taken, reset = take_place(KEYS[8], ARGV[2], places, tonumber(ARGV[15]))
  if granted == 0 then return {'LIMITED', taken, reset} end
  reply = {'APPLIED', taken, reset}
end

local first_event = 17
local first_field = first_event + tonumber(ARGV[16])
redis.call('HSET', KEYS[1], unpack(ARGV, first_field))
redis.call('RPUSH', KEYS[2], ARGV[3])
local order_id = ARGV[13]

local id = redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[4], '*',
  unpack(ARGV, first_event, first_field - 1))
redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[5], id, unpack(ARGV, first_event, first_field - 1))

local retention = tonumber(ARGV[9])
if expected == '0' then
  redis.call('ZADD', KEYS[3], ARGV[10], order_id)
  redis.call('ZADD', KEYS[4], ARGV[10], order_id)
  if KEYS[9] then redis.call('SET', KEYS[9], ARGV[11], 'EX', ARGV[12]) end
end
if ARGV[7] == '1' then
  -- The kitchen's part belongs to the same trace.
  local trace = ARGV[first_field - 2] == 'traceparent' and {'traceparent', ARGV[first_field - 1]}
    or {}
  redis.call('XADD', KEYS[7], '*',
    'order_id', order_id, 'version', expected + 1, unpack(trace))
end
if ARGV[8] == '1' then
  redis.call('ZREM', KEYS[4], order_id)
  if retention > 0 then
    redis.call('EXPIRE', KEYS[1], retention)
    redis.call('EXPIRE', KEYS[2], retention)
  end
end
if retention > 0 and (expected == '0' or ARGV[8] == '1') then
  -- Longer than any order in them, so that a list or a stream never ends before its orders do.
  redis.call('EXPIRE', KEYS[3], retention * 2)
  redis.call('EXPIRE', KEYS[6], retention * 2)
end
return reply
