-- What the kitchen's scripts share: one ticket, read and written whole. This text stands before
-- each of them.
--
-- KEYS   1 the ticket (hash)
--        2 queued  3 preparing  4 ready  5 promises  6 flagged  7 parked (sorted sets)
--        8 number (string)  9 numbers (hash)  10 changes  11 events (streams)
-- ARGV   1 operation id  2 order id  3 now, ms; the script's own follow
-- Reply  the outcome, then the ticket's fields and values; the outcome alone where it has no ticket
--
-- A script that finds its own operation id on the ticket is being asked again because its reply
-- was lost, and answers as it did the first time.

local ticket, queued, preparing, ready, promises, flagged, parked,
  number, numbers, changes, events = unpack(KEYS)
local operation, order_id, now = ARGV[1], ARGV[2], tonumber(ARGV[3])

local LATE_MS = 120000
local KEPT_SECONDS = 86400
local EVENTS_KEPT = 10000
local SHELVES = {queued = queued, preparing = preparing, ready = ready}
local CLOSED = {completed = true, cancelled = true, rejected = true}
local OPEN = {placed = true, queued = true, preparing = true, ready = true, parked = true}
local COUNTS = {'number', 'seq', 'version', 'revision', 'prep_ms', 'promised_at'}

-- Found out before anything is written: Redis takes nothing back of what a script has done.
local function unreadable(name) error('the ticket has no good ' .. name) end

local function read()
  local pairs_read = redis.call('HGETALL', ticket)
  if #pairs_read == 0 then return nil end
  local fields = {}
  for i = 1, #pairs_read, 2 do fields[pairs_read[i]] = pairs_read[i + 1] end
  for _, name in ipairs(COUNTS) do fields[name] = tonumber(fields[name]) or unreadable(name) end
  if not (OPEN[fields.status] or CLOSED[fields.status]) then unreadable('status') end
  if not fields.pending then unreadable('pending') end
  return fields
end

local t = read()
local is_new = t == nil

-- An outcome, then the fields and values of t.
local function reply(outcome)
  local answer = {outcome}
  for name, value in pairs(t) do
    answer[#answer + 1] = name
    answer[#answer + 1] = value
  end
  return answer
end

if t and t.last_operation == operation then return reply(t.last_outcome) end

local function write(answer)
  redis.call('HSET', ticket, unpack(answer, 2))
  -- With changes still pending it may yet be reset to life.
  if CLOSED[t.status] and t.pending == '' then redis.call('EXPIRE', ticket, KEPT_SECONDS) end
end

local function save(outcome)
  t.last_operation, t.last_outcome = operation, outcome
  local answer = reply(outcome)
  write(answer)
  return answer
end

local function tell_boards()
  redis.call('XADD', events, 'MAXLEN', '~', EVENTS_KEPT, '*',
    'order_id', order_id, 'status', t.status, 'seq', t.seq)
end

local function take_down()
  if is_new then return end
  for _, key in ipairs({queued, preparing, ready, promises, flagged, parked}) do
    redis.call('ZREM', key, order_id)
  end
end

-- Before cooking the promise is lost two minutes after the last moment to start; then, two minutes
-- after the promise itself.
local function watch_promise()
  if t.status == 'queued' then
    redis.call('ZADD', promises, t.promised_at - t.prep_ms + LATE_MS, order_id)
  elseif t.status == 'preparing' then
    redis.call('ZADD', promises, t.promised_at + LATE_MS, order_id)
  end
end

-- Hangs the ticket where its status belongs, due from now on.
local function hang(pickup_ms)
  take_down()
  if t.status == 'queued' then
    redis.call('ZADD', queued, t.promised_at, order_id)
  elseif t.status == 'preparing' then
    redis.call('ZADD', preparing, t.held == '1' and '+inf' or now + t.prep_ms, order_id)
  elseif t.status == 'ready' then
    redis.call('ZADD', ready, now + pickup_ms, order_id)
  end
  watch_promise()
end

-- Takes the wanted number, or the next that no open ticket has: 1-999 round, and a larger span
-- only while all of those are open.
local function claim_number(wanted)
  if wanted > 0 then
    -- The guest was told this number: after a loss two may share it sooner than one be renamed.
    redis.call('HSETNX', numbers, wanted, order_id)
    return wanted
  end
  local span, open = 999, redis.call('HLEN', numbers)
  while open >= span do span = span * 10 + 9 end
  local candidate = tonumber(redis.call('GET', number) or 0)
  repeat
    candidate = candidate % span + 1
  until redis.call('HEXISTS', numbers, candidate) == 0
  redis.call('SET', number, candidate)
  redis.call('HSET', numbers, candidate, order_id)
  return candidate
end

local function free_number()
  if redis.call('HGET', numbers, t.number) == order_id then
    redis.call('HDEL', numbers, t.number)
  end
end

-- Numbers a change of the ticket and puts it on its way to the order service.
local function record_change(previous, cause, by, reason)
  t.seq = t.seq + 1
  t.cause, t.by = cause, by
  local trace = t.traceparent and {'traceparent', t.traceparent} or {}
  local id = redis.call('XADD', changes, '*',
    'order_id', order_id, 'seq', t.seq, 'revision', t.revision,
    'previous', previous, 'status', t.status, 'cause', cause, 'by', by, 'at', now,
    'number', t.number, 'promised_at', t.promised_at, 'reason', reason, unpack(trace))
  t.pending = t.pending == '' and id or t.pending .. ',' .. id
end

local function is_pending(id)
  return id ~= '' and string.find(',' .. t.pending .. ',', ',' .. id .. ',', 1, true) ~= nil
end

local function forget_pending(id)
  local left = {}
  for other in string.gmatch(t.pending, '[^,]+') do
    if other ~= id then left[#left + 1] = other end
  end
  t.pending = table.concat(left, ',')
end

local function drop_pending()
  for id in string.gmatch(t.pending, '[^,]+') do redis.call('XDEL', changes, id) end
  t.pending = ''
end

