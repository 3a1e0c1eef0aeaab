-- What put and reset share: a command of the order service. This text follows ticket.lua in both.
--
-- ARGV   4 kitchen  5 version  6 revision  7 status  8 applied seq  9 items, JSON  10 note
--        11 placed at, ms  12 pickup number, or 0  13 promised at, ms, or 0  14 reason
--        15 prep time, ms  16 capacity  17 ms a ready ticket waits to be picked up
--        18 ms a ticket waits for the job at most

local command = {
  kitchen = ARGV[4], version = tonumber(ARGV[5]), revision = tonumber(ARGV[6]), status = ARGV[7],
  applied_seq = tonumber(ARGV[8]), items = ARGV[9], note = ARGV[10], placed_at = ARGV[11],
  number = tonumber(ARGV[12]), promised_at = tonumber(ARGV[13]), reason = ARGV[14],
  prep_ms = tonumber(ARGV[15]),
}
local capacity, pickup_ms, job_wait_ms = tonumber(ARGV[16]), tonumber(ARGV[17]), tonumber(ARGV[18])

local function new_ticket()
  return {
    order_id = order_id, kitchen = command.kitchen, status = command.status,
    number = command.number, seq = command.applied_seq, version = command.version,
    revision = command.revision, items = command.items, note = command.note,
    prep_ms = command.prep_ms, placed_at = command.placed_at, promised_at = command.promised_at,
    started_at = '', ready_at = '', cause = 'system', by = '', held = '0', flag = '', reason = '',
    pending = '',
  }
end

local function replace_content()
  t.revision, t.items, t.note = command.revision, command.items, command.note
  t.prep_ms = command.prep_ms
end

-- See domain.Kitchen for the estimate.
local function first_promise()
  local ahead = redis.call('ZCARD', queued) + redis.call('ZCARD', preparing)
  local rounds = math.floor(ahead / capacity)
  return now + t.prep_ms * rounds + t.prep_ms + job_wait_ms
end

-- Makes the ticket what the command says, counting on from the seq the order service applied. The
-- caller tells of it.
local function follow_status()
  t.status = command.status == 'placed' and 'queued' or command.status
  t.seq = command.applied_seq
  t.number = claim_number(command.number > 0 and command.number or t.number)
  if command.promised_at > 0 then t.promised_at = command.promised_at end
  if t.promised_at == 0 then t.promised_at = first_promise() end
  if t.status ~= 'preparing' then t.held = '0' end
  if t.status == 'queued' then t.started_at = '' end
  if t.status == 'preparing' and t.started_at == '' then t.started_at = now end
  if t.status ~= 'ready' then t.ready_at = '' end
  if t.status == 'ready' and t.ready_at == '' then t.ready_at = now end
  hang(pickup_ms)
end

-- The order is over: the ticket leaves the board, unless somebody is cooking what nobody will eat.
local function close()
  local cooked = t.status == 'preparing' or t.status == 'ready' or t.status == 'completed'
  local wasted = command.status == 'cancelled' and cooked
  take_down()
  free_number()
  drop_pending()
  t.version = math.max(t.version, command.version)
  t.status, t.reason, t.held, t.flag = command.status, command.reason, '0', ''
  redis.call('ZREMRANGEBYSCORE', flagged, '-inf', now - KEPT_SECONDS * 1000)
  if wasted then
    t.flag = 'voided'
    redis.call('ZADD', flagged, now, order_id)
  end
  tell_boards()
  if command.status ~= 'cancelled' then return save('closed') end
  return save(wasted and 'voided' or 'withdrawn')
end

