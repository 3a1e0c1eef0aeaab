-- A sliding window, for scripts that begin with this text: places that are taken one by one, each
-- for the length of the window.
--
-- key       sorted set: who took a place, by when (ms)
-- who       takes one; the same again changes nothing
-- places    how many there are
-- window    how long a place stays taken, ms
-- Returns   1 if it is taken, else 0; how many are taken; ms until the oldest is free again
local function take_place(key, who, places, window)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)

  local granted = redis.call('ZSCORE', key, who) and 1 or 0
  local taken = redis.call('ZCARD', key)
  if granted == 0 and taken < places then
    redis.call('ZADD', key, string.format('%d', now), who)
    redis.call('PEXPIRE', key, window)
    granted, taken = 1, taken + 1
  end
  local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or now
  return granted, taken, oldest + window - now
end

