-- Takes a place in a sliding window, if one is free: each stays taken for the length of the window.
--
-- KEYS[1]  sorted set: who took a place, by when (ms)
-- ARGV[1]  who takes one; the same again changes nothing
-- ARGV[2]  how many places there are
-- ARGV[3]  how long a place stays taken, ms
-- Reply    {1 if it is taken, else 0; how many are taken; ms until the oldest is free again}
local key, who, places, window = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
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
return {granted, taken, oldest + window - now}
