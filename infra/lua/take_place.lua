-- Takes a place in a sliding window, if one is free.
--
-- KEYS[1]  sorted set: who took a place, by when (ms)
-- ARGV[1]  who takes one; the same again changes nothing
-- ARGV[2]  how many places there are
-- ARGV[3]  how long a place stays taken, ms
-- Reply    {1 if it is taken, else 0; how many are taken; ms until the oldest is free again}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)

local granted = redis.call('ZSCORE', KEYS[1], ARGV[1]) and 1 or 0
if granted == 0 and redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('ZADD', KEYS[1], string.format('%d', now), ARGV[1])
  redis.call('PEXPIRE', KEYS[1], window)
  granted = 1
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or now
return {granted, redis.call('ZCARD', KEYS[1]), oldest + window - now}
