-- Replaces the whole menu. Safe to run twice: the operation id tells that it was done.
--
-- KEYS  1 menu
-- ARGV  1 operation id  2 currency  3 the skus in the menu's sequence (JSON)
--       then sku, dish (JSON), sku, dish, ...
-- Reply the menu's version after it
local version = tonumber(redis.call('HGET', KEYS[1], '_version') or '0')
if redis.call('HGET', KEYS[1], '_op') == ARGV[1] then return version end

redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], '_version', version + 1, '_op', ARGV[1], '_currency', ARGV[2], '_skus', ARGV[3])
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return version + 1
