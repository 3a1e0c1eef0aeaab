-- Replaces one dish if the menu still is what the caller read. Safe to run twice: the operation id tells that it was
-- done. done.lua stands before it.
--
-- KEYS  1 menu
-- ARGV  1 operation id  2 the menu's version as it was read  3 sku  4 the dish as it shall be (JSON)
-- Reply DONE and the menu's version after it, or STALE and the version it has
local version = tonumber(redis.call('HGET', KEYS[1], '_version') or '0')
if was_done(KEYS[1], ARGV[1]) then return {'DONE', version} end
if is_stale(version) then return {'STALE', version} end
if redis.call('HGET', KEYS[1], ARGV[3]) == ARGV[4] then return {'DONE', version} end

redis.call('HSET', KEYS[1], ARGV[3], ARGV[4], '_version', version + 1, '_ops', ops_with(KEYS[1], ARGV[1]))
return {'DONE', version + 1}
