-- Replaces the whole menu. Safe to run twice: the operation id tells that it was done. done.lua stands before it.
--
-- KEYS  1 menu
-- ARGV  1 operation id  2 the version it must have, or empty for any  3 currency
--       4 the skus in the menu's sequence (JSON)  then sku, dish (JSON), sku, dish, ...
-- Reply DONE and the menu's version after it, or STALE and the version it has
local version = tonumber(redis.call('HGET', KEYS[1], '_version') or '0')
if was_done(KEYS[1], ARGV[1]) then return {'DONE', version} end
if is_stale(version) then return {'STALE', version} end

local ops = ops_with(KEYS[1], ARGV[1])
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], '_version', version + 1, '_ops', ops, '_currency', ARGV[3], '_skus', ARGV[4])
for i = 5, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return {'DONE', version + 1}
