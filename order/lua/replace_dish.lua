-- Replaces one dish if it still is what the caller read. Safe to run twice.
--
-- KEYS  1 menu
-- ARGV  1 sku  2 the dish as it was read (JSON)  3 the dish as it shall be (JSON)
-- Reply 1 when the dish is as it shall be, 0 when it was changed by somebody else meanwhile
local dish = redis.call('HGET', KEYS[1], ARGV[1])
if dish == ARGV[3] then return 1 end
if dish ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HINCRBY', KEYS[1], '_version', 1)
return 1
