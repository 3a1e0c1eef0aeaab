-- Commits one change of an order: all of it, or nothing. This is the point at which it happened.
--
-- Safe to run twice with the same arguments: a change whose operation id is in the history already
-- is answered as done.
--
-- KEYS  1 order  2 history  3 feed  4 user's events
--       5 outbox  6 open orders  7 user's orders (where the kitchen must hear, has heard, or all is
--         over)  8 the edition of the terms (where the content changes)
-- ARGV  1 expected version  2 operation id  3 history entry (JSON)  4 order id  5 user id
--       6 the status before it
--       of the order after it: 7 status  8 number  9 revision  10 applied seq  11 cause  12 reason
--      13 updated at  14 promised at, or empty
--      15 feed length  16 length of the user's events
--      17 '1' when the kitchen must hear of it  18 '1' when the order is finished by it
--      19 retention in seconds, 0 keeps for good
--      20 the traceparent, or empty  21 entries of the outbox the kitchen has heard, between spaces
--      where the content changes: 22 the edition of the terms it was made out by
--      23 how many commands the outbox may hold, then the content's fields and their values
--
-- Reply APPLIED, APPLIED <outbox id>  committed now
--       DONE    committed before by this very operation
--       STALE   the order is at another version, or there is none
--       OUTDATED <edition>  the terms of a change of content have changed: there is that edition
--       FULL    the outbox is at its limit, for a change of content
-- One text, as in place.lua.
local order, history, feed, events, outbox, open, orders, terms = unpack(KEYS)
local expected, op, entry, order_id, user_id, previous, status, number, revision, applied_seq,
  cause, reason, updated_at, promised_at, feed_length, events_length, told, finished, retention,
  traceparent, heard, edition, outbox_limit = unpack(ARGV, 1, 23)

if redis.call('HGET', order, 'version') ~= expected then
  for _, each in ipairs(redis.call('LRANGE', history, 0, -1)) do
    if string.find(each, '"op":"' .. op .. '"', 1, true) then return 'DONE' end
  end
  return 'STALE'
end

-- As in place.lua.
if edition then
  local newest = redis.call('GET', terms)
  if newest and tonumber(newest) > tonumber(edition) then return 'OUTDATED ' .. newest end
  if redis.call('XLEN', outbox) >= tonumber(outbox_limit) then return 'FULL' end
end

-- What can't be written to is found out before anything is.
redis.call('LLEN', history)

if edition then
  -- The content as it was first: an idempotency key is answered with that.
  local items, note = unpack(redis.call('HMGET', order, 'items', 'note'))
  redis.call('HSETNX', order, 'first_items', items)
  redis.call('HSETNX', order, 'first_note', note)
end
local version = string.format('%d', expected + 1)
redis.call('HSET', order, 'number', number, 'status', status, 'version', version,
  'revision', revision, 'applied_seq', applied_seq, 'cause', cause, 'reason', reason,
  'updated_at', updated_at, 'promised_at', promised_at, unpack(ARGV, 24))
redis.call('RPUSH', history, entry)

local event = {
  'order_id', order_id, 'user_id', user_id, 'status', status, 'previous', previous,
  'version', version, 'number', number, 'cause', cause, 'at', updated_at,
  'promised_at', promised_at,
}
local trace = traceparent ~= '' and {'traceparent', traceparent} or {}
if trace[1] then event[19], event[20] = unpack(trace) end
local id = redis.call('XADD', feed, 'MAXLEN', '~', feed_length, '*', unpack(event))
redis.call('XADD', events, 'MAXLEN', '~', events_length, id, unpack(event))

if finished == '1' then
  redis.call('ZREM', open, order_id)
  retention = tonumber(retention)
  if retention > 0 then
    redis.call('EXPIRE', order, retention)
    redis.call('EXPIRE', history, retention)
    -- Longer than any order in them, so that a list or a stream never ends before its orders do.
    redis.call('EXPIRE', orders, retention * 2)
    redis.call('EXPIRE', events, retention * 2)
  end
end
for each in string.gmatch(heard, '%S+') do redis.call('XDEL', outbox, each) end
if told ~= '1' then return 'APPLIED' end
-- The kitchen's part belongs to the same trace.
return 'APPLIED ' .. redis.call('XADD', outbox, '*',
  'order_id', order_id, 'version', version, unpack(trace))
