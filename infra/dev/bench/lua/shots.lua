-- Sends the requests of a file in turn (see infra/dev/bench/shots.py), each with a key of its own
-- where it has a mark for one, and tells the outcome as one line of JSON.
--
-- wrk ... -s shots.lua URL -- FILE PREFIX      keys begin with PREFIX
local BETWEEN, MARK = '\30', '@KEY@'

local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set('number', threads)
end

local heads, tails, sent, prefix = {}, {}, 0, ''

function init(args)
  local file = assert(io.open(args[1], 'rb'))
  local text = file:read('*a')
  file:close()
  prefix = args[2] .. '-' .. number .. '-'
  for shot in string.gmatch(text, '[^' .. BETWEEN .. ']+') do
    local from, to = string.find(shot, MARK, 1, true)
    heads[#heads + 1] = from and string.sub(shot, 1, from - 1) or shot
    tails[#heads] = from and string.sub(shot, to + 1)
  end
end

function request()
  sent = sent + 1
  local i = (sent - 1) % #heads + 1
  if not tails[i] then return heads[i] end
  return heads[i] .. prefix .. sent .. tails[i]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nBENCH {"requests": %d, "microseconds": %d, "bytes": %d, "p50_us": %d, "p99_us": %d, ' ..
    '"refused": %d, "broken": %d}\n',
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
