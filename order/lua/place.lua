-- Writes a new order: all of it, or nothing. This is the point at which it happened.
--
-- Safe to run twice with the same arguments: an order that stands already, by this very operation,
-- is answered as done. What is the same for every new order stands here and is not sent: that, and
-- sending nothing twice, saves two fifths of the call's time at both ends.
--
-- KEYS  1 order  2 history  3 user's orders  4 open orders  5 feed  6 user's events  7 outbox
--       8 the edition of the terms  9 idempotency key, 10 its content (only where one was given)
-- ARGV  1 operation id  2 history entry (JSON)
--       3 order id  4 user id  5 kitchen  6 items (JSON)  7 total  8 currency  9 note
--      10 when it is placed (RFC 3339)  11 the same in ms
--      12 feed length  13 length of the user's events  14 how many commands the outbox may hold
--      15 how many orders its guest may place, 0 for any number  16 within how long (ms)
--      17 the edition of the terms it was made out by
--      18 the body's SHA-256, for the idempotency key  19 its content's, "" where that is not known
--      20 the life of both keys in seconds
--      21 the traceparent (only where there is one)
--
-- Reply APPLIED <outbox id>    written now
--       APPLIED <outbox id> <taken> <reset>  a limited one: how many the guest has placed within
--                              that time, ms until one of them counts no more
--       DONE                   written before by this very operation
--       LIMITED <taken> <reset>  the guest has placed too many
--       STALE                  there is an order of that id
--       REPLAY <SHA-256> <order id> <SHA-256>  the idempotency key has an order: the body's digest,
--                              its id and the content's digest, nothing where that is not known
--       OUTDATED <edition>     the terms have changed: there is that edition of them
--       FULL                   the outbox is at its limit
-- One text, because Redis 6.2 sends each table that a script returns by a system call of its own,
-- and wakes the reader for it.
local order, history, orders, open, feed, events, outbox, terms, key, content =
  unpack(KEYS)
local op, entry, order_id, user_id, kitchen, items, total, currency, note, placed_at, placed_ms,
  feed_length, events_length, outbox_limit, places, window, edition, body_sha256,
  content_sha256, life, traceparent = unpack(ARGV)

if key then
  local answer = redis.call('GET', key)
  if answer then
    return 'REPLAY ' .. answer .. ' ' .. (redis.call('GET', content) or '')
  end
end

if redis.call('EXISTS', order) == 1 then
  local first = redis.call('LINDEX', history, 0)
  return string.find(first, '"op":"' .. op .. '"', 1, true) and 'DONE' or 'STALE'
end

local newest = redis.call('GET', terms)
if newest and tonumber(newest) > tonumber(edition) then return 'OUTDATED ' .. newest end

if redis.call('XLEN', outbox) >= tonumber(outbox_limit) then return 'FULL' end

places, window = tonumber(places), tonumber(window)
local taken, reset
if places > 0 then
  -- A user's orders are kept by when they were placed: no other book needs to be kept.
  local since = string.format('(%d', placed_ms - window)
  taken = redis.call('ZCOUNT', orders, since, '+inf')
  local oldest = taken > 0 and
    redis.call('ZRANGEBYSCORE', orders, since, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2] or placed_ms
  reset = oldest + window - placed_ms
  if taken >= places then return string.format('LIMITED %d %d', taken, reset) end
  taken = taken + 1
end

-- As order/codec.py reads them.
redis.call('HSET', order,
  'id', order_id, 'user_id', user_id, 'kitchen', kitchen, 'items', items, 'total', total,
  'currency', currency, 'note', note, 'placed_at', placed_at, 'number', '0', 'status', 'placed',
  'version', '1', 'revision', '1', 'applied_seq', '0', 'cause', 'guest', 'reason', '',
  'updated_at', placed_at, 'promised_at', '')
redis.call('RPUSH', history, entry)

local event = {
  'order_id', order_id, 'user_id', user_id, 'status', 'placed', 'previous', '', 'version', '1',
  'number', '0', 'cause', 'guest', 'at', placed_at, 'promised_at', '',
}
local trace = traceparent and {'traceparent', traceparent} or {}
if trace[1] then event[19], event[20] = unpack(trace) end
local id = redis.call('XADD', feed, 'MAXLEN', '~', feed_length, '*', unpack(event))
redis.call('XADD', events, 'MAXLEN', '~', events_length, id, unpack(event))

redis.call('ZADD', orders, placed_ms, order_id)
redis.call('ZADD', open, placed_ms, order_id)
if key then
  redis.call('SET', key, body_sha256 .. ' ' .. order_id, 'EX', life)
  if content_sha256 ~= '' then redis.call('SET', content, content_sha256, 'EX', life) end
end
-- Until this order, too, is finished.
redis.call('PERSIST', orders)
redis.call('PERSIST', events)

-- The kitchen's part belongs to the same trace.
local told = redis.call('XADD', outbox, '*',
  'order_id', order_id, 'version', '1', unpack(trace))
if not taken then return 'APPLIED ' .. told end
return string.format('APPLIED %s %d %d', told, taken, reset)
